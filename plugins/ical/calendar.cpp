#include "calendar.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace ical {

namespace {

/// No clock is further from UTC.
constexpr Seconds kFarthest = std::chrono::hours(15);

Instant asIfUtc(Local local) { return Instant(local.time_since_epoch()); }

Instant endOf(const Zone& zone, Local start, const Length& length) {
  return zone.toInstant(start + length.nominal) + length.exact;
}

}  // namespace

Calendar::Calendar(std::string_view text, const Reading& reading)
    : _floatingName(reading.zone), _where(reading.where) {
  const std::vector<Component> calendars = parseStream(text);
  readZones(calendars);
  readEvents(calendars);
}

void Calendar::readZones(const std::vector<Component>& calendars) {
  for (const Component& calendar : calendars) {
    if (_ownZone.empty()) _ownZone = calendar.value("X-WR-TIMEZONE");
    for (const Component& component : calendar.components) {
      if (component.name != "VTIMEZONE") continue;
      const std::string name(component.value("TZID"));
      if (_zones.contains(name)) continue;
      try {
        _zones.emplace(name, std::make_shared<const Zone>(component));
        _brokenZones.erase(name);
      } catch (const Refused& error) {
        _brokenZones.emplace(name, error.what());
      }
    }
  }
}

/// A feed's own description stands above what a name may mean elsewhere.
Calendar::ZoneRef Calendar::zoneNamed(const std::string& name) const {
  if (const auto found = _zones.find(name); found != _zones.end()) return found->second;
  if (const auto broken = _brokenZones.find(name); broken != _brokenZones.end())
    throw Refused("the VTIMEZONE \"" + name + "\" of the feed cannot be used: " + broken->second);
  if (auto zone = Zone::fromText(name)) return zone;
  throw Refused("the feed does not describe the time zone \"" + name +
                "\" (it has no VTIMEZONE of that name)");
}

Calendar::ZoneRef Calendar::zoneOf(const Property& property, const Moment& moment) const {
  if (moment.utc) return std::make_shared<const Zone>(Seconds(0));
  const std::string name(property.parameter("TZID"));
  if (!name.empty() && !moment.date) return zoneNamed(name);
  try {
    return zoneNamed(_floatingName);
  } catch (const Refused& error) {
    throw Refused(std::string(error.what()) +
                  ", which the setting \"Time zone\" names for times without one");
  }
}

void Calendar::readEvents(const std::vector<Component>& calendars) {
  // Of several revisions of one instance the last one counts (RFC 5545 section 3.8.7.4).
  std::map<std::tuple<std::string, Local, bool>, Described> instances;
  std::vector<Described> described;
  std::set<std::string, std::less<>> cancelled;
  for (const Component& calendar : calendars)
    for (const Component& component : calendar.components) {
      if (component.name != "VEVENT") continue;
      const std::string uid(component.value("UID"));
      Described one{&component, std::nullopt, parseNumber(component.value("SEQUENCE")).value_or(0)};
      if (const Property* replaced = component.find("RECURRENCE-ID"); replaced != nullptr && !uid.empty()) {
        try {
          one.replaces = parseMoment(replaced->value);
        } catch (const Refused&) {
          // It stands for itself then, and its own times are read below.
        }
      }
      if (!one.replaces) {
        if (upper(component.value("STATUS")) == "CANCELLED") cancelled.insert(uid);
        described.push_back(one);
        continue;
      }
      const auto key = std::make_tuple(uid, one.replaces->local, one.replaces->utc);
      const auto [place, fresh] = instances.emplace(key, one);
      if (!fresh && one.sequence >= place->second.sequence) place->second = one;
    }

  for (const Described& one : described)
    if (upper(one.component->value("STATUS")) != "CANCELLED") _events.push_back(readEvent(*one.component));
  for (const auto& [key, one] : instances) {
    const std::string& uid = std::get<0>(key);
    for (Event& event : _events) {
      if (event.uid != uid || one.component->find("RECURRENCE-ID") == nullptr) continue;
      try {
        addExclusions(*one.component->find("RECURRENCE-ID"), event);
      } catch (const Refused& error) {
        event.problem = error.what();
      }
    }
  }
  for (const auto& [key, one] : instances)
    if (upper(one.component->value("STATUS")) != "CANCELLED" && !cancelled.contains(std::get<0>(key)))
      _events.push_back(readEvent(*one.component));
}

