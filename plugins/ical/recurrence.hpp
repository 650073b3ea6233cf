#pragma once

#include "moment.hpp"

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace ical {

/// A recurrence rule (RFC 5545 section 3.3.10) by days: FREQ of DAILY, WEEKLY, MONTHLY or YEARLY with
/// INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH and WKST. Immutable.
class Recurrence {
 public:
  /// Throws Refused, which names the part, for anything else.
  explicit Recurrence(std::string_view rule);

  /// Whom UNTIL lets through is for the caller to say, who knows the time zone: `visit` returns false for the
  /// first that is too late.
  const std::optional<Moment>& until() const noexcept { return _until; }

  /// Calls `visit` with the starts in [from, to), in order, until it returns false. `start`, the first of
  /// them, counts whether the rule gives it or not (RFC 5545 section 3.8.2.4).
  void each(Local start, Local from, Local to, const std::function<bool(Local)>& visit) const;

 private:
  enum class Frequency { daily, weekly, monthly, yearly };
  struct Weekday {
    int ordinal;  ///< 0: every one; -1: the last of the month or year
    std::chrono::weekday day;
  };

  static Weekday parseWeekday(std::string_view text);
  void set(std::string_view name, std::string_view value);
  void checkTogether() const;
  /// Without its BY… parts a rule takes them from `start`.
  Recurrence completed(std::chrono::local_days start) const;
  std::chrono::local_days periodBegin(std::chrono::local_days start, int index) const;
  void addDays(std::chrono::local_days begin, std::vector<std::chrono::local_days>& days) const;
  bool matches(std::chrono::local_days day) const;
  bool isNth(const std::chrono::year_month_day& date, std::chrono::local_days day, int ordinal) const;

  Frequency _frequency = Frequency::daily;
  int _interval = 1;
  std::optional<int> _count;
  std::optional<Moment> _until;
  std::vector<Weekday> _weekdays;
  std::vector<int> _monthDays;
  std::vector<int> _months;
  std::chrono::weekday _weekStart = std::chrono::Monday;
};

}  // namespace ical
