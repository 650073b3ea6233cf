#include "kit/replay.hpp"

#include "base/base.hpp"
#include "kit/contained.hpp"
#include "kit/sample.hpp"

#include <algorithm>
#include <atomic>

namespace dispatch::kit {

namespace {

/// The network, played from a recording.
class Player final : public plugin::HttpNetwork {
 public:
  Player(const testing::Recording& recording, const std::optional<Breakage>& breakage)
      : _http(recording), _breakage(breakage) {
    if (_breakage) _http.breakExchange(_breakage->exchange, _breakage->fault);
  }

  std::optional<plugin::SeenAnswer> answer(const plugin::SeenRequest& request) override {
    const auto given = _http.answer({request.method, request.url, request.headers, request.body});
    if (!_acted && !askedForBroken()) {
      const auto& exchanges = _http.recording().exchanges;
      for (std::size_t i = 0; i < exchanges.size(); ++i)
        if (_http.wasAsked(i + 1) && mayAct(exchanges[i])) _acted = true;
    }
    return plugin::SeenAnswer{given.status, given.headers, given.body, given.failure, given.message};
  }
  void exchanged(const plugin::SeenRequest&, const plugin::SeenAnswer&, double) override {}

  bool askedForBroken() const { return _breakage && _http.wasAsked(_breakage->exchange); }
  bool actedBefore() const { return _acted; }
  const testing::RecordedHttp& http() const { return _http; }

 private:
  testing::RecordedHttp _http;
  const std::optional<Breakage> _breakage;
  std::atomic<bool> _acted{false};
};

plugin::Effect effectOf(const plugin::Instance& instance, const std::string& method) {
  for (const auto& one : instance.methods())
    if (one.name == method) return one.effect;
  return plugin::Effect::read;
}

double timeoutOf(const plugin::Manifest& manifest, const std::string& method) {
  const auto own = manifest.timeouts.find(method);
  return static_cast<double>((own == manifest.timeouts.end() ? manifest.timeout : own->second).count());
}

Json play(const Equipment& equipment, const RunnablePackage& package, const std::string& home,
          const testing::Recording& recording, const Json& configuration,
          const std::optional<Breakage>& breakage) {
  const auto& call = recording.call;
  const auto player = std::make_shared<Player>(recording, breakage);
  Bench bench(equipment, package.searchPath(), package.manifest().id, home, false, player);
  auto instance = bench.started(configuration);
  plugin::CallOptions options;
  options.idempotencyKey = call.idempotencyKey.empty() ? randomUuid() : call.idempotencyKey;
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = callNamed(*instance, call.method, call.input, options);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  return {{"status", outcome.status},
          {"message", outcome.message},
          {"retry_after_ms", outcome.retryAfterMs},
          {"value", outcome.value},
          {"effect", static_cast<int>(effectOf(*instance, call.method))},
          {"milliseconds", took.count()},
          {"unexpected", player->http().unexpected()},
          {"unasked", player->http().unasked()},
          {"asked_for_broken", player->askedForBroken()},
          {"acted_before", player->actedBefore()}};
}

}  // namespace

bool mayAct(const testing::RecordedExchange& exchange) {
  const auto& method = exchange.request.method;
  return !exchange.reads && method != "GET" && method != "HEAD" && method != "OPTIONS";
}

Json configurationOf(const testing::Recording& recording, const Json& schema, const Json& over) {
  Json configuration = recording.call.configuration;
  if (over.is_object()) configuration.update(over);
  return withSecrets(schema, std::move(configuration),
                     [](const Json& place, const std::string& secret) -> Json {
                       return secret == testing::secretMark ? sampleOf(place) : Json(secret);
                     });
}

Replayed replay(const Equipment& equipment, const RunnablePackage& package, const std::string& home,
                const testing::Recording& recording, const Json& configuration,
                const std::optional<Breakage>& breakage, std::chrono::milliseconds limit) {
  const auto contained =
      runContained([&] { return play(equipment, package, home, recording, configuration, breakage); }, limit);
  Replayed run;
  run.ended = contained.answered;
  run.milliseconds = contained.milliseconds;
  run.timeoutMs = timeoutOf(package.manifest(), recording.call.method);
  if (!run.ended) {
    run.end = contained.end + (contained.output.empty() ? "." : ". It wrote: " + contained.output);
    return run;
  }
  const auto& answer = contained.answer;
  run.outcome.status = answer.at("status").get<dispatch_status>();
  run.outcome.message = answer.at("message").get<std::string>();
  run.outcome.retryAfterMs = answer.at("retry_after_ms").get<std::uint32_t>();
  run.outcome.value = answer.at("value");
  run.effect = static_cast<plugin::Effect>(answer.at("effect").get<int>());
  run.milliseconds = answer.at("milliseconds").get<double>();
  run.unexpected = answer.at("unexpected").get<std::vector<std::string>>();
  run.unasked = answer.at("unasked").get<std::vector<std::string>>();
  run.askedForBroken = answer.at("asked_for_broken").get<bool>();
  run.actedBefore = answer.at("acted_before").get<bool>();
  return run;
}

}  // namespace dispatch::kit