Event Calendar::readEvent(const Component& component) {
  Event event;
  event.uid = component.value("UID");
  event.summary = unescapeText(component.value("SUMMARY"));
  event.person = personIn(component, _where);
  if (!event.person) ++_withoutPerson;
  if (const Property* start = component.find("DTSTART"))
    if (start->isDate() || (start->parameter("TZID").empty() && !start->value.ends_with('Z'))) ++_floating;
  try {
    readTimes(component, event);
  } catch (const Refused& error) {
    event.problem = error.what();
    event.lastEnd = surelyOver(component);
  }
  return event;
}

void Calendar::readTimes(const Component& component, Event& event) const {
  const Property* start = component.find("DTSTART");
  if (start == nullptr) throw Refused("DTSTART is missing");
  const Moment moment = parseMoment(start->value);
  event.start = moment.local;
  event.allDay = moment.date;
  event.zone = zoneOf(*start, moment);
  event.length = readLength(component, event);
  if (const Property* replaced = component.find("RECURRENCE-ID"); replaced != nullptr) {
    if (!replaced->parameter("RANGE").empty())
      throw Refused("RECURRENCE-ID with RANGE=" + std::string(replaced->parameter("RANGE")) +
                    " is not supported");
    return;
  }
  readRepetition(component, event);
}

/// RFC 5545 section 3.8.5.3 makes the length that follows from DTEND an exact one. Calendars show, and people
/// hand over by, the clock on the wall: an exact week from nine to nine would leave an hour with nobody on
/// call each autumn. So it is nominal where both ends have the same zone.
Length Calendar::readLength(const Component& component, const Event& event) const {
  if (const Property* duration = component.find("DURATION")) return parseDuration(duration->value);
  const Property* end = component.find("DTEND");
  if (end == nullptr) return {event.allDay ? Seconds(Days(1)) : Seconds(0), Seconds(0)};
  const Property& start = *component.find("DTSTART");
  const Moment moment = parseMoment(end->value);
  const bool sameZone = moment.utc == parseMoment(start.value).utc && moment.date == event.allDay &&
                        end->parameter("TZID") == start.parameter("TZID");
  if (sameZone) return {moment.local - event.start, Seconds(0)};
  return {Seconds(0), zoneOf(*end, moment)->toInstant(moment.local) - event.zone->toInstant(event.start)};
}

void Calendar::readRepetition(const Component& component, Event& event) const {
  for (const Property& property : component.properties) {
    if (property.name == "RRULE") {
      try {
        event.rules.emplace_back(property.value);
      } catch (const Refused& error) {
        throw Refused("its rule RRULE:" + property.value.substr(0, 200) +
                      " cannot be followed: " + error.what());
      }
    } else if (property.name == "EXRULE") {
      throw Refused("EXRULE is not supported; RFC 5545 has removed it");
    } else if (property.name == "EXDATE") {
      addExclusions(property, event);
    } else if (property.name == "RDATE") {
      for (const std::string_view one : splitList(property.value)) {
        const std::size_t slash = std::min(one.find('/'), one.size());
        const Moment moment = parseMoment(one.substr(0, slash));
        Event::Extra extra{moment.local, zoneOf(property, moment), std::nullopt};
        if (slash < one.size()) {
          const std::string_view rest = one.substr(slash + 1);
          if (rest.find('P') != std::string_view::npos)
            extra.length = parseDuration(rest);
          else
            extra.length =
                Length{Seconds(0), zoneOf(property, parseMoment(rest))->toInstant(parseMoment(rest).local) -
                                       extra.zone->toInstant(extra.start)};
        }
        event.extras.push_back(std::move(extra));
      }
    }
  }
}

void Calendar::addExclusions(const Property& property, Event& event) const {
  for (const std::string_view one : splitList(property.value)) {
    const Moment moment = parseMoment(one);
    Event::Exclusion exclusion{zoneOf(property, moment)->toInstant(moment.local), std::nullopt};
    if (moment.date || (event.allDay && !moment.utc)) exclusion.date = std::chrono::floor<Days>(moment.local);
    event.exclusions.push_back(exclusion);
  }
}

