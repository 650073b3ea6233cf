#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ical {

/// The text is no iCalendar stream, or ends in the middle of one.
class Malformed : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// RFC 5545 section 3.1: NAME;PARAMETER=value:value.
struct Property {
  std::string name;                                             ///< in capitals
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in capitals, values without quotes
  std::string value;                                            ///< as it stands there

  /// Empty where it is absent.
  std::string_view parameter(std::string_view wanted) const;
  bool isDate() const;  ///< VALUE=DATE
};

/// RFC 5545 section 3.6, with those inside it.
struct Component {
  std::string name;  ///< in capitals
  std::vector<Property> properties;
  std::vector<Component> components;

  /// The first of that name, or null.
  const Property* find(std::string_view wanted) const;
  /// Its value, or nothing.
  std::string_view value(std::string_view wanted) const;
};

/// The VCALENDAR objects of a stream (RFC 5545 section 3.4). Lines may end in LF alone. Throws Malformed.
std::vector<Component> parseStream(std::string_view text);

/// A value of type TEXT without its backslashes (RFC 5545 section 3.3.11).
std::string unescapeText(std::string_view value);

/// `value` at its commas.
std::vector<std::string_view> splitList(std::string_view value, char separator = ',');

std::string upper(std::string_view text);

}  // namespace ical
