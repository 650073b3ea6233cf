#include "plugin/metric.hpp"

#include "base/problem.hpp"

#include <algorithm>
#include <functional>
#include <set>

namespace dispatch::plugin {

namespace {

// Prometheus' own for what is measured in seconds.
const std::vector<double> usualBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
const std::set<std::string> hostLabels{"plugin",   "organization", "project", "plugin_instance",
                                       "instance", "job",          "le"};

using Kind = MetricDeclaration::Kind;

/// Its schema lets no other name through.
Kind kindOf(const std::string& name) {
  for (const auto kind : {Kind::counter, Kind::gauge})
    if (name == nameOf(kind)) return kind;
  return Kind::histogram;
}

[[noreturn]] void refuse(std::size_t index, const std::string& what) {
  throw Problem(Problem::Kind::invalid, "plugin.json: metrics[" + std::to_string(index) + "] " + what,
                {"metrics", std::to_string(index)})
      .withType("plugin_manifest");
}

}  // namespace

const char* nameOf(Kind kind) {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      break;
  }
  return "histogram";
}

std::vector<MetricDeclaration> readMetrics(const Json& metrics) {
  std::vector<MetricDeclaration> all;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const auto& entry = metrics[i];
    MetricDeclaration metric{textOr(entry, "name"), kindOf(textOr(entry, "kind")), textOr(entry, "help"),
                             entry.value("labels", std::vector<std::string>()),
                             entry.value("buckets", std::vector<double>())};
    const bool twice = std::any_of(all.begin(), all.end(),
                                   [&](const MetricDeclaration& other) { return other.name == metric.name; });
    if (twice) refuse(i, "has the name " + metric.name + ", as one before it.");
    for (const auto& label : metric.labels)
      if (hostLabels.contains(label)) refuse(i, "has the label " + label + ", which is the host's own.");
    const bool histogram = metric.kind == Kind::histogram;
    if (!histogram && !metric.buckets.empty()) refuse(i, "is no histogram, and has buckets.");
    if (!std::is_sorted(metric.buckets.begin(), metric.buckets.end(), std::less_equal<>()))
      refuse(i, "has buckets that do not ascend.");
    if (histogram && metric.buckets.empty()) metric.buckets = usualBuckets;
    all.push_back(std::move(metric));
  }
  // Those are the names of a histogram's own series.
  for (const auto& histogram : all)
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const char* suffix : {"_bucket", "_count", "_sum"})
        if (histogram.kind == Kind::histogram && all[i].name == histogram.name + suffix)
          refuse(i, "has a name that the histogram " + histogram.name + " needs.");
  return all;
}

}  // namespace dispatch::plugin
