#include "base/utf8.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxLabels = 8;
constexpr std::size_t maxLabelBytes = 100;

void record(const dispatch_host* host, dispatch_str name, const dispatch_str* labels, std::uint64_t count,
            double value) noexcept {
  try {
    auto& context = ServiceContext::of(host);
    // Too many are as wrong as too few: one more than any metric has.
    const bool given = labels != nullptr && count <= maxLabels;
    std::vector<std::string> values(given || count == 0 ? 0 : maxLabels + 1);
    for (std::uint64_t i = 0; given && i < count; ++i)
      values.push_back(
          repairedUtf8(oneLine(context.secrets().blot(checkedText(labels[i], "a label")), maxLabelBytes)));
    const auto wrong = context.metrics().record(checkedText(name, "the name of a metric"), values, value);
    if (wrong && context.metrics().firstLeftOut())
      context.logger().warning("A number of plugin " + context.manifest().id +
                               " is left out: " + oneLine(*wrong, 200) +
                               ". This is a defect of the plugin; the next ones are left out silently.");
  } catch (...) {
    // A number must never fail a plugin.
  }
}

}  // namespace

const void* metricService() noexcept {
  static constexpr dispatch_metric_1 table{sizeof(dispatch_metric_1), 0, record};
  return &table;
}

}  // namespace dispatch::plugin
