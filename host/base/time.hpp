#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dispatch {

/// Wall-clock instant, microseconds, UTC.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;

Instant now();

/// The wire and storage form: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always six fraction digits, so that text order
/// is time order in both databases.
std::string toText(Instant instant);
inline std::string nowText() { return toText(now()); }

/// Reads ISO 8601 with or without fraction, `Z` or offset (none means UTC), a date alone (midnight), or a
/// unix number. nullopt if it is none of these.
std::optional<Instant> parseInstant(std::string_view text);

}  // namespace dispatch
