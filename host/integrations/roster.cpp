#include "integrations/roster.hpp"

#include "base/backoff.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <utility>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 10s;        // for the last calls of an instance that was replaced
constexpr auto leavingPeriod = 5ms;   // between two looks whether they have ended
constexpr auto trialPeriod = 250ms;   // between two looks at how a trial goes
constexpr auto conditionPeriod = 2s;  // between two looks at how those that run do
constexpr std::chrono::milliseconds retryFirst = 1s, retryMost = 60s;

Poco::Logger& log() { return Poco::Logger::get("dispatch.integrations"); }

}  // namespace

std::string label(const InstanceRow& row) { return row.pluginId + " of project " + row.project; }

std::shared_ptr<plugin::Instance> startInstance(plugin::Catalog& catalog, const plugin::Scope& scope,
                                                plugin::Configuration configuration) {
  auto instance = catalog.create(scope.pluginId, scope, std::move(configuration));
  const auto outcome = instance->start();
  if (!outcome.ok()) {
    instance->drainAndStop();
    throw Problem(Problem::Kind::unavailable, outcome.message.empty()
                                                  ? "The plugin " + scope.pluginId + " could not start"
                                                  : outcome.message);
  }
  return instance;
}

Roster::Roster(plugin::Catalog& catalog, const EffectiveConfigurations& configurations,
               StateChanged stateChanged, TrialEnded trialEnded)
    : _catalog(catalog),
      _configurations(configurations),
      _stateChanged(std::move(stateChanged)),
      _trialEnded(std::move(trialEnded)) {
  _keeper = std::thread([this] { keep(); });
}

Roster::~Roster() { stop(); }

std::optional<Roster::Entry> Roster::find(std::int64_t id) const {
  std::shared_lock lock(_mutex);
  const auto found = _entries.find(id);
  return found == _entries.end() ? std::nullopt : std::optional(found->second);
}

void Roster::logState(const InstanceRow& row, const Status& status, bool needsPerson) {
  if (needsPerson)
    log().error("The plugin %s is %s: %s", label(row), status.state, status.reason);
  else if (status.state == "degraded" || status.state == "broken")
    log().warning("The plugin %s is %s: %s", label(row), status.state, status.reason);
  else
    log().information("The plugin %s is %s%s", label(row), status.state,
                      status.reason.empty() ? "" : ". " + status.reason);
}

void Roster::publish(Entry entry) {
  const InstanceRow row = entry.row;
  const Status after = entry.status;
  const bool needsPerson = entry.needsPerson;
  entry.told = after.state;
  Status before;
  {
    std::unique_lock lock(_mutex);
    auto& slot = _entries[row.id];
    before = {slot.told, slot.status.reason};
    slot = std::move(entry);
  }
  const bool known = !before.state.empty();
  if (known && before.state == after.state && before.reason == after.reason) return;
  if (known || needsPerson || after.state == "degraded" || after.state == "broken")
    logState(row, after, needsPerson);
  {
    std::lock_guard lock(_keeperMutex);
    if (_stopping) return;
    _chores.emplace_back([this, row, after] { _stateChanged(row, after.state, after.reason); });
  }
  _keeperWakes.notify_one();
}

void Roster::tellConditions() {
  std::vector<Entry> running;
  {
    std::shared_lock lock(_mutex);
    for (const auto& [id, entry] : _entries)
      if (entry.instance) running.push_back(entry);
  }
  for (const auto& entry : running) {
    const auto now = statusOf(entry);
    if (now.state == entry.told) continue;
    {
      std::unique_lock lock(_mutex);
      const auto found = _entries.find(entry.row.id);
      if (found == _entries.end() || found->second.instance != entry.instance) continue;
      found->second.told = now.state;
    }
    logState(entry.row, now, false);
    _stateChanged(entry.row, now.state, now.reason);
  }
}

void Roster::retire(std::shared_ptr<plugin::Instance> instance) {
  if (!instance) return;
  {
    std::lock_guard lock(_keeperMutex);
    if (!_stopping) {
      _leaving.push_back({std::move(instance), Clock::now() + patience});
      instance = nullptr;
    }
  }
  if (instance) instance->drainAndStop();
  _keeperWakes.notify_one();
}

void checkHealth(plugin::Instance& instance) {
  if (!instance.has(DISPATCH_HEALTH_1)) return;
  const auto outcome = instance.test(Json::object());
  // One that has no test, or needs a person's input for it, is taken at its word.
  if (outcome.status == DISPATCH_ERR_UNSUPPORTED || outcome.status == DISPATCH_ERR_INVALID) return;
  if (!outcome.ok())
    throw Problem(Problem::Kind::unavailable, "Its own test cannot be done: " + outcome.message);
  for (const auto& check : outcome.value.value("checks", Json::array()))
    if (!check.value("ok", false))
      throw Problem(Problem::Kind::unavailable,
                    "Its own test fails: " + textOr(check, "name") + ": " + textOr(check, "detail"));
}

