// The promises of a plugin and how each is tried.
#include "base/base.hpp"
#include "kit/behaviour.hpp"
#include "kit/exercise.hpp"
#include "kit/plugin_table.hpp"
#include "kit/sample.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>

namespace dispatch::kit {

namespace {

using namespace std::chrono_literals;
using std::to_string;

Bench benchOf(const Subject& subject, const std::string& home) {
  return {subject.equipment, subject.searchPath, subject.manifest.id, home};
}

std::string plural(std::size_t count, const std::string& what) {
  return to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

/// The first defect of some calls, as a verdict; else `good`.
Verdict judge(const std::vector<Exercised>& calls, const std::string& good) {
  for (const auto& call : calls)
    if (const auto wrong = defectOf(call)) return Verdict::failed(*wrong);
  return Verdict::ok(good);
}

Verdict noCalls() {
  return Verdict::skipped("It has no method that its contract has an example for: \"contract\" tells more.");
}

Verdict loads(const Subject& subject, const std::string& home) {
  const auto bench = benchOf(subject, home);
  const auto& build = bench.installed().buildInfo;
  return Verdict::ok("Loaded" + (build.empty() ? "." : ", built with " + build + '.'));
}

Verdict tellsWhoItIs(const Subject& subject, const std::string&) {
  const PluginTable loaded(subject);
  const auto& table = loaded.table();
  const auto& manifest = subject.manifest;
  if (!DISPATCH_REACHES(&table, dispatch_plugin_v1, get_interface))
    return Verdict::failed("The query table says that it has " + to_string(table.struct_size) +
                           " bytes; version 1 has " + to_string(sizeof table) +
                           ". Set struct_size = sizeof(dispatch_plugin_v1).");
  const auto text = [](dispatch_str value) { return std::string(view(value)); };
  for (const auto& [what, found, expected] :
       {std::tuple{"id", text(table.id), manifest.id}, {"version", text(table.version), manifest.version}})
    if (found != expected)
      return Verdict::failed(std::string("The query table's ") + what + " is \"" + found +
                             "\", but plugin.json says \"" + expected + "\". Build both from one source.");
  if (table.create == nullptr || table.destroy == nullptr || table.get_interface == nullptr)
    return Verdict::failed("The query table lacks create, destroy or get_interface; all three are required.");
  if (view(table.build_info).empty())
    return Verdict::failed(
        "build_info is empty; say the compiler and its version there, so that an operator can report it.");
  return Verdict::ok(manifest.id + ' ' + manifest.version + ", ABI 1." + to_string(table.abi_minor) + '.');
}

Verdict creates(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.create(subject.configuration);
  return Verdict::ok("Created with " + plural(subject.configuration.size(), "setting") +
                     ", the rest by default.");
}

/// What breaks the schema, one thing at a time.
std::vector<Json> brokenConfigurations(const Subject& subject) {
  std::vector<Json> all{Json::object()};
  const auto& properties = subject.manifest.configurationSchema.at("properties");
  for (const auto& entry : properties.items()) {
    auto broken = subject.configuration;
    broken[entry.key()] = textOr(entry.value(), "type") == "object" ? Json(7) : Json{{"unexpected", true}};
    all.push_back(std::move(broken));
  }
  return all;
}

Verdict refusesPolitely(const Subject& subject, const std::string&) {
  const auto& schema = subject.manifest.configurationSchema;
  PluginTable loaded(subject);
  std::size_t refused = 0, taken = 0;
  for (const auto& broken : brokenConfigurations(subject)) {
    if (plugin::validate(schema, broken).empty()) continue;
    const auto outcome = loaded.host().tryLoad(&loaded.table(), loaded.withHandles(schema, broken));
    if (outcome.ok()) {
      ++taken;
      continue;
    }
    ++refused;
    if (outcome.message.find(' ') == std::string::npos)
      return Verdict::failed("create refuses the configuration " + dumpJson(broken).substr(0, 200) +
                             " without a sentence that says what is wrong with it.");
    if (outcome.status == DISPATCH_ERR_INTERNAL)
      return Verdict::failed(
          "create answers a configuration that breaks the schema with a defect of its own: " +
          outcome.message + " Read settings with their type in mind.");
  }
  if (refused + taken == 0) return Verdict::skipped("Its schema allows everything.");
  return Verdict::ok(to_string(refused) + " refused with a sentence, " + to_string(taken) +
                     " taken (the host never lets them through).");
}

Verdict livesSideBySide(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto first = bench.started(subject.configuration);
  auto second = bench.started(subject.configuration);
  second.reset();  // and the first goes on
  auto calls = exercise(*first, bench.contract());
  return judge(calls, "Two instances at once; one goes on when the other has ended.");
}

Verdict restarts(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.create(subject.configuration);
  for (int round = 1; round <= 3; ++round) {
    if (const auto outcome = instance->start(); !outcome.ok())
      return Verdict::failed("Start number " + to_string(round) + " fails: " + outcome.message +
                             " stop must undo what start did.");
    instance->drainAndStop();
  }
  for (const auto& line : bench.logLines())
    if (line.starts_with("warning ") &&
        (line.find(", drain: ") != std::string::npos || line.find(", stop: ") != std::string::npos))
      return Verdict::failed("It does not stop in order: " + line.substr(8));
  return Verdict::ok("Started and stopped three times.");
}

Verdict endsUnstarted(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  for (int round = 0; round < 3; ++round) bench.create(subject.configuration).reset();
  return Verdict::ok("Created and destroyed three times without a start.");
}

Verdict reconfigures(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  const auto outcome = instance->reconfigure(
      plugin::makeConfiguration(subject.manifest.configurationSchema, subject.configuration, 2));
  if (outcome.status == DISPATCH_ERR_UNSUPPORTED)
    return Verdict::skipped("It does not offer it; the host makes a new instance when settings change.");
  if (!outcome.ok())
    return Verdict::failed("The configuration it was created with is refused by reconfigure: " +
                           outcome.message);
  return judge(exercise(*instance, bench.contract()), "It took the configuration again and works on.");
}

Verdict keepsToContract(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.create(subject.configuration);  // refuses methods that the contract has not
  const auto& type = subject.manifest.type;
  std::set<std::string> listed;
  for (const auto& method : instance->methods()) listed.insert(method.name);
  std::string missing;
  for (const auto& entry : bench.contract().at("methods").items())
    if (!entry.value().value("optional", false) && listed.count(entry.key()) == 0)
      missing += (missing.empty() ? "" : ", ") + entry.key();
  if (!missing.empty())
    return Verdict::failed("A plugin of the type " + type + " must have " + missing +
                           ", which it does not list. The type's methods are in contracts/" + type +
                           ".json.");
  for (const auto& [wanted, interface] : {std::pair{"auth-provider", DISPATCH_AUTH_1},
                                          {"secret-provider", DISPATCH_SECRET_1},
                                          {"webhook", DISPATCH_WEBHOOK_1},
                                          {"source", DISPATCH_SOURCE_1}})
    if (type == wanted && !instance->has(interface))
      return Verdict::failed("A plugin of the type " + type + " must have the interface " + interface +
                             "; get_interface answers NULL for it.");
  std::string names;
  for (const auto& name : listed) names += (names.empty() ? "" : ", ") + name;
  return Verdict::ok(names.empty() ? "The interface of its type is there." : "It has " + names + '.');
}

Verdict answers(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  const auto calls = exercise(*instance, bench.contract());
  if (calls.empty()) return noCalls();
  std::size_t good = 0;
  std::string failure;
  for (const auto& call : calls) {
    good += call.outcome.ok() ? 1 : 0;
    if (!call.outcome.ok() && failure.empty()) failure = call.what + ": " + textOf(call.outcome);
  }
  return judge(calls, to_string(good) + " of " + plural(calls.size(), "call") + " answered by the contract" +
                          (failure.empty() ? "." : ", the others with a sentence: " + failure));
}

Verdict refusesUnknownMethods(const Subject& subject, const std::string&) {
  PluginTable loaded(subject);
  auto instance = loaded.host().load(
      &loaded.table(), loaded.withHandles(subject.manifest.configurationSchema, subject.configuration));
  if (!instance.has(DISPATCH_INTEGRATION_1)) return Verdict::skipped("Its type has no methods.");
  if (const auto outcome = instance.start(); !outcome.ok())
    return Verdict::skipped("It does not start without its services: " + outcome.message);
  const auto outcome = instance.invoke("no_such_method", Json::object());
  if (outcome.status != DISPATCH_ERR_UNSUPPORTED)
    return Verdict::failed(
        "A method that there is not, \"no_such_method\", is answered with the status " +
        to_string(outcome.status) + (outcome.message.empty() ? "" : " (" + outcome.message + ')') +
        "; expected is DISPATCH_ERR_UNSUPPORTED, as newer hosts may ask for newer methods.");
  if (outcome.message.empty())
    return Verdict::failed(
        "A method that there is not is refused without a sentence: give one to call->fail.");
  return Verdict::ok(outcome.message);
}

Verdict testsItsSettings(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  if (!instance->has(DISPATCH_HEALTH_1))
    return Verdict::skipped("It has no test; operators like the button. Write test (dispatch.health/1).");
  const auto schema = subject.manifest.configurationSchema.value("x-dispatch-test", Json::object());
  const auto outcome = instance->test(sampleOf(schema));
  if (const auto wrong = defectOf({"test", outcome})) return Verdict::failed(*wrong);
  return Verdict::ok(outcome.ok() ? textOr(outcome.value, "summary", "Answered.") : textOf(outcome));
}

Verdict endsWhenCancelled(const Subject& subject, const std::string& home) {
  constexpr auto patience = 5s;
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  const auto calls = exercisesOf(*instance, bench.contract());
  if (calls.empty()) return noCalls();
  for (const auto& one : calls) {
    plugin::CallOptions options;
    options.cancellation = std::make_shared<plugin::Cancellation>();
    std::thread canceller([token = options.cancellation] {
      std::this_thread::sleep_for(20ms);
      token->cancel();
    });
    const auto began = std::chrono::steady_clock::now();
    one.call(*instance, options);
    const auto took = std::chrono::steady_clock::now() - began;
    canceller.join();
    if (took > patience)
      return Verdict::failed(
          one.what + " ended " +
          to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()) +
          " ms after it was called although it was cancelled after 20 ms; expected are 5 s at "
          "most. Ask call.cancelled() in loops, or use call.onCancel.");
  }
  return Verdict::ok(plural(calls.size(), "call") + " ended soon after being cancelled.");
}

Verdict servesManyAtOnce(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  const auto calls = exercisesOf(*instance, bench.contract());
  if (calls.empty()) return noCalls();
  const int count = std::min(subject.manifest.maxConcurrency * 2 + 2, 32);
  std::mutex mutex;
  std::vector<Exercised> done;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      const auto& one = calls[static_cast<std::size_t>(i) % calls.size()];
      Exercised exercised{one.what, one.call(*instance, {})};
      const std::lock_guard lock(mutex);
      done.push_back(std::move(exercised));
    });
  for (auto& thread : threads) thread.join();
  return judge(done, to_string(count) + " calls at once, " + to_string(subject.manifest.maxConcurrency) +
                         " of them inside the plugin.");
}

