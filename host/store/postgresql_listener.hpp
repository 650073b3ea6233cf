#pragma once

#include "store/local_event_bus.hpp"

#include <atomic>
#include <string>
#include <thread>

struct pg_conn;

namespace dispatch::store {

/// An event as the text of a NOTIFY, marked with the process that sends it.
std::string encodeEvent(const Event& event, const std::string& process);

/// Brings the events of other hosts: a connection of its own that LISTENs, and the thread that reads it.
/// Plain libpq, because Poco::Data offers no notifications. When the link breaks it is made again, and
/// listeners are told that events may have been missed.
class PostgresqlListener {
 public:
  static constexpr const char* kChannel = "dispatch_events";

  /// Listens when it returns. Events of `process` itself are left out: the bus has them already.
  PostgresqlListener(std::string connectionString, std::string process, LocalEventBus& bus);
  ~PostgresqlListener();

 private:
  bool connect();
  void run();
  void receive();
  /// Waits for the server or for the end; false = the end.
  bool wait(int socket, int milliseconds) const;

  std::string _connectionString, _process;
  LocalEventBus& _bus;
  pg_conn* _connection = nullptr;
  int _stop = -1;  // eventfd
  std::thread _thread;
};

}  // namespace dispatch::store
