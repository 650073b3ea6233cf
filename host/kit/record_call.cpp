#include "kit/record_call.hpp"

#include "base/base.hpp"
#include "kit/contained.hpp"
#include "kit/files.hpp"
#include "kit/sample.hpp"

#include <dispatch/testing/har.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>

namespace dispatch::kit {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t shortestSecret = 8;       // below it a text may hold the same by chance
constexpr std::size_t mostRecorded = 6u << 20;  // what a contained process may answer, with room to spare

/// Keeps what went over the network.
class Recorder final : public plugin::HttpNetwork {
 public:
  std::optional<plugin::SeenAnswer> answer(const plugin::SeenRequest&) override { return std::nullopt; }
  void exchanged(const plugin::SeenRequest& request, const plugin::SeenAnswer& answer,
                 double milliseconds) override {
    testing::RecordedExchange exchange;
    exchange.request = {request.method, request.url, request.headers, request.body};
    exchange.answer.status = answer.status;
    exchange.answer.headers = answer.headers;
    exchange.answer.body = answer.body;
    exchange.answer.failure = answer.failure;
    exchange.answer.message = answer.message;
    exchange.startedAt =
        toText(now() - std::chrono::microseconds(static_cast<std::int64_t>(milliseconds * 1000)));
    exchange.milliseconds = milliseconds;
    const std::lock_guard lock(_mutex);
    _exchanges.push_back(std::move(exchange));
  }
  std::vector<testing::RecordedExchange> exchanges() const {
    const std::lock_guard lock(_mutex);
    auto ordered = _exchanges;
    std::stable_sort(ordered.begin(), ordered.end(),
                     [](const auto& a, const auto& b) { return a.startedAt < b.startedAt; });
    return ordered;
  }

 private:
  mutable std::mutex _mutex;
  std::vector<testing::RecordedExchange> _exchanges;
};

void refuseWhatCannotBeRecorded(const RecordCallOptions& options, const std::vector<std::string>& secrets) {
  const auto& method = options.call.method;
  if (method == "encrypt" || method == "decrypt")
    throw Problem(Problem::Kind::invalid,
                  "The answer of " + method +
                      " is a secret or made of one, which no recording may hold. Test it "
                      "with dispatch::testing instead.");
  for (const auto& secret : secrets)
    if (!secret.empty() && secret.size() < shortestSecret)
      throw Problem(
          Problem::Kind::invalid,
          "A secret of the configuration has fewer than " + std::to_string(shortestSecret) +
              " bytes, and could not be told from ordinary text in a recording. Nothing was called. "
              "Record with a longer one.");
  needDirectoryOf(options.file);
  std::error_code error;
  if (!options.replace && std::filesystem::exists(options.file, error))
    throw Problem(
        Problem::Kind::conflict,
        options.file + " is there already. Nothing was called. Name another file, or say --replace.");
}

void takeSecretsOut(testing::Recording& recording, Json& answer, const std::vector<std::string>& secrets) {
  testing::Redaction redaction;
  for (const auto& secret : secrets) redaction.know(secret);
  // All of them learn first, and then forget together: a token that the last answer gives may stand in the
  // first request.
  for (auto& exchange : recording.exchanges) {
    redaction.takeOut(exchange.request);
    redaction.takeOut(exchange.answer);
  }
  redaction.takeOut(recording.call.input);
  redaction.takeOut(answer);
  for (auto& exchange : recording.exchanges) {
    redaction.blot(exchange.request);
    redaction.blot(exchange.answer);
  }
  redaction.blot(recording.call.input);
  redaction.blot(recording.call.configuration);
  redaction.blot(answer);
}

/// In a process of its own: the call, and what a file of it holds.
Json record(const Equipment& equipment, const RunnablePackage& package, const Json& configuration,
            const CallMethodOptions& options) {
  const auto& schema = package.manifest().configurationSchema;
  const auto recorder = std::make_shared<Recorder>();
  Bench bench(equipment, package.searchPath(), package.manifest().id, options.home, options.allowPrivate,
              recorder);
  auto instance = bench.started(configuration);
  plugin::CallOptions call;
  call.idempotencyKey = randomUuid();
  const auto began = std::chrono::steady_clock::now();
  auto outcome = callNamed(*instance, options.method, options.input, call);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  instance.reset();

  testing::Recording recording;
  recording.exchanges = recorder->exchanges();
  recording.call = {options.method, options.input,
                    withSecrets(schema, configuration,
                                [](const Json&, const std::string& secret) -> Json {
                                  return secret.empty() ? "" : std::string(testing::secretMark);
                                }),
                    call.idempotencyKey, Json()};
  const auto status = testing::statusName(outcome.status);
  Json said{{"message", outcome.message}, {"answer", outcome.value}, {"log", bench.logLines()}};
  takeSecretsOut(recording, said, secretsIn(schema, configuration));
  recording.call.expected = {{"status", status}};
  if (outcome.ok()) recording.call.expected["answer"] = said["answer"];
  Json done{{"status", status},
            {"exchanges", recording.exchanges.size()},
            {"milliseconds", took.count()},
            {"har", testing::toHar(recording, {"dispatch-plugin", DISPATCH_VERSION})}};
  done.update(said);
  if (dumpJson(done).size() > mostRecorded)
    throw Problem(Problem::Kind::tooLarge,
                  "the exchanges have more than 6 MiB, the most that one recording may have");
  return done;
}

}  // namespace

Json recordCall(const Equipment& equipment, const std::string& directory, const RecordCallOptions& options) {
  const RunnablePackage package(equipment, directory);
  const auto configuration = package.configuration(options.call.configuration);
  refuseWhatCannotBeRecorded(options, secretsIn(package.manifest().configurationSchema, configuration));
  const auto contained = runContained([&] { return record(equipment, package, configuration, options.call); },
                                      15min, Network::host);
  if (!contained.answered)
    throw Problem(Problem::Kind::invalid,
                  "Nothing was recorded: the plugin " + contained.end + ". " + contained.output);
  auto done = contained.answer;
  // A failure is worth a recording where a peer had a part in it.
  const bool worthIt = done.at("status") == "OK" || done.at("exchanges") != 0;
  if (worthIt)
    writeFile(options.file, done.at("har").dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
  done.erase("har");
  done["file"] = worthIt ? Json(options.file) : Json();
  return done;
}

}  // namespace dispatch::kit