/// Of an event whose times cannot be known exactly; nothing where it may go on for ever.
std::optional<Instant> Calendar::surelyOver(const Component& component) {
  try {
    const Local start = parseMoment(component.value("DTSTART")).local;
    Seconds length = Days(1);
    if (const Property* end = component.find("DTEND")) length = parseMoment(end->value).local - start;
    if (const Property* duration = component.find("DURATION")) {
      const Length parsed = parseDuration(duration->value);
      length = parsed.nominal + parsed.exact;
    }
    Local last = start;
    if (component.find("RDATE") != nullptr) return std::nullopt;
    if (const Property* rule = component.find("RRULE"); rule != nullptr) {
      const std::string text = upper(rule->value);
      const std::size_t until = text.find("UNTIL=");
      if (until == std::string::npos) return std::nullopt;
      last = parseMoment(std::string_view(text).substr(until + 6, text.find(';', until) - until - 6)).local +
             Days(1);
    }
    return asIfUtc(last) + length + 2 * kFarthest;
  } catch (const Refused&) {
    return std::nullopt;
  }
}

void Calendar::addShifts(const Event& event, Instant from, Instant to, std::vector<Shift>& shifts) {
  const auto excluded = [&](Local start, Instant begin) {
    return std::any_of(event.exclusions.begin(), event.exclusions.end(), [&](const Event::Exclusion& one) {
      return one.date ? *one.date == std::chrono::floor<Days>(start) : one.instant == begin;
    });
  };
  const auto add = [&](Local start, const Zone& zone, const Length& length) {
    const Instant begin = zone.toInstant(start), end = endOf(zone, start, length);
    if (begin < to && end > from && begin < end && !excluded(start, begin))
      shifts.push_back({begin, end, &event});
  };
  // The window on the wall's clock, wide enough for every zone.
  const Local first(from.time_since_epoch() - event.length.nominal - event.length.exact - 2 * kFarthest);
  const Local last(to.time_since_epoch() + 2 * kFarthest);
  if (event.rules.empty()) add(event.start, *event.zone, event.length);
  for (const Recurrence& rule : event.rules)
    rule.each(event.start, first, last, [&](Local start) {
      if (const auto& until = rule.until(); until) {
        if (until->utc    ? event.zone->toInstant(start) > asIfUtc(until->local)
            : until->date ? std::chrono::floor<Days>(start) > until->local
                          : start > until->local)
          return false;
      }
      add(start, *event.zone, event.length);
      return true;
    });
  for (const Event::Extra& extra : event.extras)
    add(extra.start, *extra.zone, extra.length.value_or(event.length));
}

std::vector<Shift> Calendar::between(Instant from, Instant to) const {
  std::vector<Shift> shifts;
  for (const Event& event : _events) {
    if (!event.person) continue;
    if (event.problem.empty()) {
      addShifts(event, from, to, shifts);
    } else if (asIfUtc(event.start) - kFarthest < to && (!event.lastEnd || *event.lastEnd > from)) {
      throw Refused("The event \"" + event.summary.substr(0, 80) + "\" (UID " + event.uid.substr(0, 80) +
                    ") may be on then, but when it is cannot be known: " + event.problem + ".");
    }
  }
  // RDATE may repeat what a rule gives.
  const auto key = [](const Shift& one) { return std::make_tuple(one.begin, one.end, one.event); };
  std::sort(shifts.begin(), shifts.end(),
            [&](const Shift& left, const Shift& right) { return key(left) < key(right); });
  shifts.erase(std::unique(shifts.begin(), shifts.end(),
                           [&](const Shift& left, const Shift& right) { return key(left) == key(right); }),
               shifts.end());
  return shifts;
}

const Shift* Calendar::holder(const std::vector<Shift>& shifts, Instant when) const {
  const Shift* best = nullptr;
  const auto rank = [](const Shift& one) {
    return std::make_tuple(one.begin, -one.end.time_since_epoch(), one.event);
  };
  for (const Shift& one : shifts) {
    if (one.begin > when || one.end <= when) continue;
    if (best == nullptr || rank(*best) < rank(one)) best = &one;
  }
  return best;
}

}  // namespace ical
