#include "plugin/service/granted.hpp"

#include "plugin/service/command.hpp"
#include "plugin/service/destination.hpp"
#include "plugin/service/service_context.hpp"
#include "wire/wire.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

/// Rows of describeGranted().
class Rows {
 public:
  void granted(const char* kind, const std::string& asked, const std::string& granted,
               const std::string& note = "") {
    _rows.push_back({{"kind", kind}, {"asked", asked}, {"granted", granted}, {"note", note}});
  }
  void refused(const char* kind, const std::string& asked, const std::string& why) {
    _rows.push_back({{"kind", kind}, {"asked", asked}, {"granted", nullptr}, {"note", why}});
  }
  Json take() { return std::move(_rows); }

 private:
  Json _rows = Json::array();
};

std::string textOf(const Allowance& allowance) {
  const bool address = allowance.host.find(':') != std::string::npos;
  return (address ? '[' + allowance.host + ']' : allowance.host) +
         (allowance.port == 0 ? "" : ':' + std::to_string(allowance.port));
}

void addDestinations(Rows& rows, const Grants& grants) {
  for (const auto& asked : grants.asked()) {
    const auto* kind = asked.kind == "http" ? "http" : "stream";
    if (asked.granted.empty())
      rows.refused(kind, asked.what,
                   asked.what.starts_with("setting ") ? "the setting is empty, or names no destination"
                                                      : "it names no destination");
    else
      rows.granted(kind, asked.what, asked.granted);
  }
  if (grants.asked().empty()) return;
  for (const auto& allowance : grants.allowances())
    rows.granted("private network", "", textOf(allowance),
                 std::string("allow: in dispatch.yaml, for ") +
                     (allowance.pluginId == "*" ? "every plugin" : "this plugin") +
                     (allowance.untrustedTls ? ", with any certificate" : ""));
  if (grants.allowances().empty())
    rows.refused(
        "private network", "",
        "of the destinations above, those in private networks or on this machine need an entry under "
        "allow: in dispatch.yaml");
}

void addServices(Rows& rows, const Manifest& manifest) {
  const auto& known = wire::serviceIds;
  for (const auto& asked : manifest.permissions.value("services", Json::array())) {
    const auto id = asked.get<std::string>();
    if (std::find(known.begin(), known.end(), id) == known.end())
      rows.refused("service", id, "this server has no such service");
    else if (!serviceGranted(manifest, id))
      rows.refused("service", id, "it is not for plugins of the type " + manifest.type);
  }
  std::string all;
  for (const auto& id : known)
    if (serviceGranted(manifest, id)) all += (all.empty() ? "" : ", ") + std::string(id);
  rows.granted("service", "", all);
}

}  // namespace

Json describeGranted(const Manifest& manifest, const Json& configuration, const Json& yaml) {
  Rows rows;
  addDestinations(rows, Grants(manifest, configuration, readAllowances(yaml)));
  const auto commands = readCommands(yaml);
  const auto asked = [&](const char* kind) {
    return manifest.permissions.value(kind, Json::array()).get<std::vector<std::string>>();
  };
  for (const auto& name : asked("commands")) {
    const auto found = std::find_if(commands.begin(), commands.end(), [&](const Command& command) {
      return command.pluginId == manifest.id && command.name == name;
    });
    if (found == commands.end())
      rows.refused("command", name, "dispatch.yaml says under commands: nothing of what it runs");
    else
      rows.granted("command", name, found->argv.front(), "commands: in dispatch.yaml");
  }
  for (const auto& event : asked("events")) rows.granted("event", event, event);
  for (const auto& header : asked("headers"))
    rows.refused("header", header, "this server hands no headers of requests to plugins");
  if (manifest.permissions.value("webhook", false))
    rows.granted("webhook", "", "requests of other systems, to an address of its own");
  addServices(rows, manifest);
  return rows.take();
}

}  // namespace dispatch::plugin
