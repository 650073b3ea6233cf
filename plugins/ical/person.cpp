#include "person.hpp"

#include <array>
#include <utility>

namespace ical {

namespace {

constexpr std::size_t kLongest = 320;

bool alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\"";
  const auto first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string percentDecoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char capital = static_cast<char>(c & ~0x20);
    return capital >= 'A' && capital <= 'F' ? capital - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : digit(text[i + 2]);
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

/// A CAL-ADDRESS (RFC 5545 section 3.3.3). Where it is no mailto: (RFC 6068), the address may stand in EMAIL
/// (RFC 7986 section 6.2).
std::optional<Person> personOf(const Property& property) {
  constexpr std::string_view scheme = "MAILTO:";
  std::string address(property.parameter("EMAIL"));
  if (upper(std::string_view(property.value).substr(0, scheme.size())) == scheme) {
    const std::string_view mailto = std::string_view(property.value).substr(scheme.size());
    address = percentDecoded(mailto.substr(0, mailto.find('?')));
  }
  auto person = personInText(address);
  if (!person) return std::nullopt;
  const std::string_view name = trimmed(property.parameter("CN"));
  person->name = upper(name) == upper(person->email) ? "" : std::string(name);
  return person;
}

std::optional<Person> firstAttendee(const Component& event) {
  for (const Property& property : event.properties) {
    if (property.name != "ATTENDEE") continue;
    const std::string kind = upper(property.parameter("CUTYPE"));
    if (kind == "ROOM" || kind == "RESOURCE" || upper(property.parameter("PARTSTAT")) == "DECLINED") continue;
    if (auto person = personOf(property)) return person;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Where> whereOf(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, Where>, 5> words{{{"auto", Where::automatic},
                                                                     {"attendee", Where::attendee},
                                                                     {"organizer", Where::organizer},
                                                                     {"summary", Where::summary},
                                                                     {"description", Where::description}}};
  for (const auto& [known, where] : words)
    if (known == word) return where;
  return std::nullopt;
}

std::optional<Person> personIn(const Component& event, Where where) {
  switch (where) {
    case Where::attendee:
      return firstAttendee(event);
    case Where::organizer: {
      const Property* organizer = event.find("ORGANIZER");
      return organizer == nullptr ? std::nullopt : personOf(*organizer);
    }
    case Where::summary:
      return personInText(unescapeText(event.value("SUMMARY")));
    case Where::description:
      return personInText(unescapeText(event.value("DESCRIPTION")));
    case Where::automatic:
      break;
  }
  for (const Where one : {Where::attendee, Where::summary, Where::description})
    if (auto person = personIn(event, one)) return person;
  return std::nullopt;
}

std::optional<Person> personInText(std::string_view text) {
  const auto ofLocal = [](char c) {
    return alphanumeric(c) || std::string_view("._%+-'&=#").find(c) != std::string_view::npos;
  };
  const auto ofDomain = [](char c) { return alphanumeric(c) || c == '.' || c == '-'; };
  for (std::size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at, end = at + 1;
    while (begin > 0 && ofLocal(text[begin - 1])) --begin;
    while (begin < at && !alphanumeric(text[begin]) && text[begin] != '_') ++begin;
    while (end < text.size() && ofDomain(text[end])) ++end;
    while (end > at + 1 && !alphanumeric(text[end - 1])) --end;
    if (begin == at || end == at + 1 || !alphanumeric(text[at + 1]) || end - begin > kLongest) continue;
    Person person{std::string(text.substr(begin, end - begin)), ""};
    if (begin > 0 && text[begin - 1] == '<' && end < text.size() && text[end] == '>') {
      const std::string_view before = trimmed(text.substr(0, begin - 1));
      person.name = std::string(trimmed(before.substr(before.find_last_of("\n:,;") + 1)));
    }
    return person;
  }
  return std::nullopt;
}

}  // namespace ical
