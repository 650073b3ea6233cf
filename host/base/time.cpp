#include "base/time.hpp"

#include <charconv>
#include <cstdio>

namespace dispatch {

using namespace std::chrono;

Instant now() { return floor<microseconds>(system_clock::now()); }

std::string toText(Instant instant) {
  const auto day = floor<days>(instant);
  const year_month_day date{day};
  const hh_mm_ss time{instant - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                int(time.minutes().count()), int(time.seconds().count()), int(time.subseconds().count()));
  return text;
}

namespace {

/// Takes `digits` digits off the front of `text`.
std::optional<int> takeNumber(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || text.front() == '-') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool takeMark(std::string_view& text, char mark) {
  if (text.empty() || text.front() != mark) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Instant> parseUnix(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Years 1 to 9999; written so that a NaN, which compares with nothing, is refused too.
  const bool inRange = seconds >= -62135596800.0 && seconds <= 253402300799.0;
  if (error != std::errc{} || end != text.data() + text.size() || !inRange) return std::nullopt;
  return Instant{microseconds{static_cast<std::int64_t>(seconds * 1e6)}};
}

}  // namespace

std::optional<Instant> parseInstant(std::string_view text) {
  const auto whole = text;
  const auto y = takeNumber(text, 4);
  if (!y || !takeMark(text, '-')) return parseUnix(whole);
  const auto m = takeNumber(text, 2);
  if (!m || !takeMark(text, '-')) return std::nullopt;
  const auto d = takeNumber(text, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{unsigned(*m)}, day{unsigned(*d)}};
  if (!date.ok()) return std::nullopt;
  Instant instant{sys_days{date}};
  if (text.empty()) return instant;
  if (!takeMark(text, 'T') && !takeMark(text, ' ')) return std::nullopt;
  const auto hour = takeNumber(text, 2);
  if (!hour || *hour > 23 || !takeMark(text, ':')) return std::nullopt;
  const auto minute = takeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  instant += hours{*hour} + minutes{*minute};
  if (takeMark(text, ':')) {
    const auto second = takeNumber(text, 2);
    if (!second || *second > 60) return std::nullopt;
    instant += seconds{*second};
    if (takeMark(text, '.')) {
      int scale = 100000;
      bool any = false;
      while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        instant += microseconds{(text.front() - '0') * scale};
        scale /= 10;
        text.remove_prefix(1);
        any = true;
      }
      if (!any) return std::nullopt;
    }
  }
  if (text.empty() || text == "Z" || text == "z") return instant;
  const int sign = text.front() == '+' ? 1 : text.front() == '-' ? -1 : 0;
  if (sign == 0) return std::nullopt;
  text.remove_prefix(1);
  const auto offsetHours = takeNumber(text, 2);
  takeMark(text, ':');
  const auto offsetMinutes = text.empty() ? std::optional<int>(0) : takeNumber(text, 2);
  if (!offsetHours || !offsetMinutes || !text.empty() || *offsetHours > 18 || *offsetMinutes > 59)
    return std::nullopt;
  return instant - sign * (hours{*offsetHours} + minutes{*offsetMinutes});
}

}  // namespace dispatch
