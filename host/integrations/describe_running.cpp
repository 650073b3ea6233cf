#include "integrations/integrations.hpp"

namespace dispatch::integrations {

namespace {

Json describeMetrics(const plugin::Instance& instance) {
  Json all = Json::array();
  for (const auto& metric : instance.metrics()) {
    Json samples = Json::array();
    for (const auto& sample : metric.samples) {
      Json labels = Json::object();
      for (std::size_t i = 0; i < sample.labels.size(); ++i)
        labels[metric.declared.labels[i]] = sample.labels[i];
      samples.push_back({{"labels", labels}, {"value", sample.value}, {"count", sample.count}});
    }
    all.push_back({{"name", metric.declared.name},
                   {"kind", plugin::nameOf(metric.declared.kind)},
                   {"help", metric.declared.help},
                   {"samples", samples}});
  }
  return all;
}

}  // namespace

Condition conditionOf(const plugin::Instance& instance) {
  const auto worker = instance.worker();
  const bool runs = !worker.isolated || worker.process != 0;
  if (const auto refusal = instance.refusal(); !refusal.empty()) {
    if (!runs) return {"broken", refusal};
    return {"degraded", "It runs on as it was loaded, and once it ends it is not started again: " + refusal};
  }
  const auto statistics = instance.statistics();
  if (statistics.breaker != "closed")
    return {"degraded", "Its last calls failed, so others are refused" +
                            (statistics.breakerUntil.empty() ? std::string(" until one has succeeded")
                                                             : " until " + statistics.breakerUntil) +
                            ". The last error, at " + statistics.lastErrorAt + ": " + statistics.lastError};
  if (!runs)
    return {"degraded", "Its worker " +
                            (worker.lastCrash.empty() ? std::string("has ended") : worker.lastCrash) +
                            (worker.lastCrashAt.empty() ? std::string() : " at " + worker.lastCrashAt) +
                            ". The next call starts another."};
  return {};
}

Json describeRunning(const plugin::Instance& instance) {
  const auto worker = instance.worker();
  const auto statistics = instance.statistics();
  Json outbound = Json::array();
  for (const auto& one : instance.outbound())
    outbound.push_back({{"at", one.at},
                        {"method", one.method},
                        {"host", one.host},
                        {"port", one.port},
                        {"path", one.path},
                        {"status", one.status},
                        {"milliseconds", one.milliseconds},
                        {"error", one.error}});
  return {{"home", instance.home()},
          {"version", instance.manifest().version},
          {"process", worker.process},
          {"sandbox", worker.sandbox},
          {"memory_bytes", worker.memoryBytes},
          {"restarts", worker.restarts},
          {"denied", worker.denied},
          {"last_denied", worker.lastDenied},
          {"last_crash", worker.lastCrash},
          {"last_crash_at", worker.lastCrashAt},
          {"calls", statistics.calls},
          {"failures", statistics.failures},
          {"in_flight", statistics.inFlight},
          {"p50_ms", statistics.p50Ms},
          {"p99_ms", statistics.p99Ms},
          {"last_error", statistics.lastError},
          {"last_error_at", statistics.lastErrorAt},
          {"breaker", statistics.breaker},
          {"breaker_until", statistics.breakerUntil},
          {"outbound", outbound},
          {"metrics", describeMetrics(instance)}};
}

}  // namespace dispatch::integrations