void endWhenIdle(std::shared_ptr<plugin::Instance> instance, std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  // Whoever found it before it was replaced holds it until its call has ended.
  while (instance.use_count() > 1 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  instance->drainAndStop();
}

void Roster::bring(const InstanceRow& row) {
  breakOffTrial(row.id, row.enabled ? "its configuration was changed" : "the plugin was disabled");
  const auto before = find(row.id);
  Entry entry;
  entry.row = row;
  if (before) entry.lastTrial = before->lastTrial;
  const auto installed = _catalog.find(row.pluginId);
  std::shared_ptr<plugin::Instance> previous = before ? before->instance : nullptr;
  const auto settle = [&](const std::string& state, const std::string& reason) {
    entry.status = {state, reason};
    publish(entry);
    if (previous && previous != entry.instance) retire(previous);
  };
  if (!row.enabled) return settle("disabled", "");
  if (!installed)
    return settle("broken", "The plugin " + row.pluginId +
                                " is not installed here; put its package into a plugin directory");
  if (!installed->usable) {
    // It may be trusted again, or let out of quarantine.
    entry.failures = (before ? before->failures : 0) + 1;
    entry.retryAt = Clock::now() + backoff(entry.failures, retryFirst, retryMost);
    settle("broken", installed->reason);
    return _keeperWakes.notify_one();
  }
  try {
    const plugin::Scope scope{row.pluginId, row.id, row.organizationId, row.projectId};
    auto configuration =
        _configurations.make(installed->manifest, row.configuration, row.id, row.revision, row.fromFile);
    if (previous) {
      const auto outcome = previous->reconfigure(std::move(configuration));
      if (outcome.ok()) {
        entry.instance = previous;
        return settle("healthy", before->status.reason);  // what is said of its version holds
      }
      // It cannot, or would not: a new one beside it, then this one drains.
      configuration =
          _configurations.make(installed->manifest, row.configuration, row.id, row.revision, row.fromFile);
    }
    entry.instance = startInstance(_catalog, scope, std::move(configuration));
    settle("healthy", "");
  } catch (const Problem& problem) {
    entry.instance = nullptr;
    // What only a person can mend is not retried; what may mend itself is.
    const bool incomplete = problem.kind() == Problem::Kind::invalid && !problem.location().empty();
    entry.needsPerson = problem.kind() == Problem::Kind::invalid;
    entry.failures = incomplete ? 0 : (before ? before->failures : 0) + 1;
    if (!incomplete) entry.retryAt = Clock::now() + backoff(entry.failures, retryFirst, retryMost);
    settle(incomplete ? "not configured" : "degraded", problem.what());
    _keeperWakes.notify_one();
  } catch (const std::exception& error) {
    entry.instance = nullptr;
    entry.failures = (before ? before->failures : 0) + 1;
    entry.retryAt = Clock::now() + backoff(entry.failures, retryFirst, retryMost);
    settle("degraded", error.what());
    _keeperWakes.notify_one();
  }
}

void Roster::apply(const InstanceRow& row) {
  std::lock_guard control(_control);
  if (const auto before = find(row.id)) {
    const bool same = before->row.revision == row.revision && before->row.enabled == row.enabled &&
                      before->row.fromFile == row.fromFile && before->row.projectId == row.projectId;
    if (same) return;  // one of the many messages about a row this host changed itself
  }
  bring(row);
}

void Roster::forget(std::int64_t id) {
  std::lock_guard control(_control);
  breakOffTrial(id, "the plugin was taken out of the project");
  const auto before = find(id);
  if (!before) return;
  {
    std::unique_lock lock(_mutex);
    _entries.erase(id);
  }
  retire(before->instance);
}

void Roster::replaceAll(const std::vector<InstanceRow>& rows) {
  std::set<std::int64_t> present;
  for (const auto& row : rows) present.insert(row.id);
  std::vector<std::int64_t> gone;
  {
    std::shared_lock lock(_mutex);
    for (const auto& [id, entry] : _entries)
      if (!present.contains(id)) gone.push_back(id);
  }
  for (const auto id : gone) forget(id);
  for (const auto& row : rows) apply(row);
}

std::function<void()> Roster::nextChore() {
  if (!_chores.empty()) {
    auto chore = std::move(_chores.front());
    _chores.pop_front();
    return chore;
  }
  // Whoever found it before it was replaced holds it until its call has ended. Nobody waits for that here:
  // there are others to look after.
  const auto ended = std::find_if(_leaving.begin(), _leaving.end(), [](const Leaving& one) {
    return one.instance.use_count() == 1 || one.until <= Clock::now();
  });
  if (ended == _leaving.end()) return {};
  const auto instance = std::move(ended->instance);
  _leaving.erase(ended);
  return [instance] { instance->drainAndStop(); };
}

void Roster::keep() {
  auto lookAt = Clock::now() + conditionPeriod;
  while (true) {
    std::function<void()> chore;
    std::optional<InstanceRow> due;
    bool trialRuns = false;
    concludeTrials();
    if (lookAt <= Clock::now()) {
      tellConditions();
      lookAt = Clock::now() + conditionPeriod;
    }
    {
      auto next = Clock::now() + std::chrono::hours(1);
      {
        std::shared_lock entries(_mutex);
        for (const auto& [id, entry] : _entries) {
          if (entry.trial) trialRuns = true;
          if (entry.failures > 0 && entry.retryAt < next) {
            next = entry.retryAt;
            due = entry.row;
          }
        }
      }
      std::unique_lock lock(_keeperMutex);
      chore = nextChore();
      if (!chore && _stopping && _leaving.empty()) return;
      if (!chore && (_stopping || next > Clock::now())) {
        auto until = lookAt;
        if (trialRuns) until = std::min<Clock::time_point>(until, Clock::now() + trialPeriod);
        if (!_leaving.empty()) until = std::min<Clock::time_point>(until, Clock::now() + leavingPeriod);
        if (!_stopping) until = std::min(until, next);
        _keeperWakes.wait_until(lock, until);
        continue;
      }
    }
    try {
      if (chore) chore();
      if (chore || !due) continue;
      std::lock_guard control(_control);
      const auto now = find(due->id);
      if (now && now->failures > 0 && now->retryAt <= Clock::now()) bring(now->row);
    } catch (const std::exception& error) {
      log().error("Keeping the plugins in order failed: %s", std::string(error.what()));
    }
  }
}

void Roster::stop() {
  {
    std::lock_guard lock(_keeperMutex);
    if (_stopping && !_keeper.joinable()) return;
    _stopping = true;
  }
  _keeperWakes.notify_all();
  if (_keeper.joinable()) _keeper.join();
  std::lock_guard control(_control);
  for (const auto& entry : entriesOnTrial()) breakOffTrial(entry.row.id, "the server is being stopped");
  std::map<std::int64_t, Entry> entries;
  {
    std::unique_lock lock(_mutex);
    entries.swap(_entries);
  }
  for (auto& [id, entry] : entries)
    if (entry.instance) entry.instance->drainAndStop();
}

Roster::Status Roster::statusOf(const Entry& entry) {
  if (!entry.instance) return entry.status;
  auto now = conditionOf(*entry.instance);
  return now.state == "healthy" ? entry.status : now;
}

Roster::Status Roster::status(const InstanceRow& row) const {
  const auto entry = find(row.id);
  if (entry) return statusOf(*entry);
  return {row.enabled ? "degraded" : "disabled", row.enabled ? "It has not been started yet" : ""};
}

std::map<std::string, std::string> Roster::ailing() const {
  std::vector<Entry> enabled;
  {
    std::shared_lock lock(_mutex);
    for (const auto& [id, entry] : _entries)
      if (entry.row.enabled) enabled.push_back(entry);
  }
  std::map<std::string, std::string> found;
  for (const auto& entry : enabled)  // outside the lock: instances are asked
    if (const auto status = statusOf(entry); status.state != "healthy")
      found.emplace(entry.row.pluginId, status.state);
  return found;
}

std::vector<Serving> Roster::serving(std::int64_t projectId, const std::string& pluginType) const {
  std::vector<Serving> found;
  std::shared_lock lock(_mutex);
  for (const auto& [id, entry] : _entries)
    if (entry.instance && entry.row.projectId == projectId && entry.row.pluginType == pluginType)
      found.push_back({entry.instance, id, entry.row.revision, ""});
  return found;
}

std::vector<Serving> Roster::running(std::string_view interfaceId) const {
  std::vector<Serving> found;
  {
    std::shared_lock lock(_mutex);
    for (const auto& [id, entry] : _entries)
      if (entry.instance) found.push_back({entry.instance, id, entry.row.revision, ""});
  }
  // Outside the lock: a plugin in this process is asked here.
  if (!interfaceId.empty())
    std::erase_if(found, [&](const Serving& serving) { return !serving.instance->has(interfaceId); });
  return found;
}

Serving Roster::byId(std::int64_t id) const {
  const auto entry = find(id);
  if (!entry) return {nullptr, id, 0, "That plugin was taken out of the project since"};
  Serving serving{entry->instance, id, entry->row.revision, ""};
  if (serving.instance) return serving;
  const std::string name = "The " + entry->row.pluginType + " plugin " + entry->row.pluginId;
  serving.reason =
      entry->status.state == "disabled"
          ? name + " is disabled in project " + entry->row.project + ". Enable it under Settings > Plugins."
          : name + " is " + entry->status.state + ": " + entry->status.reason;
  return serving;
}

Serving Roster::whyNot(std::int64_t projectId, const std::string& pluginType,
                       const std::string& projectName) const {
  std::shared_lock lock(_mutex);
  for (const auto& [id, entry] : _entries)
    if (entry.row.projectId == projectId && entry.row.pluginType == pluginType && entry.row.enabled)
      return {nullptr, entry.status.state == "degraded" ? id : 0, entry.row.revision,
              "The " + pluginType + " plugin " + entry.row.pluginId + " is " + entry.status.state +
                  " in project " + projectName + ": " + entry.status.reason};
  return {nullptr, 0, 0,
          "No " + pluginType + " plugin is enabled in project " + projectName +
              ". Enable one under Settings > Plugins."};
}

}  // namespace dispatch::integrations
