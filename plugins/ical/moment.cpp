#include "moment.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace ical {

std::optional<int> parseNumber(std::string_view text, std::size_t digits) {
  if (text.empty() || (digits != 0 && text.size() != digits) || text.front() < '0' || text.front() > '9')
    return std::nullopt;
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

Moment parseMoment(std::string_view text) {
  const auto refuse = [&] {
    return Refused("\"" + std::string(text.substr(0, 60)) + "\" is no date or time");
  };
  const auto field = [&](std::size_t at, std::size_t digits) {
    const auto number = at < text.size() ? parseNumber(text.substr(at, digits), digits) : std::nullopt;
    if (!number) throw refuse();
    return *number;
  };
  const std::chrono::year_month_day day{std::chrono::year(field(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(field(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(field(6, 2)))};
  if (!day.ok()) throw refuse();
  Moment out;
  out.local = std::chrono::local_days(day);
  out.date = text.size() == 8;
  if (out.date) return out;
  out.utc = text.size() == 16 && text[15] == 'Z';
  if (text[8] != 'T' || (text.size() != 15 && !out.utc)) throw refuse();
  const int hour = field(9, 2), minute = field(11, 2), second = field(13, 2);
  // 60 is a leap second, which this clock does not have.
  if (hour > 23 || minute > 59 || second > 60) throw refuse();
  out.local += std::chrono::hours(hour) + std::chrono::minutes(minute) + Seconds(second == 60 ? 59 : second);
  return out;
}

Length parseDuration(std::string_view text) {
  const auto refuse = [&] { return Refused("\"" + std::string(text.substr(0, 60)) + "\" is no duration"); };
  std::string_view rest = text;
  const int sign = rest.starts_with('-') ? -1 : 1;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (!rest.starts_with('P') || rest.size() < 2) throw refuse();
  rest.remove_prefix(1);
  Length out;
  bool time = false, any = false;  // any: since the last letter that begins a part
  while (!rest.empty()) {
    if (rest.front() == 'T' && !time) {
      time = true;
      any = false;
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t unit = rest.find_first_not_of("0123456789");
    const auto number =
        unit == std::string_view::npos || unit > 7 ? std::nullopt : parseNumber(rest.substr(0, unit));
    if (!number) throw refuse();
    const int count = sign * *number;
    switch (rest[unit]) {
      case 'W':
        out.nominal += std::chrono::weeks(count);
        break;
      case 'D':
        out.nominal += Days(count);
        break;
      case 'H':
        out.exact += std::chrono::hours(count);
        break;
      case 'M':
        out.exact += std::chrono::minutes(count);
        break;
      case 'S':
        out.exact += Seconds(count);
        break;
      default:
        throw refuse();
    }
    const bool ofTime = rest[unit] == 'H' || rest[unit] == 'M' || rest[unit] == 'S';
    if (ofTime != time) throw refuse();
    any = true;
    rest.remove_prefix(unit + 1);
  }
  if (!any) throw refuse();
  return out;
}

std::string shown(Instant instant) {
  const auto day = std::chrono::floor<Days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  std::array<char, 48> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d UTC", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace ical
