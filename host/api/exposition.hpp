#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch::api {

/// The text format of Prometheus (exposition format 0.0.4), family by family.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  static constexpr const char* contentType = "text/plain; version=0.0.4; charset=utf-8";

  /// What follows belongs to it. `type`: counter, gauge, histogram.
  Exposition& family(const std::string& name, const char* type, std::string_view help);
  Exposition& sample(const Labels& labels, double value, const char* suffix = "");
  Exposition& sample(double value) { return sample({}, value); }

  /// A histogram's series for one combination of labels; `buckets` are upper bounds with cumulative counts.
  Exposition& histogram(const Labels& labels, const std::vector<std::pair<double, std::uint64_t>>& buckets,
                        std::uint64_t count, double sum);

  const std::string& text() const noexcept { return _text; }

 private:
  std::string _name, _text;
};

}  // namespace dispatch::api
