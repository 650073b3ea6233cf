#pragma once

#include <dispatch/sdk/services.hpp>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace dispatch {

/// Numbers about the plugin's work, for the operator's monitoring; declared under "metrics" in plugin.json.
/// Nothing fails: what is not declared is left out. [any-thread]
class Metrics {
 public:
  explicit Metrics(Host host) : _host(host) {}
  /// Adds to a counter, sets a gauge, or counts an observation of a histogram, by the metric's kind.
  /// `labels`: a value for each of its labels, in their order.
  void record(std::string_view name, double value,
              std::initializer_list<std::string_view> labels = {}) const {
    const auto* table = _host.find<dispatch_metric_1>(DISPATCH_METRIC_1);
    if (!DISPATCH_HAS(table, dispatch_metric_1, record)) return;
    std::array<dispatch_str, 8> values{};
    std::size_t count = 0;
    for (const std::string_view label : labels)
      if (count < values.size()) values[count++] = str(label);
    table->record(_host.raw(), str(name), values.data(), count, value);
  }
  void count(std::string_view name, std::initializer_list<std::string_view> labels = {}) const {
    record(name, 1, labels);
  }

 private:
  Host _host;
};

/// Programs of the operator, by the names that plugin.json asks for (permissions.commands). [call-thread]
class Commands {
 public:
  explicit Commands(Host host) : _host(host) {}
  struct Result {
    int exitCode = 0;  ///< 128 + the signal's number where one ended it
    std::string output{}, errorOutput{};
  };
  /// Whatever its exit code. Throws Failure where it could not run to its end.
  Result run(const Call& call, std::string_view name, std::string_view input = {}) const {
    dispatch_exec_result out{};
    out.struct_size = sizeof out;
    sdk::serviceCheck(call,
                      _host.need<dispatch_exec_1>(DISPATCH_EXEC_1)
                          .run(_host.raw(), call.raw(), str(name), str(input), &out),
                      "The host could not run the command " + std::string(name) + ".");
    return {out.exit_code, std::string(view(out.output)), std::string(view(out.error_output))};
  }

 private:
  Host _host;
};

/// The operator's audit: who did what through this plugin. [call-thread]
class Audit {
 public:
  explicit Audit(Host host) : _host(host) {}
  /// Throws Failure where it does not stand there now. Limits: see service_audit.h.
  void record(const Call& call, std::string_view action, std::string_view subject,
              const Json& details = Json::object()) const {
    sdk::serviceCheck(
        call,
        _host.need<dispatch_audit_1>(DISPATCH_AUDIT_1)
            .record(_host.raw(), call.raw(), str(action), str(subject), str(sdk::dump(details))),
        "The host could not write into its audit.");
  }

 private:
  Host _host;
};

}  // namespace dispatch
