#pragma once

#include <dispatch/sdk/failure.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xmpp {

/// An XML element, received or to be sent. Names are local ones; `ns` is the namespace's name. Attributes
/// that have a namespace are left out, but for xml:lang.
struct Element {
  std::string ns, name;
  std::map<std::string, std::string, std::less<>> attributes;
  std::string text;  ///< all character data directly in it
  std::vector<Element> children;

  bool is(std::string_view wantedName, std::string_view wantedNs) const {
    return name == wantedName && ns == wantedNs;
  }
  /// The first child of that name, or nullptr.
  const Element* child(std::string_view wantedName, std::string_view wantedNs) const;
  /// Empty where there is none.
  std::string childText(std::string_view wantedName, std::string_view wantedNs) const;
  std::string attribute(std::string_view wanted) const;

  Element& with(std::string attributeName, std::string value) {
    attributes[std::move(attributeName)] = std::move(value);
    return *this;
  }
  Element& add(Element one) {
    children.push_back(std::move(one));
    return *this;
  }
};

/// An element without a child: tag("body", ns, "Hello").
Element tag(std::string_view name, std::string_view ns, std::string_view text = {});

/// As it goes over the wire, inside of an element of the namespace `around`.
std::string serialize(const Element& element, std::string_view around = {});

/// Text for character data and attribute values: what XML 1.0 has no place for (most control characters,
/// bytes that are not UTF-8) becomes U+FFFD.
std::string escapeXml(std::string_view text);

/// Takes an XMPP stream apart (RFC 6120 section 4): one document whose root stays open, and whose children
/// are the stanzas. What RFC 6120 section 11.1 forbids - comments, processing instructions, a DTD, entities
/// but the five - ends it, and so does an element beyond the limits. One thread at a time.
class StreamParser {
 public:
  static constexpr std::size_t maxElementBytes = 512 * 1024;
  static constexpr std::size_t maxDepth = 32;

  StreamParser();
  ~StreamParser();
  StreamParser(StreamParser&&) noexcept;
  StreamParser& operator=(StreamParser&&) noexcept;

  /// Throws Failure(UNAVAILABLE) that says what is wrong with the bytes; afterwards the parser is dead.
  void feed(std::string_view bytes);

  /// The root as it was opened, without children; nothing before it came.
  const std::optional<Element>& header() const;
  /// The next whole child of the root.
  std::optional<Element> take();
  /// The root was closed.
  bool ended() const;
  /// Every byte that came belongs to an element that was taken.
  bool drained() const;

 private:
  struct State;
  std::unique_ptr<State> _state;
};

}  // namespace xmpp
