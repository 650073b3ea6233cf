#include "store/postgresql_listener.hpp"

#include "base/problem.hpp"
#include "store/postgresql_connection.hpp"

#include <Poco/Logger.h>

#include <libpq-fe.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <memory>

namespace dispatch::store {
namespace {

constexpr int kFirstPauseMs = 200, kLongestPauseMs = 5000;

Poco::Logger& logger() { return Poco::Logger::get("dispatch.store"); }

}  // namespace

std::string encodeEvent(const Event& event, const std::string& process) {
  return dumpJson({{"from", process},
                   {"organization", event.organizationId},
                   {"subject", event.subject},
                   {"id", event.id},
                   {"change", event.change},
                   {"data", event.data}});
}

PostgresqlListener::PostgresqlListener(std::string connectionString, std::string process, LocalEventBus& bus)
    : _connectionString(std::move(connectionString)),
      _process(std::move(process)),
      _bus(bus),
      _stop(::eventfd(0, EFD_CLOEXEC)) {
  if (_stop < 0) throw Problem(Problem::Kind::internal, "eventfd: out of file descriptors");
  connect();
  _thread = std::thread([this] { run(); });
}

PostgresqlListener::~PostgresqlListener() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(_stop, &one, sizeof one);
  _thread.join();
  if (_connection) PQfinish(_connection);
  ::close(_stop);
}

bool PostgresqlListener::connect() {
  if (_connection) PQfinish(_connection);
  _connection = PQconnectdb(_connectionString.c_str());
  if (PQstatus(_connection) == CONNECTION_OK) {
    logNotices(_connection);
    PGresult* result = PQexec(_connection, (std::string("LISTEN ") + kChannel).c_str());
    const bool listening = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (listening) return true;
  }
  logger().warning("events of other hosts do not arrive for now: " +
                   std::string(PQerrorMessage(_connection)));
  PQfinish(_connection);
  _connection = nullptr;
  return false;
}

bool PostgresqlListener::wait(int socket, int milliseconds) const {
  pollfd waiting[2] = {{_stop, POLLIN, 0}, {socket, POLLIN, 0}};
  ::poll(waiting, socket >= 0 ? 2 : 1, milliseconds);
  return waiting[0].revents == 0;
}

void PostgresqlListener::run() {
  int pause = kFirstPauseMs;
  for (;;) {
    if (_connection) {
      if (!wait(PQsocket(_connection), -1)) return;
      receive();
      continue;
    }
    if (!wait(-1, pause)) return;
    pause = std::min(pause * 2, kLongestPauseMs);
    if (!connect()) continue;
    pause = kFirstPauseMs;
    logger().information("events of other hosts arrive again");
    _bus.postMissed();
  }
}

void PostgresqlListener::receive() {
  if (!PQconsumeInput(_connection)) {
    logger().warning("the connection for events of other hosts was lost; connecting again");
    PQfinish(_connection);
    _connection = nullptr;
    return;
  }
  while (const std::unique_ptr<PGnotify, void (*)(void*)> notice{PQnotifies(_connection), PQfreemem}) {
    try {
      const Json text = parseJson(notice->extra, "event of another host");
      if (textOr(text, "from") == _process) continue;
      _bus.post(Event{text.at("organization").get<std::int64_t>(), textOr(text, "subject"),
                      text.at("id").get<std::int64_t>(), textOr(text, "change"),
                      text.value("data", Json::object())});
    } catch (const std::exception& problem) {
      logger().warning("an event that is not of this program's form was ignored: " +
                       std::string(problem.what()));
    }
  }
}

}  // namespace dispatch::store
