#include "plugin/outside.hpp"

#include "base/problem.hpp"

#include <Poco/Net/IPAddress.h>

#include <charconv>

namespace dispatch::plugin {

namespace {

[[noreturn]] void refuse(std::size_t index, const std::string& what, const std::string& key = "") {
  std::vector<std::string> location{"allow", std::to_string(index)};
  if (!key.empty()) location.push_back(key);
  throw Problem(Problem::Kind::invalid,
                "dispatch.yaml: entry " + std::to_string(index + 1) + " of `allow:` " + what +
                    " Expected is e.g. {plugin: smtp-email, host: mail.internal, port: 587}.",
                std::move(location));
}

/// "10.0.0.0/8" must be a network; anything without a slash may be a name or an address.
bool soundHost(const std::string& host) {
  const auto slash = host.find('/');
  if (slash == std::string::npos) return !host.empty() && host.find_first_of(" \t:/@*") == std::string::npos;
  Poco::Net::IPAddress network;
  if (!Poco::Net::IPAddress::tryParse(host.substr(0, slash), network)) return false;
  unsigned prefix = 0;
  const auto* end = host.data() + host.size();
  const auto [last, error] = std::from_chars(host.data() + slash + 1, end, prefix);
  return error == std::errc{} && last == end &&
         prefix <= (network.family() == Poco::Net::IPAddress::IPv4 ? 32u : 128u);
}

}  // namespace

std::vector<Allowance> readAllowances(const Json& yaml) {
  const auto found = yaml.is_object() ? yaml.find("allow") : yaml.end();
  if (!yaml.is_object() || found == yaml.end() || found->is_null()) return {};
  if (!found->is_array())
    throw Problem(Problem::Kind::invalid,
                  "dispatch.yaml: `allow:` must be a list, e.g. [{plugin: smtp-email, host: mail.internal, "
                  "port: 587}].",
                  {"allow"});
  std::vector<Allowance> allowances;
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto& entry = (*found)[i];
    if (!entry.is_object()) refuse(i, "is no mapping.");
    Allowance allowance;
    for (const auto& member : entry.items()) {
      const auto& key = member.key();
      const auto& value = member.value();
      if (key == "plugin" && value.is_string()) {
        allowance.pluginId = value.get<std::string>();
      } else if (key == "host" && value.is_string()) {
        allowance.host = value.get<std::string>();
      } else if (key == "port" && value.is_number_integer() && value >= 0 && value <= 65535) {
        allowance.port = value.get<int>();
      } else if (key == "untrusted_tls" && value.is_boolean()) {
        allowance.untrustedTls = value.get<bool>();
      } else if (key == "ca_file" && value.is_string()) {
        allowance.caFile = value.get<std::string>();
      } else {
        const bool known =
            key == "plugin" || key == "host" || key == "port" || key == "untrusted_tls" || key == "ca_file";
        refuse(i,
               known ? "has a `" + key + "` of the wrong type or range."
                     : "has the unknown key `" + key +
                           "`; known are plugin, host, port, untrusted_tls and ca_file.",
               key);
      }
    }
    if (allowance.pluginId.empty()) refuse(i, "names no plugin (\"*\" means every one).", "plugin");
    // An IPv6 address is the one kind of host with colons.
    Poco::Net::IPAddress address;
    if (!soundHost(allowance.host) && !Poco::Net::IPAddress::tryParse(allowance.host, address))
      refuse(i, "has the host \"" + allowance.host + "\", which is no name, address or network.", "host");
    allowances.push_back(std::move(allowance));
  }
  return allowances;
}

}  // namespace dispatch::plugin
