#include "cli/commands.hpp"

#include "base/base.hpp"
#include "cli/scheduler.hpp"

namespace dispatch::cli {

void addOtherCommands(std::map<std::string, Command>& all) {
  all["scheduler.list"] = [](CommandContext& context, const Json&) {
    return describeJobs(context.installation.database());
  };
  all["scheduler.run"] = [](CommandContext& context, const Json& args) {
    return runJob(context.installation.database(), textOr(args, "name"), context.hostId);
  };
  all["flow.show"] = [](CommandContext& context, const Json& args) {
    auto& engine = context.rooms().engine();
    const auto kind = textOr(args, "kind");
    if (kind.empty()) {
      Json kinds = Json::array();
      for (const auto& name : engine.kinds())
        kinds.push_back({{"kind", name}, {"steps", engine.definition(name).steps.size()}});
      return kinds;
    }
    const auto& definition = engine.definition(kind);
    Json steps = Json::array();
    for (const auto& step : definition.steps)
      steps.push_back({{"key", step.key},
                       {"title", step.title},
                       {"plugin_type", step.pluginType},
                       {"method", step.method},
                       {"needs", step.needs},
                       {"wants", step.wants},
                       {"required", step.required}});
    return Json{{"kind", definition.kind}, {"digest", definition.digest()}, {"steps", steps}};
  };
  all["server.routes"] = [](CommandContext& context, const Json&) { return context.rooms().api().routes(); };
  all["demo.load"] = [](CommandContext& context, const Json&) { return loadDemo(context); };
}

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = [] {
    std::map<std::string, Command> made;
    addUserCommands(made);
    addPluginCommands(made);
    addPackageCommands(made);
    addOtherCommands(made);
    return made;
  }();
  return all;
}

Json runCommand(CommandContext& context, const std::string& name, const Json& args) {
  const auto found = commands().find(name);
  if (found == commands().end())
    throw Problem(Problem::Kind::notFound, "The running server does not know the command " + name +
                                               ": it is of another version. Restart it");
  return found->second(context, args);
}

}  // namespace dispatch::cli
