#include "base/time.hpp"
#include "plugin/service/command.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxInputBytes = 1u << 20;

const Command& granted(const ServiceContext& context, const std::string& name) {
  context.needPermission("commands", name);
  const auto& manifest = context.manifest();
  const auto& all = context.commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Command& command) {
    return command.pluginId == manifest.id && command.name == name;
  });
  if (found == all.end())
    throw ServiceRefusal(DISPATCH_ERR_DENIED,
                         "the operator has not said what the command " + name +
                             " runs. In dispatch.yaml: commands: [{plugin: " + manifest.id +
                             ", name: " + name + ", run: [/full/path, argument]}]");
  return *found;
}

dispatch_status run(const dispatch_host* host, const dispatch_call* call, dispatch_str name,
                    dispatch_str input, dispatch_exec_result* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    checkedStruct(out, "the place for the answer");
    const auto given = checkedText(input, "the input of the command");
    if (given.size() > maxInputBytes)
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the input of a command may have 1 MiB, and has " +
                                                     std::to_string(given.size()) + " bytes");
    const auto& command = granted(context, std::string(checkedText(name, "the command's name")));
    Instance::Outbound record;
    record.at = nowText();
    record.method = "EXEC";
    record.host = command.argv.front();
    record.path = command.name;
    const auto startedNs = monotonicNs();
    const auto ended = [&](int exitCode, const std::string& error) {
      record.status = exitCode;
      record.error = error;
      record.milliseconds = static_cast<double>(monotonicNs() - startedNs) / 1e6;
      context.outbound().add(record);
    };
    CommandResult result;
    try {
      result = runCommand(command, given, hostCall);
      ended(result.exitCode, "");
    } catch (const ServiceRefusal& refusal) {
      ended(0, refusal.what());
      throw;
    }
    out->exit_code = result.exitCode;
    out->output = answerText(hostCall, result.output);
    out->error_output = answerText(hostCall, result.errorOutput);
    return DISPATCH_OK;
  });
}

}  // namespace

const void* execService() noexcept {
  static constexpr dispatch_exec_1 table{sizeof(dispatch_exec_1), 0, run};
  return &table;
}

}  // namespace dispatch::plugin
