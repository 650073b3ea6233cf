#pragma once

#include "plugin/metric.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// The numbers of one instance. [any-thread]
class MetricStore {
 public:
  static constexpr std::size_t mostSeries = 100;  ///< of each metric

  explicit MetricStore(const std::vector<MetricDeclaration>& declared);

  /// Nothing, or why it was left out.
  std::optional<std::string> record(std::string_view name, const std::vector<std::string>& labels,
                                    double value);
  std::vector<Metric> list() const;
  /// True once: the first that was left out is worth a line in the log, the others are not.
  bool firstLeftOut();

 private:
  struct Series {
    MetricDeclaration declared;
    std::map<std::vector<std::string>, MetricSample> samples;
  };
  mutable std::mutex _mutex;
  std::map<std::string, Series, std::less<>> _series;
  bool _leftOut = false;
};

}  // namespace dispatch::plugin
