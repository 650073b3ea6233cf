#pragma once

#include "calendar.hpp"

#include <dispatch/sdk.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ical {

/// The address of a service's feed. `pattern` is the setting "url". Throws Failure::invalid, also for a whole
/// address that leaves the folder of the pattern: members enter external ids, and the secret goes with it.
std::string feedUrl(const std::string& pattern, const std::string& externalId);

/// Feeds as they came last. A copy serves when the server says that nothing has changed (RFC 9110 section 13)
/// and, for a day, when there is no answer: an on-call plan of this morning is better than none in the middle
/// of an outage. [any-thread]
class FeedCache {
 public:
  struct Copy {
    std::string etag, lastModified;
    std::shared_ptr<const Calendar> calendar;
    Instant fetched{};
  };
  /// Nothing in it where there is none.
  Copy find(const std::string& url) const;
  void keep(const std::string& url, Copy copy);

 private:
  mutable std::mutex _mutex;
  std::map<std::string, Copy> _copies;
};

}  // namespace ical
