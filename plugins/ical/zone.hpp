#pragma once

#include "content_line.hpp"
#include "moment.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ical {

/// From what a clock on the wall shows to moments of the world. Immutable.
class Zone {
 public:
  /// Always that far ahead of UTC.
  explicit Zone(Seconds offset) : _before(offset) {}
  /// From a VTIMEZONE (RFC 5545 section 3.6.5). Throws Refused.
  explicit Zone(const Component& timezone);

  /// "UTC", "+01:00", or a rule of POSIX with its changes, as in CET-1CEST,M3.5.0,M10.5.0/3 (IEEE Std 1003.1,
  /// section 8.3). Null where `text` is neither; throws Refused for a rule that is wrong.
  static std::shared_ptr<const Zone> fromText(std::string_view text);

  /// RFC 5545 section 3.3.5: a time that the clock skips is as if it had not been put forward yet; of two
  /// that show the same, it is the first.
  Instant toInstant(Local local) const;

 private:
  struct Change {
    Local from;  ///< what the clock shows, or would show, from which on `offset` counts
    Seconds offset;
  };
  Zone() = default;
  void addObservance(const Component& observance);
  void addChange(Local onset, Seconds offsetFrom, Seconds offsetTo);
  void sort();
  static Zone fromPosix(std::string_view rule);

  std::vector<Change> _changes;
  Seconds _before{};
};

}  // namespace ical
