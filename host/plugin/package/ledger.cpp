#include "plugin/package/ledger.hpp"

#include "base/problem.hpp"
#include "base/time.hpp"
#include "plugin/package/atomic_file.hpp"
#include "plugin/package/version.hpp"

#include <Poco/Logger.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace dispatch::plugin {

namespace {

Poco::Logger& logger() { return Poco::Logger::get("dispatch.plugin"); }

[[noreturn]] void fails(const std::string& what, int error) {
  throw Problem(Problem::Kind::unavailable, what + ": " + std::generic_category().message(error) +
                                                ". The server's user needs to write there.")
      .withType("plugin_ledger");
}

std::string parentOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

/// The lock that processes hold while they change the ledger: on a file of its own, as the ledger's is
/// replaced.
class FileLock {
 public:
  explicit FileLock(const std::string& path) {
    _fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (_fd < 0) fails(path + " cannot be opened", errno);
    try {
      giveToOwnerOf(parentOf(path), path);
    } catch (...) {
      ::close(_fd);
      throw;
    }
    while (::flock(_fd, LOCK_EX) != 0)
      if (errno != EINTR) {
        const int error = errno;
        ::close(_fd);
        fails(path + " cannot be locked", error);
      }
  }
  ~FileLock() { ::close(_fd); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int _fd = -1;
};

const Json& objectIn(const Json& json, const char* key) {
  static const Json none = Json::object();
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : none;
}

}  // namespace

Ledger::Ledger(std::string path) : _path(std::move(path)) {
  const std::lock_guard lock(_mutex);
  refresh();
}

Ledger::State Ledger::read(const Json& json) {
  if (!json.is_object() || json.value("format", 0) != 1)
    throw Problem(Problem::Kind::invalid, "it is no ledger of format 1");
  State state;
  for (const auto& entry : objectIn(json, "served").items())
    state.served.emplace(entry.key(), entry.value().get<std::string>());
  for (const auto& entry : objectIn(json, "pins").items())
    state.pins.emplace(entry.key(),
                       Pin{entry.value().at("version").get<std::string>(), textOr(entry.value(), "at"),
                           textOr(entry.value(), "by"), textOr(entry.value(), "downgrade_from")});
  for (const auto& entry : objectIn(json, "quarantine").items())
    state.quarantines.emplace(entry.key(),
                              Quarantine{textOr(entry.value(), "since"), entry.value().value("crashes", 1),
                                         textOr(entry.value(), "reason")});
  return state;
}

Json Ledger::write(const State& state) {
  Json json{
      {"format", 1}, {"served", state.served}, {"pins", Json::object()}, {"quarantine", Json::object()}};
  for (const auto& [id, pin] : state.pins)
    json["pins"][id] = {
        {"version", pin.version}, {"at", pin.at}, {"by", pin.by}, {"downgrade_from", pin.downgradeFrom}};
  for (const auto& [digest, entry] : state.quarantines)
    json["quarantine"][digest] = {
        {"since", entry.since}, {"crashes", entry.crashes}, {"reason", entry.reason}};
  return json;
}

void Ledger::refresh() const {
  struct stat status {};
  if (::stat(_path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      _unreadable = false;
      // Whoever took the file away meant it; what this process could not write it still knows.
      if (_stamp.size >= 0) _state = {}, _stamp = {};
      return;
    }
    if (!_unreadable)
      logger().warning("The record of plugins, %s, cannot be read (%s): older versions are not recognised.",
                       _path, std::generic_category().message(errno));
    _unreadable = true;
    return;
  }
  const Stamp stamp{status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
  if (stamp == _stamp) return;
  std::ifstream in(_path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    if (!_unreadable)
      logger().warning("The record of plugins, %s, cannot be read: older versions are not recognised.",
                       _path);
    _unreadable = true;
    return;
  }
  _unreadable = false;
  _stamp = stamp;
  try {
    _state = read(parseJson(text.str(), "it"));
  } catch (const std::exception& error) {
    const auto aside = _path + ".damaged-" + toText(now());
    const bool moved = ::rename(_path.c_str(), aside.c_str()) == 0;
    logger().error(
        "The record of plugins, %s, is damaged (%s). It starts anew: versions that served before and pins "
        "are "
        "forgotten. %s",
        _path, std::string(error.what()),
        moved ? "What it was is kept in " + aside + "."
              : "It could not be put aside and will be written over.");
    _state = {};
    _stamp = {};
  }
}

void Ledger::change(const std::function<void(State&)>& change) {
  makeDirectory(parentOf(_path), 0750);
  const FileLock lock(_path + ".lock");
  refresh();
  if (_unreadable)
    throw Problem(
        Problem::Kind::unavailable,
        _path + " cannot be read, so it is not written over. Give the server's user permission for it.")
        .withType("plugin_ledger");
  State next = _state;
  change(next);
  writeFileAtomically(_path, write(next).dump(2) + '\n', 0640);
  _state = std::move(next);
  struct stat status {};
  if (::stat(_path.c_str(), &status) == 0)
    _stamp = {status.st_ino, status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size};
}

void Ledger::changeOrLog(const std::function<void(State&)>& work) noexcept {
  try {
    try {
      change(work);
    } catch (const std::exception& error) {
      work(_state);
      if (!_complained) logger().warning("The record of plugins is not kept: %s", std::string(error.what()));
      _complained = true;
    }
  } catch (...) {
    // Without memory there is nothing left to do about it.
  }
}

std::string Ledger::highestServed(const std::string& id) const {
  const std::lock_guard lock(_mutex);
  refresh();
  const auto found = _state.served.find(id);
  return found == _state.served.end() ? "" : found->second;
}

void Ledger::served(const std::string& id, const std::string& version) noexcept {
  const std::lock_guard lock(_mutex);
  const auto known = [&](const State& state) {
    const auto found = state.served.find(id);
    return found != state.served.end() && compareVersions(version, found->second) <= 0;
  };
  if (known(_state)) return;
  changeOrLog([&](State& state) {
    if (!known(state)) state.served[id] = version;
  });
}

std::optional<Ledger::Pin> Ledger::pinned(const std::string& id) const {
  const std::lock_guard lock(_mutex);
  refresh();
  const auto found = _state.pins.find(id);
  return found == _state.pins.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Ledger::Pin> Ledger::pins() const {
  const std::lock_guard lock(_mutex);
  refresh();
  return _state.pins;
}

Ledger::Pin Ledger::pin(const std::string& id, const std::string& version, const std::string& by) {
  const std::lock_guard lock(_mutex);
  Pin pin{version, nowText(), by, ""};
  change([&](State& state) {
    if (const auto found = state.served.find(id);
        found != state.served.end() && compareVersions(version, found->second) < 0)
      pin.downgradeFrom = found->second;
    state.pins[id] = pin;
  });
  if (pin.downgradeFrom.empty())
    logger().notice("Plugin %s was pinned to version %s by %s.", id, version, by);
  else
    logger().notice(
        "Plugin %s was pinned to version %s by %s: a downgrade from %s, which has served, is allowed.", id,
        version, by, pin.downgradeFrom);
  return pin;
}

bool Ledger::unpin(const std::string& id, const std::string& by) {
  const std::lock_guard lock(_mutex);
  refresh();
  if (_state.pins.count(id) == 0) return false;
  change([&](State& state) { state.pins.erase(id); });
  logger().notice("Plugin %s is no longer pinned; %s took that away.", id, by);
  return true;
}

bool Ledger::allows(const std::string& id, const std::string& version) const {
  const std::lock_guard lock(_mutex);
  refresh();
  const auto served = _state.served.find(id);
  if (served == _state.served.end() || compareVersions(version, served->second) >= 0) return true;
  const auto pin = _state.pins.find(id);
  return pin != _state.pins.end() && pin->second.version == version;
}

void Ledger::quarantine(const std::string& digest, const std::string& reason) noexcept {
  const std::lock_guard lock(_mutex);
  changeOrLog([&](State& state) {
    auto& entry = state.quarantines[digest];
    if (entry.since.empty()) entry.since = nowText();
    ++entry.crashes;
    entry.reason = reason;
  });
  try {
    logger().error("The plugin package %s is in quarantine: %s", digest, reason);
  } catch (...) {
    // The record is kept; only the line is lost.
  }
}

bool Ledger::release(const std::string& digest, const std::string& by) {
  const std::lock_guard lock(_mutex);
  refresh();
  if (_state.quarantines.count(digest) == 0) return false;
  change([&](State& state) { state.quarantines.erase(digest); });
  logger().notice("The plugin package %s was released from quarantine by %s.", digest, by);
  return true;
}

std::optional<Ledger::Quarantine> Ledger::quarantined(const std::string& digest) const {
  const std::lock_guard lock(_mutex);
  refresh();
  const auto found = _state.quarantines.find(digest);
  return found == _state.quarantines.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Ledger::Quarantine> Ledger::quarantines() const {
  const std::lock_guard lock(_mutex);
  refresh();
  return _state.quarantines;
}

}  // namespace dispatch::plugin