Json shapesIn(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  Json all = Json::object();
  for (const auto& call : exercise(*instance, bench.contract()))
    all[call.what] = {{"status", call.outcome.status},
                      {"text", textOf(call.outcome)},
                      {"shape", call.outcome.ok() ? shapeOf(call.outcome.value) : Json()}};
  return all;
}

Verdict answersTheSameInBothHomes(const Subject& subject, const std::string&) {
  const auto process = shapesIn(subject, "process"), worker = shapesIn(subject, "worker");
  for (const auto& entry : process.items()) {
    const auto& here = entry.value();
    if (!worker.contains(entry.key()))
      return Verdict::failed(entry.key() + " is there in the host's process, but not in a worker.");
    const auto& there = worker.at(entry.key());
    if (here.at("status") != there.at("status") || here.at("shape") != there.at("shape"))
      return Verdict::failed(
          entry.key() + " differs: in the host's process " + textOr(here, "text") + ' ' +
          dumpJson(here.at("shape")) + ", in a worker " + textOr(there, "text") + ' ' +
          dumpJson(there.at("shape")) +
          ". A worker has no files, no environment and no network of its own: use the host's "
          "services.");
  }
  if (process.empty()) return noCalls();
  return Verdict::ok(plural(process.size(), "call") + " with the same outcome.");
}

