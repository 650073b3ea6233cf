#include "http/client_address.hpp"

#include "base/base.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPServerRequest.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace dispatch::http {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// All values of a list field in the order they were sent; several fields of one name are one list (RFC
/// 9110 5.3).
std::vector<std::string> listField(const Poco::Net::HTTPServerRequest& request, const char* name) {
  std::vector<std::string> values;
  for (auto it = request.find(name); it != request.end() && strcasecmp(it->first.c_str(), name) == 0; ++it) {
    std::string_view rest = it->second;
    while (true) {
      const auto comma = rest.find(',');
      if (const auto value = trim(rest.substr(0, comma)); !value.empty()) values.emplace_back(value);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return values;
}

/// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711".
bool parseAddress(std::string_view text, Poco::Net::IPAddress& address) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return false;
    text = text.substr(1, end - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  return Poco::Net::IPAddress::tryParse(std::string(text), address);
}

/// ::ffff:192.0.2.1 is 192.0.2.1: a dual-stack socket must not slip past a rule for IPv4.
Poco::Net::IPAddress plain(const Poco::Net::IPAddress& address) {
  if (address.family() == Poco::Net::IPAddress::IPv6 && address.isIPv4Mapped())
    return {static_cast<const char*>(address.addr()) + 12, 4};
  return address;
}

bool plausibleHost(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || std::strchr("-._~:[]%", c) != nullptr;
  });
}

}  // namespace

TrustedProxies TrustedProxies::parse(std::string_view list) {
  TrustedProxies proxies;
  while (!list.empty()) {
    const auto comma = list.find(',');
    const std::string_view part = trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (part.empty()) continue;
    const auto slash = part.find('/');
    Network network;
    bool good = Poco::Net::IPAddress::tryParse(std::string(part.substr(0, slash)), network.address);
    if (good) {
      network.address = plain(network.address);
      const unsigned width = static_cast<unsigned>(network.address.length()) * 8;
      network.bits = width;
      if (slash != std::string_view::npos) {
        const std::string_view bits = part.substr(slash + 1);
        const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), network.bits);
        good = error == std::errc() && end == bits.data() + bits.size() && network.bits <= width;
      }
    }
    if (!good)
      throw Problem(Problem::Kind::invalid,
                    "trusted proxies: \"" + std::string(part) +
                        "\" is neither an address nor a network; write e.g. \"127.0.0.1, ::1, 10.0.0.0/8\"");
    proxies._networks.push_back(network);
  }
  return proxies;
}

bool TrustedProxies::contains(const Poco::Net::IPAddress& given) const {
  const auto address = plain(given);
  return std::any_of(_networks.begin(), _networks.end(), [&](const Network& network) {
    if (network.address.length() != address.length()) return false;
    const auto* a = static_cast<const unsigned char*>(network.address.addr());
    const auto* b = static_cast<const unsigned char*>(address.addr());
    const unsigned whole = network.bits / 8;
    if (std::memcmp(a, b, whole) != 0) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
  });
}

ClientAddress resolve(const Poco::Net::HTTPServerRequest& request, const TrustedProxies& trusted) {
  ClientAddress client;
  client.address = plain(request.clientAddress().host());
  client.scheme = request.secure() ? "https" : "http";
  client.host = request.get("Host", "");
  if (!trusted.contains(client.address)) return client;

  const auto hops = listField(request, "X-Forwarded-For");
  for (auto hop = hops.rbegin(); hop != hops.rend() && trusted.contains(client.address); ++hop) {
    Poco::Net::IPAddress next;
    if (!parseAddress(*hop, next)) break;
    client.address = plain(next);
    client.forwarded = true;
  }
  if (const auto schemes = listField(request, "X-Forwarded-Proto"); !schemes.empty()) {
    if (strcasecmp(schemes.back().c_str(), "https") == 0 || strcasecmp(schemes.back().c_str(), "http") == 0) {
      client.scheme = schemes.back().size() == 5 ? "https" : "http";
      client.forwarded = true;
    }
  }
  if (const auto names = listField(request, "X-Forwarded-Host");
      !names.empty() && plausibleHost(names.back())) {
    client.host = names.back();
    client.forwarded = true;
  }
  return client;
}

}  // namespace dispatch::http
