#include "cli/crash_report.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>

namespace dispatch::cli {

namespace {

using plugin::Crash;

Poco::Logger& log() { return Poco::Logger::get("dispatch.server"); }

constexpr auto soon = std::chrono::minutes(10);
constexpr std::size_t often = 3;

plugin::CrashHistory historyOf(const Installation& installation) {
  return plugin::CrashHistory(installation.crashDirectory());
}

/// What the operator wrote of its home: "process", "worker", or "" for nothing.
std::string chosenHome(const Installation& installation, const std::string& id) {
  const auto homes = plugin::readIsolation(installation.settings().yaml());
  for (const auto& key : {id, std::string("*")})
    if (const auto found = homes.find(key); found != homes.end()) return found->second;
  return {};
}

std::string advice(const Installation& installation, const std::string& id) {
  if (chosenHome(installation, id) == "worker")
    return "dispatch.yaml has it live in a worker now, where a crash is a failed call.";
  const std::string worker =
      "Give it a worker, where a crash is a failed call (isolation: {" + id + ": worker} in dispatch.yaml), ";
  const auto kept = installation.keptInSafeMode();
  if (std::find(kept.begin(), kept.end(), id) != kept.end())
    return worker + "or another version (dispatch plugins pin " + id +
           " VERSION). DISPATCH_SAFE_MODE does not leave it out: it came with Dispatch or is needed to log "
           "in or to "
           "read secrets.";
  if (installation.settings().boolean("DISPATCH_SAFE_MODE"))
    return "Safe mode leaves it out now. " + worker + "or disable it (dispatch plugins disable " + id +
           "), and start again without DISPATCH_SAFE_MODE.";
  return worker + "or disable it (dispatch plugins disable " + id +
         "). If the server does not live long enough for that, start it with DISPATCH_SAFE_MODE=true, which "
         "leaves it "
         "out.";
}

void report(const Installation& installation, const Crash& crash) {
  const auto work = crash.atWork();
  const auto suspects = crash.suspects();
  std::string text = "A process of Dispatch (" + std::to_string(crash.process) + ") ended " + crash.how() +
                     ", at " + toText(crash.at) + ". ";
  if (suspects.empty())
    return work.empty() ? log().error("%sNo plugin was at work.", text)
                        : log().warning("%sAt work was %s, which need not be the reason.", text, work);
  text += "At work was " + work + ".";
  for (const auto& id : suspects)
    text += ' ' + (suspects.size() == 1 ? std::string() : id + ": ") + advice(installation, id);
  log().error("%s", text);
}

/// Of each plugin that took down several processes in a row, once more and in plain words.
void reportLoops(const std::vector<Crash>& taken, const std::vector<Crash>& all) {
  std::vector<std::string> told;
  for (const auto& crash : taken)
    for (const auto& id : crash.suspects()) {
      if (std::find(told.begin(), told.end(), id) != told.end()) continue;
      const auto last =
          std::find_if(taken.rbegin(), taken.rend(), [&](const Crash& one) { return one.suspects(id); });
      const auto times = std::count_if(all.begin(), all.end(), [&](const Crash& one) {
        return one.suspects(id) && one.at <= last->at && last->at - one.at <= soon;
      });
      if (static_cast<std::size_t>(times) < often) continue;
      told.push_back(id);
      log().error(
          "Plugin %s was at work in %s crashes within %s minutes: starting the server again, by itself, will "
          "not "
          "help.",
          id, std::to_string(times), std::to_string(soon.count()));
    }
}

}  // namespace

void reportCrashes(const Installation& installation) {
  const auto history = historyOf(installation);
  std::vector<Crash> taken;
  try {
    taken = history.take();
  } catch (const std::exception& problem) {
    log().warning("The crash records cannot be remembered: %s", std::string(problem.what()));
    taken = history.all();
  }
  for (const auto& crash : taken) report(installation, crash);
  reportLoops(taken, history.all());
}

std::string recentCrash(const Installation& installation, const plugin::Installed& package) {
  if (package.home != "process") return {};
  const auto crash = historyOf(installation).lastOf(package.id);
  if (!crash || now() - crash->at > std::chrono::hours(24)) return {};
  const bool same = std::any_of(crash->calls.begin(), crash->calls.end(), [&](const Crash::Call& call) {
    return call.plugin == package.id && call.version == package.manifest.version;
  });
  return same ? "took a process of Dispatch down at " + toText(crash->at) + ' ' + crash->how() : "";
}

}  // namespace dispatch::cli