Verdict staysInItsSandbox(const Subject& subject, const std::string& home) {
  auto bench = benchOf(subject, home);
  const auto instance = bench.started(subject.configuration);
  exercise(*instance, bench.contract());
  if (instance->has(DISPATCH_HEALTH_1))
    static_cast<void>(instance->test(
        sampleOf(subject.manifest.configurationSchema.value("x-dispatch-test", Json::object()))));
  std::this_thread::sleep_for(100ms);  // what was refused is reported from another thread
  const auto worker = instance->worker();
  if (worker.denied > 0)
    return Verdict::failed(
        "The sandbox refused " + plural(worker.denied, "system call") + " of the plugin, the last was " +
        worker.lastDenied +
        ". Files, processes and the network are reached through the host's services only.");
  if (!worker.lastCrash.empty()) return Verdict::failed("Its worker " + worker.lastCrash + '.');
  return Verdict::ok("Nothing was refused. Sandbox: " + worker.sandbox + '.');
}

Verdict keepsSecrets(const Subject& subject, const std::string& home) {
  const auto& schema = subject.manifest.configurationSchema;
  auto bench = benchOf(subject, home);
  auto configuration = subject.configuration;
  std::shared_ptr<plugin::Instance> instance;
  // As many settings as go together, so that as many secrets as possible are among them: twice, because a
  // password may be refused before there is a user name.
  instance = bench.create(configuration);
  const auto all = sampleOf(schema, SampleMembers::all);
  for (int round = 0; round < 2; ++round)
    for (const auto& entry : all.items()) {
      auto more = configuration;
      if (more.contains(entry.key())) continue;
      more[entry.key()] = entry.value();
      try {
        instance = bench.create(more);
        configuration = std::move(more);
      } catch (const Problem&) {  // it does not go with the others
      }
    }
  const auto secrets = secretsIn(schema, configuration);
  if (secrets.empty()) return Verdict::skipped("Its configuration has no secrets.");
  std::vector<std::pair<std::string, std::string>> said;
  if (const auto outcome = instance->start(); !outcome.ok())
    said.emplace_back("the failure of start", outcome.message);
  if (instance->has(DISPATCH_HEALTH_1)) {
    const auto outcome = instance->test(sampleOf(schema.value("x-dispatch-test", Json::object())));
    said.emplace_back("the answer of test", dumpJson(outcome.value) + outcome.message);
  }
  for (const auto& call : exercise(*instance, bench.contract()))
    said.emplace_back("the answer of " + call.what, dumpJson(call.outcome.value) + call.outcome.message);
  instance->drainAndStop();
  for (const auto& line : bench.logLines()) said.emplace_back("a log line", line);
  for (const auto& [where, text] : said)
    for (const auto& secret : secrets)
      // The host blots out what it knows: the mark is as good as the value.
      if (text.find(secret) != std::string::npos || text.find("[secret]") != std::string::npos)
        return Verdict::failed("A secret of the configuration stands in " + where +
                               ". Say which setting is meant, never what it holds.");
  return Verdict::ok(plural(secrets.size(), "secret") + " in none of " + plural(said.size(), "text") + '.');
}

}  // namespace

