#pragma once

#include "jid.hpp"

#include <dispatch/sdk/config.hpp>

#include <map>
#include <string>

namespace xmpp {

enum class Login { automatic, scram, plain };

/// The configuration, checked as a whole.
struct Settings {
  Jid account;
  dispatch::Secret password;
  std::string host;
  int port = 0;
  bool directTls = false;
  Login login = Login::automatic;
  std::string roomDomain, nick;
  std::string addressPattern;  ///< with {local} and {domain} of an e-mail address
  std::map<std::string, std::string, std::less<>> addresses;  ///< e-mail address in lower case -> JID
  std::string weblinkPattern;                                 ///< with {room}; empty: an xmpp: address
  bool alwaysMembersOnly = false;
  bool useArchive = false;
  bool acceptAnyCertificate = false;

  /// Throws Failure(INVALID) with the setting and what to change.
  static Settings read(const dispatch::Config& config);

  /// The bare JID of a person. Throws Failure(INVALID) where none comes out.
  std::string jidOf(const std::string& email) const;
  /// Where a person opens a room.
  std::string weblinkOf(const std::string& room) const;
};

}  // namespace xmpp
