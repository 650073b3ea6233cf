#pragma once

#include "http/connection.hpp"

#include <Poco/Net/SocketAddress.h>
#include <sys/epoll.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

struct ssl_ctx_st;

namespace dispatch::http {

/// The thread that accepts, reads heads and small bodies, watches the clock and deletes connections.
class Poller {
 public:
  /// `tls` may be null; outlives the poller. Throws Problem for addresses that are none.
  Poller(Core& core, ssl_ctx_st* tls);
  ~Poller();

  /// Binds and listens. Throws Problem.
  void bind();
  const std::vector<Poco::Net::SocketAddress>& addresses() const { return _addresses; }
  void start();

  /// After Core::stopping was set: returns when every connection is closed, or cut at the limit.
  void drain();
  /// After the workers have ended: the thread ends, what is left is closed.
  void finish();

 private:
  /// Told apart from a Connection by the lowest bit of epoll's pointer.
  struct Listener {
    int fd = -1;
  };

  void run();
  void turn(int timeoutMs);
  void onEvent(const epoll_event& event);
  void acceptFrom(Listener& listener);
  void admit(int fd, const Poco::Net::SocketAddress& peer);
  bool evictIdle();
  void pauseAccepting(std::int64_t now);
  void resumeAccepting();
  void work(Connection* connection);  ///< owned: until it is parked, a job, or buried
  void place(Connection* connection, Connection::Step step);
  void pushJobs();
  void wakeUploads();
  void sweep(std::int64_t now);
  void closeListeners();
  void deleteBuried();
  void cutAll();
  int timeout(std::int64_t now) const;

  Core& _core;
  ssl_ctx_st* _tls;
  std::vector<Listener> _listeners;
  std::vector<Poco::Net::SocketAddress> _addresses;
  std::unordered_set<Connection*> _connections;
  std::vector<Connection*> _jobs;
  std::vector<Connection*> _oldestIdle;  ///< candidates for eviction, last first; valid during one turn
  bool _searchedIdle = false;
  bool _woken = false;
  std::int64_t _interval = 500;  ///< ms between sweeps
  std::int64_t _nextSweep = 0;
  std::int64_t _resumeAt = 0;  ///< accepting rests until then: out of descriptors
  std::int64_t _complainAt = 0;
  std::int64_t _cutAt = 0;  ///< stopping: ms
  bool _hurry = false;      ///< jobs wait although workers sleep
  std::thread _thread;

  std::mutex _mutex;
  std::condition_variable _changed;
  bool _drained = false;  // with _mutex
  std::atomic<bool> _finish{false};
};

}  // namespace dispatch::http