const std::vector<BehaviourCheck>& behaviourChecks() {
  using Where = BehaviourCheck::Where;
  static const std::vector<BehaviourCheck> checks{
      {"loads", "The library loads", Where::eachHome, loads},
      {"identity", "Its query table says what plugin.json says", Where::table, tellsWhoItIs},
      {"create", "The smallest configuration its schema allows makes an instance", Where::eachHome, creates},
      {"refusal", "A configuration that breaks the schema is refused with a sentence, or does no harm",
       Where::table, refusesPolitely},
      {"contract", "Its methods are those of its type, the required ones among them", Where::eachHome,
       keepsToContract},
      {"side-by-side", "Two instances live side by side", Where::eachHome, livesSideBySide},
      {"restart", "It can be started again after a stop", Where::eachHome, restarts},
      {"destroy", "It can be destroyed without having been started", Where::eachHome, endsUnstarted},
      {"reconfigure", "Where it offers reconfigure, it takes a configuration while it runs", Where::eachHome,
       reconfigures},
      {"answers", "Each method answers its contract's examples in time, or fails with a sentence",
       Where::eachHome, answers},
      {"unknown-method", "A method that it does not know is UNSUPPORTED", Where::table,
       refusesUnknownMethods},
      {"health", "The test of its settings gives a report", Where::eachHome, testsItsSettings},
      {"cancel", "A cancelled call ends soon", Where::eachHome, endsWhenCancelled},
      {"concurrency", "More calls than max_concurrency do no harm", Where::eachHome, servesManyAtOnce},
      {"same-answers", "Both homes give the same answers", Where::compared, answersTheSameInBothHomes},
      {"sandbox", "It asks the system for nothing that its sandbox refuses", Where::worker,
       staysInItsSandbox},
      {"secrets", "No secret of its configuration gets into answers, sentences or the log", Where::eachHome,
       keepsSecrets},
  };
  return checks;
}

}  // namespace dispatch::kit
