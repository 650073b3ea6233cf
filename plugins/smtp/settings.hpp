#pragma once

#include "message.hpp"

#include <dispatch/sdk/config.hpp>

#include <string>

namespace smtp {

enum class Security { startTls, tls, plain };
enum class Login { automatic, plain, login, none };

/// The configuration, checked as a whole.
struct Settings {
  std::string host;
  int port = 0;
  Security security = Security::startTls;
  std::string username;
  dispatch::Secret password;
  Login login = Login::automatic;
  Sender sender;
  std::string heloName;
  bool acceptAnyCertificate = false;

  /// Throws Failure(INVALID) with the setting and what to change.
  static Settings read(const dispatch::Config& config);
  bool wantsLogin() const { return login != Login::none && !username.empty(); }
};

}  // namespace smtp
