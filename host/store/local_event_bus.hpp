#pragma once

#include "store/event_bus.hpp"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace dispatch::store {

/// The bus of this process: a queue and the thread that hands it out. [any-thread]
class LocalEventBus final : public EventBus {
 public:
  LocalEventBus();
  ~LocalEventBus() override;  ///< hands out what is queued first

  Subscription subscribe(Listener listener) override;
  void post(Event event);
  /// Tells listeners that events may have been missed.
  void postMissed();

 private:
  struct Entry;

  void run();
  void deliver(const Event& event);

  std::mutex _mutex;
  std::condition_variable _wake;
  std::deque<Event> _queue;
  std::vector<std::weak_ptr<Entry>> _listeners;
  bool _stopping = false;
  std::thread _thread;
};

}  // namespace dispatch::store
