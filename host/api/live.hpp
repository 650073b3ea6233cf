#pragma once

#include "auth/auth.hpp"
#include "http/http.hpp"
#include "store/store.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dispatch::api {

/// Committed events on their way to the open pages. A thread of its own asks the database who may see an
/// incident, so that neither the bus nor the broadcaster waits.
class Live {
 public:
  Live(store::Database& database, http::EventStreams& streams);
  ~Live();

  /// Answers a request with the event stream of the caller's organization.
  void open(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response,
            const auth::Principal& who);

 private:
  void run();
  void deliver(const store::Event& event);

  store::Database& _database;
  http::EventStreams& _streams;
  std::mutex _mutex;
  std::condition_variable _changed;
  std::deque<store::Event> _waiting;
  bool _stopping = false;
  store::EventBus::Subscription _subscription;
  std::thread _thread;
};

}  // namespace dispatch::api
