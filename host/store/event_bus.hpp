#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace dispatch::store {

/// Something that committed and that an open page wants to know. Carries ids, not rows: the receiver fetches
/// what it may see. On PostgreSQL it travels by LISTEN/NOTIFY to every host, so `data` stays under 4 KiB
/// (publish() throws std::logic_error above that, on both databases).
///
/// Where events may have been missed (the link to PostgreSQL was down, or listeners were too slow), listeners
/// get one with subject "*", change "missed" and organization 0: whoever shows data fetches it anew.
struct Event {
  std::int64_t organizationId = 0;
  std::string subject;  ///< "incident", "flow_step", "plugin_instance", … (a table name)
  std::int64_t id = 0;  ///< row id
  std::string change;   ///< "created", "updated", "deleted"
  Json data =
      Json::object();  ///< what the receiver needs to decide whether it cares, e.g. {"incident_id": 7}
};

/// In-process fan-out of committed events. [any-thread]
class EventBus {
 public:
  using Listener = std::function<void(const Event&)>;
  using Subscription = std::shared_ptr<void>;  ///< listening ends when it is released

  virtual ~EventBus() = default;
  /// `listener` runs on the bus's thread: it must not block and must not throw. Once a subscription has been
  /// released (from whatever thread, the listener's own too) its listener is not running any more and never
  /// will again.
  virtual Subscription subscribe(Listener listener) = 0;
};

}  // namespace dispatch::store
