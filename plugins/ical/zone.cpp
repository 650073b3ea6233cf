#include "zone.hpp"

#include "recurrence.hpp"

#include <algorithm>
#include <optional>

namespace ical {

namespace {

using std::chrono::local_days;

/// Changes are worked out once, for as long as anybody is on call.
constexpr Local kFirst = local_days(std::chrono::year(1970) / 1 / 1);
constexpr Local kLast = local_days(std::chrono::year(2101) / 1 / 1);

/// RFC 5545 section 3.3.14.
Seconds parseOffset(std::string_view text) {
  const bool sound = (text.size() == 5 || text.size() == 7) && (text[0] == '+' || text[0] == '-');
  const auto hours = sound ? parseNumber(text.substr(1, 2), 2) : std::nullopt;
  const auto minutes = sound ? parseNumber(text.substr(3, 2), 2) : std::nullopt;
  const auto seconds = sound && text.size() == 7 ? parseNumber(text.substr(5), 2) : std::optional(0);
  if (!hours || !minutes || !seconds)
    throw Refused("\"" + std::string(text.substr(0, 20)) + "\" is no offset from UTC");
  const Seconds out = std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + Seconds(*seconds);
  return text[0] == '-' ? -out : out;
}

/// Reads a rule of POSIX from its beginning to its end.
class PosixReader {
 public:
  explicit PosixReader(std::string_view rule) : _rule(rule), _rest(rule) {}

  [[noreturn]] void refuse() const {
    throw Refused("\"" + std::string(_rule.substr(0, 80)) +
                  "\" is no rule of a time zone such as CET-1CEST,M3.5.0,M10.5.0/3");
  }
  bool take(char c) {
    if (!_rest.starts_with(c)) return false;
    _rest.remove_prefix(1);
    return true;
  }
  void need(char c) {
    if (!take(c)) refuse();
  }
  bool done() const { return _rest.empty(); }
  bool at(std::string_view any) const {
    return !_rest.empty() && any.find(_rest.front()) != std::string_view::npos;
  }

  void name() {
    const bool quoted = take('<');
    const std::size_t end = quoted ? _rest.find('>') : _rest.find_first_of("+-,0123456789");
    if (end == std::string_view::npos || end < 3) refuse();
    _rest.remove_prefix(end + (quoted ? 1 : 0));
  }
  int number(int most) {
    const std::size_t end = std::min(_rest.find_first_not_of("0123456789"), _rest.size());
    const auto out = parseNumber(_rest.substr(0, end));
    if (!out || *out > most) refuse();
    _rest.remove_prefix(end);
    return *out;
  }
  /// [+-]hh[:mm[:ss]]
  Seconds time(int mostHours) {
    const bool minus = take('-');
    if (!minus) take('+');
    Seconds out = std::chrono::hours(number(mostHours));
    if (take(':')) out += std::chrono::minutes(number(59));
    if (take(':')) out += Seconds(number(59));
    return minus ? -out : out;
  }

  struct Day {
    unsigned month;
    int week;
    unsigned weekday;
    Seconds time;
    Local in(std::chrono::year year) const {
      const auto ofMonth = year / std::chrono::month(month);
      const std::chrono::weekday day(weekday);
      return (week == 5 ? local_days(ofMonth / day[std::chrono::last])
                        : local_days(ofMonth / day[static_cast<unsigned>(week)])) +
             time;
    }
  };
  /// ,Mm.w.d[/time]
  Day day() {
    need(',');
    need('M');
    Day out{};
    out.month = static_cast<unsigned>(number(12));
    need('.');
    out.week = number(5);
    need('.');
    out.weekday = static_cast<unsigned>(number(6));
    if (out.month == 0 || out.week == 0) refuse();
    out.time = take('/') ? time(167) : std::chrono::hours(2);
    return out;
  }

 private:
  std::string_view _rule, _rest;
};

}  // namespace

std::shared_ptr<const Zone> Zone::fromText(std::string_view text) {
  const std::string name = upper(text);
  if (name == "UTC" || name == "GMT" || name == "ETC/UTC" || name == "ETC/GMT" || name == "Z")
    return std::make_shared<const Zone>(Seconds(0));
  if (text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':')
    return std::make_shared<const Zone>(
        parseOffset(std::string(text.substr(0, 3)) + std::string(text.substr(4))));
  // No name of a zone has a comma.
  if (text.find(',') != std::string_view::npos) return std::make_shared<const Zone>(fromPosix(text));
  return nullptr;
}

Zone Zone::fromPosix(std::string_view rule) {
  PosixReader in(rule);
  in.name();
  // POSIX counts to the west.
  const Seconds standard = -in.time(24);
  in.name();
  const Seconds daylight = in.at(",") ? standard + std::chrono::hours(1) : -in.time(24);
  const auto begin = in.day(), end = in.day();
  if (!in.done()) in.refuse();
  Zone out;
  for (std::chrono::year year{1970}; year < std::chrono::year{2101}; ++year) {
    out.addChange(begin.in(year), standard, daylight);
    out.addChange(end.in(year), daylight, standard);
  }
  out.sort();
  out._before = out._changes.front().offset == standard ? daylight : standard;
  return out;
}

Zone::Zone(const Component& timezone) {
  std::optional<Local> first;
  for (const Component& observance : timezone.components) {
    if (observance.name != "STANDARD" && observance.name != "DAYLIGHT") continue;
    addObservance(observance);
    const Local begin = parseMoment(observance.value("DTSTART")).local;
    if (!first || begin < *first) {
      first = begin;
      _before = parseOffset(observance.value("TZOFFSETFROM"));
    }
  }
  if (!first) throw Refused("it has neither STANDARD nor DAYLIGHT");
  sort();
}

void Zone::addObservance(const Component& observance) {
  const Local begin = parseMoment(observance.value("DTSTART")).local;
  const Seconds offsetFrom = parseOffset(observance.value("TZOFFSETFROM"));
  const Seconds offsetTo = parseOffset(observance.value("TZOFFSETTO"));
  addChange(begin, offsetFrom, offsetTo);
  for (const Property& property : observance.properties) {
    if (property.name == "RDATE")
      for (const std::string_view one : splitList(property.value))
        addChange(parseMoment(one).local, offsetFrom, offsetTo);
    if (property.name != "RRULE") continue;
    const Recurrence rule(property.value);
    rule.each(begin, std::max(begin, kFirst), kLast, [&](Local onset) {
      const auto& until = rule.until();
      // Here UNTIL is in UTC (RFC 5545 section 3.6.5).
      if (until && onset - (until->utc ? offsetFrom : Seconds(0)) > until->local) return false;
      addChange(onset, offsetFrom, offsetTo);
      return true;
    });
  }
}

/// Where the clock is put forward, what it skips belongs to the offset before; where it is put back, what it
/// shows twice does.
void Zone::addChange(Local onset, Seconds offsetFrom, Seconds offsetTo) {
  _changes.push_back({onset + std::max(Seconds(0), offsetTo - offsetFrom), offsetTo});
}

void Zone::sort() {
  std::stable_sort(_changes.begin(), _changes.end(),
                   [](const Change& left, const Change& right) { return left.from < right.from; });
}

Instant Zone::toInstant(Local local) const {
  const auto after = std::upper_bound(_changes.begin(), _changes.end(), local,
                                      [](Local wanted, const Change& one) { return wanted < one.from; });
  const Seconds offset = after == _changes.begin() ? _before : std::prev(after)->offset;
  return Instant(local.time_since_epoch() - offset);
}

}  // namespace ical
