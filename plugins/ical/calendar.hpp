#pragma once

#include "content_line.hpp"
#include "moment.hpp"
#include "person.hpp"
#include "recurrence.hpp"
#include "zone.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ical {

/// A VEVENT with what may repeat it. Internal to the calendar but for what it is called and who is on call.
struct Event {
  /// A start beside the rules' (RDATE), with a length of its own where it is a period.
  struct Extra {
    Local start{};
    std::shared_ptr<const Zone> zone;
    std::optional<Length> length;
  };
  /// A start that does not count (EXDATE), or that another event replaces (RECURRENCE-ID). As a date it
  /// stands for any start on that day.
  struct Exclusion {
    Instant instant{};
    std::optional<std::chrono::local_days> date;
  };

  std::string uid, summary;
  std::optional<Person> person;
  Local start{};
  std::shared_ptr<const Zone> zone;
  bool allDay = false;
  Length length;
  std::vector<Recurrence> rules;
  std::vector<Extra> extras;
  std::vector<Exclusion> exclusions;
  std::string problem;             ///< a clause that says why its times cannot be known; empty: they are
  std::optional<Instant> lastEnd;  ///< of one with a problem: when it is surely over
};

/// Somebody is on call, in [begin, end).
struct Shift {
  Instant begin{}, end{};
  const Event* event = nullptr;  ///< in the calendar; has a person
};

/// A feed as one wants to ask it. Immutable. [any-thread]
class Calendar {
 public:
  struct Reading {
    std::string zone = "UTC";  ///< for times without one: as for Zone::fromText, or a TZID of the feed
    Where where = Where::automatic;
  };
  /// Throws Malformed.
  Calendar(std::string_view text, const Reading& reading);
  Calendar(const Calendar&) = delete;
  Calendar& operator=(const Calendar&) = delete;

  /// Everything with a person that goes on at some time in [from, to), by its begin. Throws Refused, with a
  /// sentence, if an event may go on then whose times cannot be known.
  std::vector<Shift> between(Instant from, Instant to) const;

  /// Who of `shifts` is on call at `when`, or null: the one who began last; of those the one who ends first,
  /// so that an exception stands above the plan; of those the last in the feed.
  const Shift* holder(const std::vector<Shift>& shifts, Instant when) const;

  std::size_t eventCount() const noexcept { return _events.size(); }
  std::size_t withoutPerson() const noexcept { return _withoutPerson; }
  /// How many begin at a time without a zone, and which zone the feed itself names (X-WR-TIMEZONE).
  std::size_t floatingCount() const noexcept { return _floating; }
  const std::string& ownZone() const noexcept { return _ownZone; }

 private:
  using ZoneRef = std::shared_ptr<const Zone>;
  struct Described {
    const Component* component;
    std::optional<Moment> replaces;  ///< RECURRENCE-ID
    int sequence;
  };

  void readZones(const std::vector<Component>& calendars);
  void readEvents(const std::vector<Component>& calendars);
  Event readEvent(const Component& component);
  void readTimes(const Component& component, Event& event) const;
  Length readLength(const Component& component, const Event& event) const;
  void readRepetition(const Component& component, Event& event) const;
  void addExclusions(const Property& property, Event& event) const;
  static std::optional<Instant> surelyOver(const Component& component);
  ZoneRef zoneOf(const Property& property, const Moment& moment) const;
  ZoneRef zoneNamed(const std::string& name) const;
  static void addShifts(const Event& event, Instant from, Instant to, std::vector<Shift>& shifts);

  std::map<std::string, ZoneRef, std::less<>> _zones;
  std::map<std::string, std::string, std::less<>> _brokenZones;  ///< with what is wrong
  std::string _floatingName, _ownZone;
  Where _where;
  std::vector<Event> _events;
  std::size_t _withoutPerson = 0, _floating = 0;
};

}  // namespace ical
