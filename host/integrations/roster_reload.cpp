// Another version beside the one that serves: put into its place at once, or tried before.
#include "integrations/roster.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <utility>

namespace dispatch::integrations {

namespace {

constexpr const char* theServer = "the server";  // who ends a trial that no person ends

Poco::Logger& log() { return Poco::Logger::get("dispatch.integrations"); }

/// "version 1.1.0 was rolled back, because 3 of its 4 calls failed …"
std::string toldOf(const Json& report) {
  const auto result = textOr(report, "result");
  const std::string version = "version " + textOr(report, "version");
  if (result == "ended") return version + " was tried as a shadow to the end";
  return version + (result == "took over" ? " took over" : " was rolled back") + ", because " +
         textOr(report, "reason");
}

/// What people should know where a trial left the former version in service; "" where it did not.
std::string standing(const InstanceRow& row, const Json& report, const std::string& serving) {
  if (textOr(report, "result") == "took over") return "";
  const auto tried = textOr(report, "version");
  const auto& id = row.pluginId;
  std::string said = "Version " + serving + " goes on";
  if (tried != serving) said += ", though " + tried + " is installed";
  said += ": " + toldOf(report) + ". Take it into use with dispatch plugins reload " + id;
  if (tried != serving)
    said += ", or keep " + serving + " over a restart with dispatch plugins pin " + id + ' ' + serving;
  return said + '.';
}

}  // namespace

std::vector<Roster::Entry> Roster::entriesOf(const std::string& pluginId) const {
  std::vector<Entry> found;
  std::shared_lock lock(_mutex);
  for (const auto& [id, entry] : _entries)
    if (entry.row.pluginId == pluginId) found.push_back(entry);
  return found;
}

std::vector<Roster::Entry> Roster::entriesOnTrial() const {
  std::vector<Entry> found;
  std::shared_lock lock(_mutex);
  for (const auto& [id, entry] : _entries)
    if (entry.trial) found.push_back(entry);
  return found;
}

std::vector<Roster::Replaced> Roster::reload(const std::string& pluginId,
                                             const std::optional<TrialPlan>& plan) {
  std::lock_guard control(_control);
  concludeDecided();
  refuseDuringTrial(pluginId);
  std::vector<Replaced> all;
  for (auto& entry : entriesOf(pluginId))
    if (entry.row.enabled) all.push_back(replace(std::move(entry), plan));
  return all;
}

Roster::Replaced Roster::replace(Entry entry, const std::optional<TrialPlan>& plan) {
  const auto row = entry.row;
  Replaced replaced{row, entry.instance ? entry.instance->manifest().version : "", "", "", ""};
  if (!entry.instance) {
    bring(row);  // it did not run: whatever it was, it is made anew, and there is nothing to try it beside
    const auto now = find(row.id);
    if (now && now->instance) replaced.to = now->instance->manifest().version;
    if (now && !now->instance) replaced.reason = now->status.reason;
    return replaced;
  }
  try {
    const auto installed = _catalog.find(row.pluginId);
    if (!installed) throw Problem(Problem::Kind::notFound, "it is not installed any more");
    auto next = startInstance(
        _catalog, {row.pluginId, row.id, row.organizationId, row.projectId},
        _configurations.make(installed->manifest, row.configuration, row.id, row.revision, row.fromFile));
    checkHealth(*next);
    replaced.to = next->manifest().version;
    std::shared_ptr<plugin::Instance> before;
    if (plan) {
      entry.trial = std::make_shared<Trial>(entry.instance, std::move(next), *plan);
      entry.instance = entry.trial;
      replaced.trial = entry.trial->sentence();
    } else {
      before = std::exchange(entry.instance, std::move(next));
    }
    entry.lastTrial = nullptr;
    entry.status = {"healthy", replaced.trial};
    publish(std::move(entry));
    retire(std::move(before));
  } catch (const std::exception& problem) {
    replaced.reason = problem.what();
    log().warning("The plugin %s keeps version %s: %s", label(row), replaced.from, replaced.reason);
  }
  return replaced;
}

void Roster::refuseReload(const std::string& pluginId, bool trial) {
  std::lock_guard control(_control);
  concludeDecided();
  refuseDuringTrial(pluginId);
  const auto entries = entriesOf(pluginId);
  const bool serves = std::any_of(entries.begin(), entries.end(),
                                  [](const Entry& entry) { return entry.instance != nullptr; });
  if (trial && !serves)
    throw Problem(
        Problem::Kind::conflict,
        "The plugin " + pluginId +
            " serves no project now, so there is nothing to try another version beside. Take it into "
            "use with: dispatch plugins reload " +
            pluginId);
}

void Roster::refuseDuringTrial(const std::string& pluginId) const {
  for (const auto& entry : entriesOf(pluginId))
    if (entry.trial)
      throw Problem(Problem::Kind::conflict,
                    "A trial of the plugin " + label(entry.row) + " runs. " + entry.trial->sentence() +
                        ". End that first: dispatch plugins promote " + pluginId +
                        " (take over now), or dispatch plugins rollback " + pluginId);
}

std::vector<Roster::EndedTrial> Roster::endTrials(const std::string& pluginId, bool takeOver,
                                                  const std::string& actor) {
  std::lock_guard control(_control);
  concludeDecided();
  std::vector<EndedTrial> ended;
  std::string last;
  for (auto& entry : entriesOf(pluginId)) {
    if (!entry.trial) {
      if (!entry.lastTrial.is_null())
        last = " The last one is over since " + textOr(entry.lastTrial, "ended_at") + ": " +
               toldOf(entry.lastTrial) + ".";
      continue;
    }
    entry.trial->decide(takeOver ? Trial::Result::tookOver : Trial::Result::rolledBack,
                        actor + " asked for it");
    EndedTrial one{entry.row, entry.trial->winner()->manifest().version, nullptr};
    one.report = conclude(std::move(entry), actor);
    ended.push_back(std::move(one));
  }
  if (ended.empty())
    throw Problem(Problem::Kind::notFound, "No trial of the plugin " + pluginId + " runs." + last +
                                               " Begin one with: dispatch plugins reload " + pluginId +
                                               " --canary 10");
  return ended;
}

void Roster::concludeTrials() {
  try {
    const auto entries = entriesOnTrial();
    if (std::none_of(entries.begin(), entries.end(),
                     [](const Entry& entry) { return entry.trial->decided(); }))
      return;
    // Where somebody is at a change, which may take a plugin's start: calls go to the winner meanwhile.
    const std::unique_lock control(_control, std::try_to_lock);
    if (control.owns_lock()) concludeDecided();
  } catch (const std::exception& error) {
    log().error("A trial could not be ended: %s", std::string(error.what()));
  }
}

void Roster::concludeDecided() {
  for (auto& entry : entriesOnTrial())
    if (entry.trial->decided()) conclude(std::move(entry), theServer);
}

void Roster::breakOffTrial(std::int64_t id, const std::string& reason) {
  auto entry = find(id);
  if (!entry || !entry->trial) return;
  entry->trial->decide(Trial::Result::rolledBack, reason);
  conclude(std::move(*entry), theServer);
}

Json Roster::conclude(Entry entry, const std::string& actor) {
  const auto row = entry.row;
  auto trial = std::exchange(entry.trial, nullptr);
  auto loser = trial->loser();
  auto report = trial->describe();
  entry.instance = trial->winner();
  entry.status = {"healthy", standing(row, report, entry.instance->manifest().version)};
  entry.lastTrial = report;
  publish(std::move(entry));
  // The trial first: it holds the loser until its last caller has let go of it.
  retire(std::move(trial));
  retire(std::move(loser));
  const auto line = "The plugin " + label(row) + ": " + toldOf(report) + '.';
  if (textOr(report, "result") == "rolled back")
    log().warning("%s", line);
  else
    log().information("%s", line);
  std::function<void()> tell = [this, row, report, actor] { _trialEnded(row, report, actor); };
  {
    std::lock_guard lock(_keeperMutex);
    if (!_stopping) _chores.push_back(std::exchange(tell, nullptr));
  }
  if (tell) tell();
  _keeperWakes.notify_one();
  return report;
}

Roster::Trials Roster::trials(std::int64_t id) const {
  const auto entry = find(id);
  if (!entry) return {};
  return {entry->trial ? entry->trial->describe() : Json(), entry->lastTrial};
}

}  // namespace dispatch::integrations
