#include "settings.hpp"

#include "address.hpp"

namespace smtp {

using dispatch::Failure;

namespace {

void needAddress(const std::string& setting, const std::string& address) {
  const std::string fault = addressFault(address);
  if (!fault.empty())
    throw Failure::invalid("Setting \"" + setting + "\" is no e-mail address: " + fault +
                           ". Enter one like dispatch@example.com.");
}

template <class Value>
Value choose(const dispatch::Config& config, const char* setting, const char* fallback,
             std::initializer_list<std::pair<const char*, Value>> values) {
  const std::string text = config.text(setting, fallback);
  std::string known;
  for (const auto& [name, value] : values) {
    if (text == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Failure::invalid("Setting \"" + std::string(setting) + "\" is \"" + dispatch::quoteLine(text, 40) +
                         "\", but should be one of " + known + ".");
}

}  // namespace

Settings Settings::read(const dispatch::Config& config) {
  Settings out;
  out.host = config.text("host");
  out.port = static_cast<int>(config.integer("port"));
  if (out.port < 1 || out.port > 65535)
    throw Failure::invalid("Setting \"port\" should be between 1 and 65535.");
  out.security = choose<Security>(
      config, "security", "starttls",
      {{"starttls", Security::startTls}, {"tls", Security::tls}, {"plain", Security::plain}});
  out.login = choose<Login>(
      config, "auth", "auto",
      {{"auto", Login::automatic}, {"plain", Login::plain}, {"login", Login::login}, {"none", Login::none}});
  out.username = config.text("username", "");
  out.password = config.optionalSecret("password");
  out.sender.address = config.text("from_address");
  out.sender.name = config.text("from_name", "");
  out.sender.replyTo = config.text("reply_to", "");
  out.heloName = config.text("helo_name", "");
  out.acceptAnyCertificate = config.boolean("accept_any_certificate", false);

  needAddress("from_address", out.sender.address);
  if (!out.sender.replyTo.empty()) needAddress("reply_to", out.sender.replyTo);
  if (out.heloName.empty()) out.heloName = domainOf(out.sender.address);
  if (!isAscii(out.heloName))
    throw Failure::invalid(
        "The domain of the sender address is not ASCII: enter the server's own name in setting "
        "\"helo_name\".");

  const bool explicitLogin = out.login == Login::plain || out.login == Login::login;
  if (explicitLogin && out.username.empty())
    throw Failure::invalid(
        "Setting \"auth\" asks for a login, but \"username\" is empty: enter it, or set \"auth\" to none.");
  if (out.wantsLogin() && !out.password)
    throw Failure::invalid(
        "Setting \"username\" is given, but \"password\" is empty: enter it, or set \"auth\" to none.");
  if (out.username.empty() && out.password && out.login != Login::none)
    throw Failure::invalid(
        "Setting \"password\" is given, but \"username\" is empty: enter it, or clear the password.");
  if (out.username.find('\0') != std::string::npos)
    throw Failure::invalid("Setting \"username\" holds a NUL character, which no login can carry.");
  if (out.wantsLogin() && out.security == Security::plain && !config.boolean("allow_auth_without_tls", false))
    throw Failure::invalid(
        "With encryption \"plain\" the password would cross the network for everybody to read. Choose "
        "\"starttls\" or \"tls\", set "
        "\"auth\" to none, or, on a network you trust, turn on \"Send the password without encryption\".");
  return out;
}

}  // namespace smtp
