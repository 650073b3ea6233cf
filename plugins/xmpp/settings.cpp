#include "settings.hpp"

namespace xmpp {

using dispatch::Failure;
using dispatch::quoteLine;

namespace {

void replaceAll(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

/// What may stand in the path or query of an address as it is (RFC 3986 section 2.3), and "@".
std::string percentEncode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~@").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      out += {'%', hex[byte >> 4U], hex[byte & 15U]};
  }
  return out;
}

void readAddresses(const dispatch::Config& config, Settings& out) {
  for (const std::string& line : config.texts("addresses")) {
    const auto equals = line.find('=');
    const std::string_view email = dispatch::trim(std::string_view(line).substr(0, equals));
    const std::string_view jid =
        equals == std::string::npos ? "" : dispatch::trim(std::string_view(line).substr(equals + 1));
    const auto parsed = Jid::parse(jid);
    if (email.empty() || !parsed || parsed->local.empty() || !parsed->resource.empty())
      throw Failure::invalid("Setting \"addresses\" has the line \"" + quoteLine(line, 120) +
                             "\", but each should be an e-mail address, \"=\" and the person's XMPP address, "
                             "e.g. grace@example.com=g.hopper@chat.example.com.");
    out.addresses[dispatch::lower(email)] = parsed->bare();
  }
}

}  // namespace

Settings Settings::read(const dispatch::Config& config) {
  Settings out;
  const std::string account = config.text("account");
  const auto jid = Jid::parse(dispatch::trim(account));
  if (!jid || jid->local.empty() || !jid->resource.empty())
    throw Failure::invalid(
        "Setting \"account\" is \"" + quoteLine(account, 80) +
        "\", but should be an XMPP address without a resource, e.g. dispatch@example.com.");
  out.account = *jid;
  out.password = config.secret("password");
  out.host = config.text("host");
  out.port = static_cast<int>(config.integer("port"));
  if (out.port < 1 || out.port > 65535)
    throw Failure::invalid("Setting \"port\" should be between 1 and 65535.");
  const std::string security = config.text("security", "starttls");
  if (security != "starttls" && security != "tls")
    throw Failure::invalid("Setting \"security\" is \"" + quoteLine(security, 40) +
                           "\", but should be one of starttls, tls.");
  out.directTls = security == "tls";
  const std::string login = config.text("auth", "auto");
  if (login != "auto" && login != "scram" && login != "plain")
    throw Failure::invalid("Setting \"auth\" is \"" + quoteLine(login, 40) +
                           "\", but should be one of auto, scram, plain.");
  out.login = login == "auto" ? Login::automatic : login == "scram" ? Login::scram : Login::plain;

  const std::string rooms = config.text("room_domain");
  const auto domain = Jid::parse(dispatch::trim(rooms));
  if (!domain || !domain->local.empty() || !domain->resource.empty())
    throw Failure::invalid(
        "Setting \"room_domain\" is \"" + quoteLine(rooms, 80) +
        "\", but should be the domain of the server's rooms, e.g. conference.example.com.");
  out.roomDomain = domain->domain;
  out.nick = std::string(dispatch::trim(config.text("nick", "Dispatch")));
  if (out.nick.empty() || out.nick.find('/') != std::string::npos)
    throw Failure::invalid("Setting \"nick\" should be a name without a slash, e.g. Dispatch.");

  out.addressPattern = config.text("address_pattern", "{local}@{domain}");
  std::string tried = out.addressPattern;
  replaceAll(tried, "{local}", "x");
  replaceAll(tried, "{domain}", "example.com");
  const auto one = Jid::parse(tried);
  if (out.addressPattern.find("{local}") == std::string::npos || !one || one->local.empty() ||
      !one->resource.empty() || tried.find_first_of("{}") != std::string::npos)
    throw Failure::invalid("Setting \"address_pattern\" is \"" + quoteLine(out.addressPattern, 80) +
                           "\", but should make an XMPP address of {local} and, if you like, {domain} of an "
                           "e-mail address, e.g. {local}@chat.example.com.");
  readAddresses(config, out);

  out.weblinkPattern = config.text("weblink_pattern", "");
  if (!out.weblinkPattern.empty() && out.weblinkPattern.find("{room}") == std::string::npos)
    throw Failure::invalid(
        "Setting \"weblink_pattern\" should hold {room}, where the room's address goes, e.g. "
        "https://chat.example.com/#converse/room?jid={room}.");
  const std::string access = config.text("members_only", "restricted");
  if (access != "restricted" && access != "always")
    throw Failure::invalid("Setting \"members_only\" is \"" + quoteLine(access, 40) +
                           "\", but should be one of restricted, always.");
  out.alwaysMembersOnly = access == "always";
  out.useArchive = config.boolean("use_archive", false);
  out.acceptAnyCertificate = config.boolean("accept_any_certificate", false);
  if (out.acceptAnyCertificate && out.login == Login::plain)
    throw Failure::invalid(
        "With \"accept_any_certificate\" anybody could be the server, and \"auth\" plain would give them the "
        "password. Set \"auth\" to scram, or have the certificate checked.");
  return out;
}

std::string Settings::jidOf(const std::string& email) const {
  if (const auto found = addresses.find(dispatch::lower(email)); found != addresses.end())
    return found->second;
  const auto at = email.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == email.size())
    throw Failure::invalid("\"" + quoteLine(email, 100) + "\" is no e-mail address.");
  const std::string local = escapeLocal(email.substr(0, at)), domain = email.substr(at + 1);
  std::string text;
  for (std::size_t i = 0; i < addressPattern.size();) {
    const std::string_view rest = std::string_view(addressPattern).substr(i);
    if (rest.starts_with("{local}")) {
      text += local;
      i += 7;
    } else if (rest.starts_with("{domain}")) {
      text += domain;
      i += 8;
    } else {
      text += addressPattern[i++];
    }
  }
  const auto jid = Jid::parse(text);
  if (!jid || jid->local.empty() || !jid->resource.empty())
    throw Failure::invalid("The XMPP address that \"address_pattern\" makes of " + quoteLine(email, 100) +
                           ", \"" + quoteLine(text, 100) +
                           "\", is none. Name the person's address in \"addresses\".");
  return jid->bare();
}

std::string Settings::weblinkOf(const std::string& room) const {
  if (weblinkPattern.empty()) return "xmpp:" + percentEncode(room) + "?join";
  std::string out = weblinkPattern;
  replaceAll(out, "{room}", percentEncode(room));
  return out;
}

}  // namespace xmpp
