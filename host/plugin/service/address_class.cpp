#include "plugin/service/destination.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace dispatch::plugin {

namespace {

struct Range4 {
  std::uint32_t network;
  int prefix;
  AddressClass kind;
};

constexpr std::uint32_t four(unsigned a, unsigned b, unsigned c, unsigned d) {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

// IANA IPv4 special-purpose address registry (RFC 6890 and updates).
constexpr Range4 ranges4[] = {
    {four(0, 0, 0, 0), 8, AddressClass::special},        // "this network"; 0.0.0.0 connects to this machine
    {four(10, 0, 0, 0), 8, AddressClass::local},         // RFC 1918
    {four(100, 64, 0, 0), 10, AddressClass::local},      // RFC 6598, carrier-grade NAT
    {four(127, 0, 0, 0), 8, AddressClass::local},        // loopback
    {four(169, 254, 0, 0), 16, AddressClass::special},   // link-local; cloud metadata services
    {four(172, 16, 0, 0), 12, AddressClass::local},      // RFC 1918
    {four(192, 0, 0, 0), 24, AddressClass::special},     // IETF protocol assignments
    {four(192, 0, 2, 0), 24, AddressClass::special},     // documentation
    {four(192, 88, 99, 0), 24, AddressClass::special},   // 6to4 relay, deprecated
    {four(192, 168, 0, 0), 16, AddressClass::local},     // RFC 1918
    {four(198, 18, 0, 0), 15, AddressClass::local},      // benchmarking
    {four(198, 51, 100, 0), 24, AddressClass::special},  // documentation
    {four(203, 0, 113, 0), 24, AddressClass::special},   // documentation
    {four(224, 0, 0, 0), 4, AddressClass::special},      // multicast
    {four(240, 0, 0, 0), 4, AddressClass::special},      // reserved, broadcast
};

AddressClass classify4(std::uint32_t address) {
  for (const auto& range : ranges4)
    if ((address >> (32 - range.prefix)) == (range.network >> (32 - range.prefix))) return range.kind;
  return AddressClass::global;
}

std::uint32_t embedded4(const std::array<std::uint8_t, 16>& bytes, std::size_t at) {
  return four(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool begins(const std::array<std::uint8_t, 16>& bytes, std::initializer_list<std::uint8_t> prefix) {
  std::size_t i = 0;
  for (const auto byte : prefix)
    if (bytes[i++] != byte) return false;
  return true;
}

AddressClass classify6(const std::array<std::uint8_t, 16>& bytes) {
  if (begins(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))
    return classify4(embedded4(bytes, 12));  // mapped
  if (begins(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) {
    const auto low = embedded4(bytes, 12);
    if (low == 1) return AddressClass::local;  // ::1
    return AddressClass::special;              // ::, and IPv4-compatible addresses, long deprecated
  }
  if (begins(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
    return classify4(embedded4(bytes, 12));                                    // NAT64
  if (begins(bytes, {0, 0x64, 0xff, 0x9b, 0, 1})) return AddressClass::local;  // RFC 8215, local NAT64
  if (begins(bytes, {0x20, 0x02})) return classify4(embedded4(bytes, 2));      // 6to4
  if (begins(bytes, {0x20, 0x01, 0, 0})) return AddressClass::special;         // Teredo
  if (begins(bytes, {0x20, 0x01, 0x0d, 0xb8})) return AddressClass::special;   // documentation
  if ((bytes[0] & 0xfe) == 0xfc) return AddressClass::local;                   // unique local, RFC 4193
  if ((bytes[0] & 0xe0) == 0x20) return AddressClass::global;  // 2000::/3 is all that is routed
  return AddressClass::special;                                // fe80::/10, ff00::/8, the rest
}

}  // namespace

AddressClass classify(const Poco::Net::IPAddress& address) {
  if (address.family() == Poco::Net::IPAddress::IPv4) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), address.addr(), bytes.size());
    return classify4(four(bytes[0], bytes[1], bytes[2], bytes[3]));
  }
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.addr(), bytes.size());
  return classify6(bytes);
}

}  // namespace dispatch::plugin
