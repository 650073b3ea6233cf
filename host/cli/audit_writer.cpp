#include "cli/audit_writer.hpp"

#include <Poco/Logger.h>

#include <utility>

namespace dispatch::cli {

namespace {

constexpr std::size_t most = 1000;

Poco::Logger& logger() { return Poco::Logger::get("dispatch.audit"); }

}  // namespace

AuditWriter::AuditWriter(store::Database& database) : _database(database), _thread([this] { run(); }) {}

AuditWriter::~AuditWriter() {
  {
    const std::lock_guard lock(_mutex);
    _ending = true;
  }
  _changed.notify_all();
  _thread.join();
}

void AuditWriter::add(store::AuditEntry entry) {
  const std::lock_guard lock(_mutex);
  if (_waiting.size() >= most) {
    ++_dropped;
    return;
  }
  _waiting.push_back(std::move(entry));
  _changed.notify_all();
}

void AuditWriter::run() {
  std::unique_lock lock(_mutex);
  for (;;) {
    _changed.wait(lock, [&] { return _ending || !_waiting.empty(); });
    if (_waiting.empty()) return;
    auto entries = std::exchange(_waiting, {});
    const auto dropped = std::exchange(_dropped, 0);
    lock.unlock();
    if (dropped > 0)
      logger().warning(std::to_string(dropped) +
                       " audit entries of plugins were dropped: they came too fast.");
    for (const auto& entry : entries) write(entry);
    lock.lock();
  }
}

void AuditWriter::write(const store::AuditEntry& entry) {
  try {
    store::writeAudit(*_database.session(), entry);
  } catch (const std::exception& error) {
    logger().error("An audit row was not written: " + std::string(error.what()));
  }
}

}  // namespace dispatch::cli
