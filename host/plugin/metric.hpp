#pragma once

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// A metric as plugin.json declares it (dispatch.metric/1).
struct MetricDeclaration {
  enum class Kind { counter, gauge, histogram };
  std::string name;
  Kind kind = Kind::counter;
  std::string help;
  std::vector<std::string> labels;  ///< their names
  std::vector<double> buckets;      ///< upper bounds of a histogram, ascending, without +Inf
};

/// "counter", "gauge", "histogram": as plugin.json and Prometheus' text format call it.
const char* nameOf(MetricDeclaration::Kind kind);

/// "metrics" of plugin.json, which fits its schema; throws Problem(invalid) for what a schema cannot say.
std::vector<MetricDeclaration> readMetrics(const Json& metrics);

/// What was recorded for one combination of labels.
struct MetricSample {
  std::vector<std::string> labels;     ///< values, in the order of the declaration
  double value = 0;                    ///< of a counter or gauge; of a histogram the sum of what was observed
  std::uint64_t count = 0;             ///< observations of a histogram
  std::vector<std::uint64_t> buckets;  ///< observations at or below each bound, cumulative
};

struct Metric {
  MetricDeclaration declared;
  std::vector<MetricSample> samples;
};

}  // namespace dispatch::plugin
