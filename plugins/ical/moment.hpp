#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ical {

using Days = std::chrono::days;
using Seconds = std::chrono::seconds;
/// A moment of the world, and what a clock on some wall shows.
using Instant = std::chrono::sys_seconds;
using Local = std::chrono::local_seconds;

/// Something that RFC 5545 allows, or does not, and that cannot be computed; a clause for a person.
class Refused : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A DATE or DATE-TIME as it stands there (RFC 5545 sections 3.3.4 and 3.3.5).
struct Moment {
  Local local{};
  bool utc = false;   ///< with "Z"
  bool date = false;  ///< a day, from its midnight
};
/// Throws Refused.
Moment parseMoment(std::string_view text);

/// How long something takes: `nominal` on the clock on the wall, and then `exact`.
struct Length {
  Seconds nominal{};
  Seconds exact{};
};
/// RFC 5545 section 3.3.6: weeks and days are nominal, hours, minutes and seconds exact. Throws Refused.
Length parseDuration(std::string_view text);

/// A whole number of `digits` characters, or, with 0, of as many as there are; nothing for anything else.
std::optional<int> parseNumber(std::string_view text, std::size_t digits = 0);

/// "2026-03-01 14:05 UTC"
std::string shown(Instant instant);

}  // namespace ical
