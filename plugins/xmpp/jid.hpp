#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xmpp {

/// An address (RFC 7622 section 3). Local and domain part are compared without case, for ASCII only: what a
/// server makes of other letters it does itself.
struct Jid {
  std::string local, domain, resource;

  /// Nothing for what is no address; each part has at most 1023 bytes.
  static std::optional<Jid> parse(std::string_view text);
  std::string bare() const { return local.empty() ? domain : local + "@" + domain; }
};

/// The part before the slash, in lower case; for addresses that a server wrote.
std::string bareOf(std::string_view jid);
/// The part behind the slash.
std::string resourceOf(std::string_view jid);

/// A local part that stands for any text: XEP-0106 section 4.2 writes what a local part cannot hold
/// ("o'brien" is "o\27brien").
std::string escapeLocal(std::string_view text);

/// The local part of a room that is called `name`: a-z, 0-9, ".", "_" and "-", at most 100 of them. Never
/// empty.
std::string roomLocal(std::string_view name);

}  // namespace xmpp
