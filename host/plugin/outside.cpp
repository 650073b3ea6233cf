#include "plugin/outside.hpp"

#include "plugin/yaml_list.hpp"

#include <Poco/Net/IPAddress.h>

#include <charconv>

namespace dispatch::plugin {

namespace {

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
  const YamlList list(yaml, "allow", "{plugin: smtp-email, host: mail.internal, port: 587}");
  std::vector<Allowance> allowances;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Allowance allowance;
    for (const auto& member : list.entry(i).items()) {
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
        list.refuse(i,
                    known ? "has a `" + key + "` of the wrong type or range."
                          : "has the unknown key `" + key +
                                "`; known are plugin, host, port, untrusted_tls and ca_file.",
                    key);
      }
    }
    if (allowance.pluginId.empty()) list.refuse(i, "names no plugin (\"*\" means every one).", "plugin");
    // An IPv6 address is the one kind of host with colons.
    Poco::Net::IPAddress address;
    if (!soundHost(allowance.host) && !Poco::Net::IPAddress::tryParse(allowance.host, address))
      list.refuse(i, "has the host \"" + allowance.host + "\", which is no name, address or network.",
                  "host");
    allowances.push_back(std::move(allowance));
  }
  return allowances;
}

}  // namespace dispatch::plugin
