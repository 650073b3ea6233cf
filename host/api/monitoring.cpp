#include "api/monitoring.hpp"

#include "api/exposition.hpp"
#include "base/problem.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace dispatch::api {

namespace {

using Labels = Exposition::Labels;

void addHttp(Exposition& page, const http::Metrics& http) {
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  page.family("dispatch_http_connections", "gauge", "Open connections, without event streams.")
      .sample(count(http.connections));
  page.family("dispatch_http_event_streams", "gauge", "Pages that follow what changes.")
      .sample(count(http.streams));
  page.family("dispatch_http_requests_queued", "gauge", "Requests that wait for a thread.")
      .sample(count(http.queued));
  page.family("dispatch_http_responses_total", "counter", "Answers, by the class of their status.");
  for (std::size_t i = 1; i < http.byClass.size(); ++i)
    page.sample({{"class", std::to_string(i) + "xx"}}, count(http.byClass[i]));
  page.family("dispatch_http_refused_total", "counter", "What the server itself refused or gave up.");
  const std::pair<const char*, std::uint64_t> refused[] = {
      {"malformed", http.malformed},         {"head_too_large", http.headTooLarge},
      {"body_too_large", http.bodyTooLarge}, {"timed_out", http.timedOut},
      {"overloaded", http.overloaded},       {"evicted", http.evicted}};
  for (const auto& [why, many] : refused) page.sample({{"reason", why}}, count(many));
  page.family("dispatch_http_handler_failures_total", "counter",
              "Requests that ended in an unexpected error.")
      .sample(count(http.handlerFailures));
  page.family("dispatch_http_received_bytes_total", "counter", "Bytes read.").sample(count(http.bytesIn));
  page.family("dispatch_http_sent_bytes_total", "counter", "Bytes written.").sample(count(http.bytesOut));
}

/// A running plugin, with the labels by which all its series are known.
struct Running {
  std::shared_ptr<plugin::Instance> instance;
  Labels labels;
};

using Place = std::pair<std::string, std::string>;  // organization, project
const Place nowhere;

/// Numbers matter most while the database is away; then without these names.
std::map<std::int64_t, Place> projectNames(store::Database& database) {
  std::map<std::int64_t, Place> all;
  try {
    const auto session = database.session();
    for (const auto& row : session->query("SELECT project.id AS id, project.name AS name, organization.slug "
                                          "AS slug FROM project JOIN organization ON "
                                          "organization.id = organization_id"))
      all[row.integer("id")] = {row.text("slug"), row.text("name")};
  } catch (const Problem& problem) {
    if (problem.kind() != Problem::Kind::unavailable) throw;
    all.clear();
  }
  return all;
}

std::vector<Running> runningPlugins(const Context& context) {
  const auto projects = projectNames(context.database);
  std::vector<Running> all;
  const auto add = [&](const integrations::Serving& serving) {
    if (!serving.instance) return;
    const auto& scope = serving.instance->scope();
    const auto found = projects.find(scope.projectId);
    const auto& [organization, project] = found == projects.end() ? nowhere : found->second;
    all.push_back({serving.instance,
                   {{"plugin", serving.instance->manifest().id},
                    {"organization", organization},
                    {"project", project},
                    {"plugin_instance", std::to_string(scope.instanceId)}}});
  };
  for (const auto& serving : context.integrations.running("")) add(serving);
  for (const auto& provider : context.integrations.authProviders()) add(provider);
  return all;
}

Labels with(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

void addCalls(Exposition& page, const std::vector<Running>& plugins) {
  using Statistics = plugin::Instance::Statistics;
  using Worker = plugin::Instance::Worker;
  std::vector<std::pair<Statistics, Worker>> states;
  for (const auto& one : plugins) states.emplace_back(one.instance->statistics(), one.instance->worker());
  const auto each = [&](const char* name, const char* type, const char* help,
                        const std::function<double(const Statistics&, const Worker&)>& value) {
    page.family(name, type, help);
    for (std::size_t i = 0; i < plugins.size(); ++i)
      page.sample(plugins[i].labels, value(states[i].first, states[i].second));
  };
  page.family("dispatch_plugin_info", "gauge", "Running plugins: version, type and home.");
  for (const auto& one : plugins) {
    const auto& manifest = one.instance->manifest();
    page.sample(with(with(with(one.labels, "version", manifest.version), "type", manifest.type), "home",
                     one.instance->home()),
                1);
  }
  each("dispatch_plugin_calls_total", "counter", "Calls into the plugin.",
       [](const auto& calls, const auto&) { return static_cast<double>(calls.calls); });
  each("dispatch_plugin_call_failures_total", "counter", "Calls that failed.",
       [](const auto& calls, const auto&) { return static_cast<double>(calls.failures); });
  each("dispatch_plugin_calls_in_flight", "gauge", "Calls under way.",
       [](const auto& calls, const auto&) { return static_cast<double>(calls.inFlight); });
  each("dispatch_plugin_breaker_open", "gauge",
       "1: it failed so often in a row that it is left alone for a while.",
       [](const auto& calls, const auto&) { return calls.breaker == "closed" ? 0.0 : 1.0; });
  page.family("dispatch_plugin_call_duration_seconds", "gauge",
              "How long its last 512 calls took, waiting for a turn included.");
  for (std::size_t i = 0; i < plugins.size(); ++i)
    page.sample(with(plugins[i].labels, "percentile", "50"), states[i].first.p50Ms / 1000)
        .sample(with(plugins[i].labels, "percentile", "99"), states[i].first.p99Ms / 1000);
  each("dispatch_plugin_worker_restarts_total", "counter", "Workers that ended and were replaced.",
       [](const auto&, const auto& worker) { return static_cast<double>(worker.restarts); });
  each("dispatch_plugin_worker_denied_total", "counter", "System calls that the sandbox refused.",
       [](const auto&, const auto& worker) { return static_cast<double>(worker.denied); });
  each("dispatch_plugin_worker_resident_bytes", "gauge", "Memory of the worker.",
       [](const auto&, const auto& worker) { return static_cast<double>(worker.memoryBytes); });
}

/// Families of what plugins count: all instances of a plugin under one name, as the format wants it.
void addOwn(Exposition& page, const std::vector<Running>& plugins) {
  struct Found {
    plugin::Metric metric;
    const Labels* labels;
  };
  std::map<std::string, std::vector<Found>> families;
  for (const auto& one : plugins)
    for (auto& metric : one.instance->metrics()) {
      // A name of its own beginning: no plugin can take one of the host's.
      std::string name = "plugin_" + one.instance->manifest().id + '_' + metric.declared.name;
      std::replace(name.begin(), name.end(), '-', '_');
      families[name].push_back({std::move(metric), &one.labels});
    }
  using Kind = plugin::MetricDeclaration::Kind;
  for (const auto& [name, found] : families) {
    const auto& first = found.front().metric.declared;
    page.family(name, plugin::nameOf(first.kind), first.help);
    for (const auto& [metric, labels] : found) {
      // While a new version is tried beside the old one the two may disagree; the first one's kind counts.
      if (metric.declared.kind != first.kind) continue;
      for (const auto& sample : metric.samples) {
        auto all = *labels;
        for (std::size_t i = 0; i < sample.labels.size(); ++i)
          all.emplace_back(metric.declared.labels[i], sample.labels[i]);
        if (metric.declared.kind != Kind::histogram) {
          page.sample(all, sample.value);
          continue;
        }
        std::vector<std::pair<double, std::uint64_t>> buckets;
        for (std::size_t i = 0; i < sample.buckets.size(); ++i)
          buckets.emplace_back(metric.declared.buckets[i], sample.buckets[i]);
        page.histogram(all, buckets, sample.count, sample.value);
      }
    }
  }
}

}  // namespace

std::string metricsPage(const Context& context, const std::optional<http::Metrics>& http) {
  Exposition page;
  page.family("dispatch_build_info", "gauge", "The version that runs.")
      .sample({{"version", context.version}}, 1);
  if (http) addHttp(page, *http);
  page.family("dispatch_plugins_ailing", "gauge",
              "Enabled plugins that do not serve somewhere, by their state.");
  std::map<std::string, int> ailing;
  for (const auto& [id, state] : context.integrations.ailing()) ++ailing[state];
  for (const auto& [state, many] : ailing) page.sample({{"state", state}}, many);
  const auto plugins = runningPlugins(context);
  addCalls(page, plugins);
  addOwn(page, plugins);
  return page.text();
}

}  // namespace dispatch::api
