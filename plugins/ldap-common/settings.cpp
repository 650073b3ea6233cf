#include "settings.hpp"

#include <algorithm>
#include <stdexcept>

namespace ldap {

using dispatch::Failure;
using dispatch::quoteLine;

namespace {

template <class Value>
Value choose(const dispatch::Config& config, const char* setting, const char* fallback,
             std::initializer_list<std::pair<const char*, Value>> values) {
  const std::string text = config.text(setting, fallback);
  std::string known;
  for (const auto& [name, value] : values) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Failure::invalid("Setting \"" + std::string(setting) + "\" is \"" + quoteLine(text, 40) +
                         "\", but should be one of " + known + ".");
}

}  // namespace

Settings Settings::read(const dispatch::Config& config) {
  Settings out;
  out.host = config.text("host");
  out.port = static_cast<int>(config.integer("port", 389));
  if (out.port < 1 || out.port > 65535)
    throw Failure::invalid("Setting \"port\" should be between 1 and 65535.");
  out.security = choose<Security>(
      config, "security", "starttls",
      {{"starttls", Security::startTls}, {"tls", Security::tls}, {"plain", Security::plain}});
  out.bindDn = std::string(dispatch::trim(config.text("bind_dn", "")));
  out.password = config.optionalSecret("password");
  out.timeLimit = static_cast<int>(config.integer("time_limit", 10));
  if (out.timeLimit < 1 || out.timeLimit > 25)
    throw Failure::invalid("Setting \"time_limit\" should be between 1 and 25 seconds.");
  out.acceptAnyCertificate = config.boolean("accept_any_certificate", false);

  // A DN without a password is an "unauthenticated bind", which looks like a login and is none (RFC 4513
  // section 5.1.2).
  if (!out.bindDn.empty() && !out.password)
    throw Failure::invalid(
        "Setting \"bind_dn\" is given, but \"password\" is empty: enter it, or clear the DN to search "
        "without a "
        "login.");
  if (out.bindDn.empty() && out.password)
    throw Failure::invalid(
        "Setting \"password\" is given, but \"bind_dn\" is empty: enter the DN to log in with, or clear the "
        "password.");
  if (!out.bindDn.empty() && out.security == Security::plain &&
      !config.boolean("allow_auth_without_tls", false))
    throw Failure::invalid(
        "With encryption \"plain\" the password would cross the network for everybody to read. Choose "
        "\"starttls\" "
        "or \"tls\", clear \"bind_dn\" and \"password\", or, on a network you trust, turn on \"Send the "
        "password "
        "without encryption\".");
  return out;
}

Scope readScope(const dispatch::Config& config, const char* setting) {
  return choose<Scope>(config, setting, "subtree",
                       {{"subtree", Scope::subtree}, {"one", Scope::oneLevel}, {"base", Scope::base}});
}

Filter readFilter(const dispatch::Config& config, const char* setting, const std::set<std::string>& known) {
  const std::string text = config.text(setting);
  try {
    Filter filter = Filter::parse(text);
    for (const std::string& name : filter.placeholders())
      if (!known.contains(name)) {
        std::string list;
        for (const std::string& one : known) list += (list.empty() ? "{" : ", {") + one + "}";
        throw std::invalid_argument("it has the placeholder {" + name + "}, and known are " +
                                    (list.empty() ? "none here" : list) +
                                    " (write \\7b for a brace that is meant as such)");
      }
    return filter;
  } catch (const std::invalid_argument& error) {
    throw Failure::invalid("Setting \"" + std::string(setting) + "\" is no LDAP filter (RFC 4515): " +
                           error.what() + ". It is " + quoteLine(text, 200) + ".");
  }
}

std::string readAttribute(const dispatch::Config& config, const char* setting, const char* usual) {
  std::string name(dispatch::trim(config.text(setting, usual)));
  const bool sound = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ';' || c == '_';
  });
  if (!sound)
    throw Failure::invalid("Setting \"" + std::string(setting) + "\" is \"" + quoteLine(name, 80) +
                           "\", but should be the name of one attribute, such as " + usual + ".");
  return name;
}

}  // namespace ldap
