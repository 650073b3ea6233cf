#include "plugin/service/metric_store.hpp"

#include <cmath>
#include <utility>

namespace dispatch::plugin {

MetricStore::MetricStore(const std::vector<MetricDeclaration>& declared) {
  for (const auto& metric : declared) {
    auto& series = _series[metric.name];
    series.declared = metric;
    // One that has no labels stands at 0 from the start: that nothing happened is worth knowing.
    if (metric.labels.empty()) series.samples[{}].buckets.resize(metric.buckets.size());
  }
}

std::optional<std::string> MetricStore::record(std::string_view name, const std::vector<std::string>& labels,
                                               double value) {
  const std::lock_guard lock(_mutex);
  const auto found = _series.find(name);
  if (found == _series.end()) return "plugin.json declares no metric \"" + std::string(name) + '"';
  auto& [declared, samples] = found->second;
  using Kind = MetricDeclaration::Kind;
  if (labels.size() != declared.labels.size())
    return declared.name + " has " + std::to_string(declared.labels.size()) + " labels, and " +
           std::to_string(labels.size()) + " values came";
  if (!std::isfinite(value)) return declared.name + " was given what is no number";
  if (declared.kind == Kind::counter && value < 0) return declared.name + " is a counter, and never falls";
  auto sample = samples.find(labels);
  if (sample == samples.end()) {
    if (samples.size() >= mostSeries)
      return declared.name + " has " + std::to_string(mostSeries) + " combinations of labels already";
    sample = samples.emplace(labels, MetricSample()).first;
    sample->second.buckets.resize(declared.buckets.size());
  }
  auto& kept = sample->second;
  kept.value = declared.kind == Kind::gauge ? value : kept.value + value;
  ++kept.count;
  for (std::size_t i = 0; i < declared.buckets.size(); ++i)
    if (value <= declared.buckets[i]) ++kept.buckets[i];
  return std::nullopt;
}

std::vector<Metric> MetricStore::list() const {
  const std::lock_guard lock(_mutex);
  std::vector<Metric> all;
  for (const auto& [name, series] : _series) {
    Metric metric{series.declared, {}};
    for (const auto& [labels, sample] : series.samples) {
      metric.samples.push_back(sample);
      metric.samples.back().labels = labels;
    }
    all.push_back(std::move(metric));
  }
  return all;
}

bool MetricStore::firstLeftOut() {
  const std::lock_guard lock(_mutex);
  return !std::exchange(_leftOut, true);
}

}  // namespace dispatch::plugin
