#include "recurrence.hpp"

#include "content_line.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace ical {

namespace {

using std::chrono::local_days;
using std::chrono::year_month_day;

// Beyond it a year would be one that no calendar has.
constexpr int kMost = 10'000;

template <class Value>
bool holds(const std::vector<Value>& list, Value value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

int signedNumber(std::string_view part, std::string_view text, int most) {
  const bool minus = text.starts_with('-');
  const auto number = parseNumber(minus || text.starts_with('+') ? text.substr(1) : text);
  if (!number || *number < 1 || *number > most)
    throw Refused(std::string(part) + "=" + std::string(text.substr(0, 40)) + " is out of range");
  return minus ? -*number : *number;
}

int positive(std::string_view part, std::string_view text, int most) {
  const int number = signedNumber(part, text, most);
  if (number < 0) throw Refused(std::string(part) + " is negative");
  return number;
}

int lastDayOf(const year_month_day& date) {
  return static_cast<int>(static_cast<unsigned>((date.year() / date.month() / std::chrono::last).day()));
}

}  // namespace

Recurrence::Recurrence(std::string_view rule) {
  std::set<std::string> seen;
  for (const std::string_view part : splitList(rule, ';')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string name = upper(part.substr(0, equals));
    if (!seen.insert(name).second) throw Refused(name + " stands there twice");
    set(name, part.substr(std::min(equals + 1, part.size())));
  }
  if (!seen.contains("FREQ")) throw Refused("FREQ is missing");
  checkTogether();
}

void Recurrence::set(std::string_view name, std::string_view given) {
  const std::string value = upper(given);
  if (name == "FREQ") {
    constexpr std::array<std::string_view, 4> known{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    const auto* const found = std::find(known.begin(), known.end(), value);
    if (found == known.end())
      throw Refused("FREQ=" + value.substr(0, 40) +
                    " is not supported; DAILY, WEEKLY, MONTHLY and YEARLY are");
    _frequency = static_cast<Frequency>(found - known.begin());
  } else if (name == "INTERVAL") {
    _interval = positive(name, value, kMost);
  } else if (name == "COUNT") {
    _count = positive(name, value, kMost);
  } else if (name == "UNTIL") {
    _until = parseMoment(value);
  } else if (name == "WKST") {
    _weekStart = parseWeekday(value).day;
  } else if (name == "BYDAY") {
    for (const std::string_view one : splitList(value)) _weekdays.push_back(parseWeekday(one));
  } else if (name == "BYMONTHDAY") {
    for (const std::string_view one : splitList(value)) _monthDays.push_back(signedNumber(name, one, 31));
  } else if (name == "BYMONTH") {
    for (const std::string_view one : splitList(value)) _months.push_back(positive(name, one, 12));
  } else {
    throw Refused(std::string(name.substr(0, 40)) +
                  " is not supported; INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH and WKST are");
  }
}

Recurrence::Weekday Recurrence::parseWeekday(std::string_view text) {
  constexpr std::array<std::string_view, 7> names{"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
  const std::string_view name = text.size() < 2 ? text : text.substr(text.size() - 2);
  const auto* const found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw Refused("\"" + std::string(text.substr(0, 40)) + "\" is no day of the week");
  const std::string_view ordinal = text.substr(0, text.size() - 2);
  return {ordinal.empty() ? 0 : signedNumber("BYDAY", ordinal, 53),
          std::chrono::weekday(static_cast<unsigned>(found - names.begin()))};
}

void Recurrence::checkTogether() const {
  const bool ordinal =
      std::any_of(_weekdays.begin(), _weekdays.end(), [](const Weekday& one) { return one.ordinal != 0; });
  if (ordinal && (_frequency == Frequency::daily || _frequency == Frequency::weekly))
    throw Refused("BYDAY with a number needs FREQ=MONTHLY or YEARLY");
  if (!_monthDays.empty() && _frequency == Frequency::weekly)
    throw Refused("BYMONTHDAY does not go with FREQ=WEEKLY");
}

Recurrence Recurrence::completed(local_days start) const {
  Recurrence out = *this;
  const year_month_day date(start);
  const auto day = static_cast<int>(static_cast<unsigned>(date.day()));
  if (!_weekdays.empty() || !_monthDays.empty()) return out;
  if (_frequency == Frequency::weekly) out._weekdays = {{0, std::chrono::weekday(start)}};
  if (_frequency == Frequency::monthly || _frequency == Frequency::yearly) out._monthDays = {day};
  if (_frequency == Frequency::yearly && _months.empty())
    out._months = {static_cast<int>(static_cast<unsigned>(date.month()))};
  return out;
}

/// The first day of the period that is `index` intervals after the one of `start`.
local_days Recurrence::periodBegin(local_days start, int index) const {
  const int steps = index * _interval;
  const year_month_day date(start);
  switch (_frequency) {
    case Frequency::daily:
      return start + Days(steps);
    case Frequency::weekly:
      return start - (std::chrono::weekday(start) - _weekStart) + std::chrono::weeks(steps);
    case Frequency::monthly:
      return local_days((date.year() / date.month() + std::chrono::months(steps)) / std::chrono::day(1));
    case Frequency::yearly:
      break;
  }
  return local_days((date.year() + std::chrono::years(steps)) / std::chrono::January / 1);
}

/// The days of one period that the rule gives, in order.
void Recurrence::addDays(local_days begin, std::vector<local_days>& days) const {
  local_days end = begin + Days(_frequency == Frequency::weekly ? 7 : 1);
  const year_month_day date(begin);
  if (_frequency == Frequency::monthly) end = begin + Days(lastDayOf(date));
  if (_frequency == Frequency::yearly)
    end = local_days((date.year() + std::chrono::years(1)) / std::chrono::January / 1);
  for (local_days day = begin; day < end; day += Days(1))
    if (matches(day)) days.push_back(day);
}

bool Recurrence::matches(local_days day) const {
  const year_month_day date(day);
  const auto ofMonth = static_cast<int>(static_cast<unsigned>(date.day()));
  if (!_months.empty() && !holds(_months, static_cast<int>(static_cast<unsigned>(date.month()))))
    return false;
  if (!_monthDays.empty() && !holds(_monthDays, ofMonth) && !holds(_monthDays, ofMonth - lastDayOf(date) - 1))
    return false;
  return _weekdays.empty() || std::any_of(_weekdays.begin(), _weekdays.end(), [&](const Weekday& one) {
           return one.day == std::chrono::weekday(day) && (one.ordinal == 0 || isNth(date, day, one.ordinal));
         });
}

/// Within the month, or within the year where the rule names no month (RFC 5545 section 3.3.10, note 2).
bool Recurrence::isNth(const year_month_day& date, local_days day, int ordinal) const {
  const bool ofMonth = _frequency == Frequency::monthly || !_months.empty();
  const local_days first = ofMonth ? local_days(date.year() / date.month() / 1)
                                   : local_days(date.year() / std::chrono::January / 1);
  const local_days last = ofMonth ? local_days(date.year() / date.month() / std::chrono::last)
                                  : local_days(date.year() / std::chrono::December / 31);
  const auto fromBegin = static_cast<int>((day - first).count() / 7 + 1);
  const auto fromEnd = static_cast<int>((last - day).count() / 7 + 1);
  return ordinal > 0 ? ordinal == fromBegin : -ordinal == fromEnd;
}

void Recurrence::each(Local start, Local from, Local to, const std::function<bool(Local)>& visit) const {
  if (start >= to || (start >= from && !visit(start))) return;
  const local_days day = std::chrono::floor<Days>(start);
  const Recurrence rule = completed(day);
  int index = 0;
  if (!_count && from > start) {
    // Straight to the period before `from`: the rule gives the same there, however it is counted.
    constexpr std::array<int, 4> longest{1, 7, 31, 366};
    const auto days = std::chrono::floor<Days>(from - start).count();
    index =
        std::max(0, static_cast<int>(days / (longest[static_cast<std::size_t>(_frequency)] * _interval)) - 1);
  }
  int left = _count.value_or(0) - 1;
  std::vector<local_days> days;
  for (;; ++index) {
    const local_days begin = rule.periodBegin(day, index);
    if (begin >= to) return;
    days.clear();
    rule.addDays(begin, days);
    for (const local_days one : days) {
      const Local local = one + (start - day);
      if (local <= start) continue;
      if (_count && left-- <= 0) return;
      if (local >= to || (local >= from && !visit(local))) return;
    }
  }
}

}  // namespace ical
