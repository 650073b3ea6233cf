#include "plugin/crash_history.hpp"

#include "base/json.hpp"
#include "plugin/call/flight_recorder.hpp"
#include "plugin/package/atomic_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace dispatch::plugin {

namespace {

constexpr std::size_t most = 50;

Json toJson(const Crash& crash) {
  Json calls = Json::array();
  for (const auto& call : crash.calls)
    calls.push_back({{"plugin", call.plugin},
                     {"version", call.version},
                     {"build_id", call.buildId},
                     {"method", call.method},
                     {"request", call.requestId},
                     {"crashed", call.crashed}});
  return {{"at", toText(crash.at)},
          {"process", crash.process},
          {"signal", crash.signal},
          {"ran_seconds", crash.ran ? Json(crash.ran->count()) : Json()},
          {"calls", calls}};
}

Crash fromJson(const Json& json) {
  Crash crash;
  crash.at = parseInstant(json.at("at").get<std::string>()).value();
  crash.process = json.at("process");
  crash.signal = json.at("signal");
  if (const auto& ran = json.at("ran_seconds"); !ran.is_null())
    crash.ran = std::chrono::seconds(ran.get<std::int64_t>());
  for (const auto& call : json.at("calls"))
    crash.calls.push_back({call.at("plugin"), call.at("version"), call.at("build_id"), call.at("method"),
                           call.at("request"), call.at("crashed")});
  return crash;
}

void sortByTime(std::vector<Crash>& crashes) {
  std::stable_sort(crashes.begin(), crashes.end(),
                   [](const Crash& a, const Crash& b) { return a.at < b.at; });
}

}  // namespace

std::vector<std::string> Crash::suspects() const {
  if (signal == 0) return {};
  std::vector<std::string> ids;
  const bool known = std::any_of(calls.begin(), calls.end(), [](const Call& call) { return call.crashed; });
  for (const auto& call : calls)
    if ((call.crashed || !known) && std::find(ids.begin(), ids.end(), call.plugin) == ids.end())
      ids.push_back(call.plugin);
  return ids;
}

bool Crash::suspects(std::string_view id) const {
  const auto ids = suspects();
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

std::string Crash::how() const {
  auto text = signal == 0 ? std::string(
                                "without a signal that could be caught (kill -9, no memory or power "
                                "left, or a stack that overflowed)")
                          : "by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  if (ran) text += ", " + std::to_string(ran->count()) + " s after it began";
  return text;
}

std::string Crash::atWork() const {
  const bool known = std::any_of(calls.begin(), calls.end(), [](const Call& call) { return call.crashed; });
  std::string text;
  for (const auto& call : calls)
    if (call.crashed || !known)
      text += (text.empty() ? "plugin " : ", plugin ") + call.plugin + ' ' + call.version + " in " +
              call.method + (call.requestId == 0 ? "" : " (request " + std::to_string(call.requestId) + ")");
  return text;
}

std::vector<Crash> CrashHistory::remembered() const {
  std::vector<Crash> crashes;
  try {
    std::ifstream file(path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const Json all = Json::parse(text);
    for (const auto& one : all) crashes.push_back(fromJson(one));
  } catch (const std::exception&) {
    // None yet, or written over by somebody: what can be read counts.
  }
  return crashes;
}

std::vector<Crash> CrashHistory::take() const {
  const auto left = FlightRecorder::left(_directory);
  if (left.empty()) return {};
  auto crashes = remembered();
  std::vector<Crash> taken;
  for (const auto& record : left)
    if (record.crash) taken.push_back(*record.crash);
  sortByTime(taken);
  crashes.insert(crashes.end(), taken.begin(), taken.end());
  sortByTime(crashes);
  if (crashes.size() > most) crashes.erase(crashes.begin(), crashes.end() - most);
  Json json = Json::array();
  for (const auto& crash : crashes) json.push_back(toJson(crash));
  if (!taken.empty())
    writeFileAtomically(path(), json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n', 0640);
  for (const auto& record : left) ::unlink(record.path.c_str());
  return taken;
}

std::vector<Crash> CrashHistory::all() const {
  auto crashes = remembered();
  for (const auto& record : FlightRecorder::left(_directory))
    if (record.crash) crashes.push_back(*record.crash);
  sortByTime(crashes);
  return crashes;
}

std::optional<Crash> CrashHistory::lastOf(std::string_view id) const {
  const auto crashes = all();
  const auto last =
      std::find_if(crashes.rbegin(), crashes.rend(), [&](const Crash& crash) { return crash.suspects(id); });
  return last == crashes.rend() ? std::nullopt : std::optional(*last);
}

}  // namespace dispatch::plugin
