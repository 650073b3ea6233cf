#include "ber.hpp"

namespace ldap::ber {

namespace {

struct Header {
  Tag tag;
  std::size_t size;    ///< of tag and length
  std::size_t length;  ///< of the contents
};

std::string count(std::size_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

/// Nothing while it is cut short. Lengths longer than they need to be are allowed (X.690 section 8.1.3.5),
/// and Active Directory sends them.
std::optional<Header> headerOf(std::string_view bytes) {
  constexpr std::size_t mostLengthOctets = 4;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.empty()) return std::nullopt;
  if ((at(0) & 0x1FU) == 0x1FU) throw Malformed("it holds a tag of several octets, which LDAP has not");
  if (bytes.size() < 2) return std::nullopt;
  if (at(1) < 0x80U) return Header{at(0), 2, at(1)};
  const std::size_t octets = at(1) & 0x7FU;
  if (octets == 0) throw Malformed("it holds an indefinite length, which LDAP forbids");
  if (octets > mostLengthOctets)
    throw Malformed("it holds a length of " + std::to_string(octets) +
                    " octets, and no message is that long");
  if (bytes.size() < 2 + octets) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i) length = length << 8U | at(2 + i);
  return Header{at(0), 2 + octets, length};
}

}  // namespace

std::string encode(Tag tag, std::string_view contents) {
  std::string out(1, static_cast<char>(tag));
  if (contents.size() < 0x80U) {
    out += static_cast<char>(contents.size());
  } else {
    std::string octets;
    for (std::size_t rest = contents.size(); rest > 0; rest >>= 8U)
      octets.insert(octets.begin(), static_cast<char>(rest & 0xFFU));
    out += static_cast<char>(0x80U | octets.size());
    out += octets;
  }
  return out.append(contents);
}

std::string encodeInteger(std::int64_t value, Tag tag) {
  std::string octets;
  // Two's complement, as short as it goes: the first bit tells the sign (X.690 section 8.3).
  for (;;) {
    octets.insert(octets.begin(), static_cast<char>(value & 0xFF));
    const bool negative = (static_cast<std::uint8_t>(octets.front()) & 0x80U) != 0;
    value >>= 8;
    if ((value == 0 && !negative) || (value == -1 && negative)) return encode(tag, octets);
  }
}

std::string encodeBoolean(bool value, Tag tag) { return encode(tag, {value ? "\xFF" : "\0", 1}); }

std::optional<std::size_t> elementSize(std::string_view bytes, std::size_t limit) {
  const auto header = headerOf(bytes);
  if (!header) return std::nullopt;
  if (header->length > limit - header->size)
    throw Malformed("it announces a message of " + count(header->length) + ", and the most is " +
                    count(limit));
  return header->size + header->length;
}

Reader::Element Reader::next(const char* what) {
  const auto header = headerOf(_bytes);
  if (!header) throw Malformed("it ends where " + std::string(what) + " belongs");
  const std::size_t left = _bytes.size() - header->size;
  if (header->length > left)
    throw Malformed("for " + std::string(what) + " it announces " + count(header->length) + ", and " +
                    count(left) + (left == 1 ? " is left" : " are left"));
  const std::string_view contents = _bytes.substr(header->size, header->length);
  _bytes.remove_prefix(header->size + header->length);
  return {header->tag, contents};
}

std::string_view Reader::contents(const char* what, Tag tag) {
  const Element element = next(what);
  if (element.tag != tag)
    throw Malformed("it has tag " + std::to_string(element.tag) + " where " + what + " with tag " +
                    std::to_string(tag) + " belongs");
  return element.contents;
}

std::int32_t Reader::integer(const char* what, Tag tag) {
  const std::string_view octets = contents(what, tag);
  if (octets.empty() || octets.size() > 4)
    throw Malformed(std::string(what) + " is a number of " + count(octets.size()));
  std::uint32_t value = (static_cast<std::uint8_t>(octets.front()) & 0x80U) != 0 ? 0xFFFFFFFFU : 0;
  for (const char c : octets) value = value << 8U | static_cast<std::uint8_t>(c);
  return static_cast<std::int32_t>(value);
}

bool Reader::boolean(const char* what, Tag tag) {
  const std::string_view octets = contents(what, tag);
  if (octets.size() != 1) throw Malformed(std::string(what) + " is a truth value of " + count(octets.size()));
  return octets.front() != '\0';
}

}  // namespace ldap::ber
