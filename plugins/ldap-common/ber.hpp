#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// The part of BER (X.690) that LDAP uses (RFC 4511 section 5.1): tags of one octet, definite lengths,
/// strings in primitive form.
namespace ldap::ber {

/// Bytes that are not such BER, or hold something else than belongs there. The text is a clause without a
/// full stop: "it holds a length of 9 bytes where 3 are left".
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using Tag = std::uint8_t;
namespace tag {
constexpr Tag boolean = 0x01, integer = 0x02, octetString = 0x04, enumerated = 0x0A, sequence = 0x30,
              set = 0x31;
constexpr Tag constructed = 0x20;
constexpr Tag application(unsigned number) { return static_cast<Tag>(0x40U | number); }
constexpr Tag context(unsigned number) { return static_cast<Tag>(0x80U | number); }
}  // namespace tag

/// An element with the shortest length there is.
std::string encode(Tag tag, std::string_view contents);
std::string encodeInteger(std::int64_t value, Tag tag = tag::integer);
std::string encodeBoolean(bool value, Tag tag = tag::boolean);

/// How many bytes the first element of `bytes` has, tag and length included; nothing while too few of them
/// are there to tell. Throws Malformed for a length that is indefinite or makes more than `limit`.
std::optional<std::size_t> elementSize(std::string_view bytes, std::size_t limit);

/// Reads the elements of some bytes, one after another, and never beyond them. Borrows the bytes. What is
/// asked for and not there is Malformed, with `what` in its text.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : _bytes(bytes) {}

  bool empty() const noexcept { return _bytes.empty(); }
  /// Whether the next element is there and has this tag.
  bool at(Tag tag) const noexcept { return !_bytes.empty() && static_cast<Tag>(_bytes.front()) == tag; }
  struct Element {
    Tag tag;
    std::string_view contents;
  };
  Element next(const char* what);
  std::string_view contents(const char* what, Tag tag = tag::octetString);
  std::string text(const char* what, Tag tag = tag::octetString) { return std::string(contents(what, tag)); }
  Reader inside(const char* what, Tag tag = tag::sequence) { return Reader(contents(what, tag)); }
  /// At most 4 octets of contents: LDAP's numbers end at 2^31 - 1 (RFC 4511 section 4.1.1).
  std::int32_t integer(const char* what, Tag tag = tag::integer);
  bool boolean(const char* what, Tag tag = tag::boolean);

 private:
  std::string_view _bytes;
};

}  // namespace ldap::ber
