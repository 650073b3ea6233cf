#pragma once

#include "auth/accounts.hpp"
#include "auth/sessions.hpp"
#include "integrations/integrations.hpp"

#include <string>
#include <vector>

namespace dispatch::auth {

/// One attempt, as the api room received it.
struct Attempt {
  std::string action;      ///< "login", "register", "change_password"
  std::string providerId;  ///< empty: the first one that offers the action
  std::string organizationSlug;
  Json fields;
  std::string address, userAgent, baseUrl;
  std::string subject;         ///< e-mail of who is logged in, for change_password
  std::int64_t sessionId = 0;  ///< the session they ask from, which a change of password spares; 0 = none
};

/// What came of it.
struct Admission {
  std::int64_t userId = 0;
  std::string email;
};

/// Logs people in through auth-provider plugins: throttles per account and per address (ASVS 6.1.1: a flood
/// from elsewhere never locks the owner out), maps (issuer, subject) to a user, audits. [any-thread]
class Login {
 public:
  /// `registration`: DISPATCH_AUTH_REGISTRATION_ENABLED.
  Login(store::Database& database, integrations::Integrations& integrations, Accounts& accounts,
        bool registration = true);

  /// Throws Problem: unauthorized or invalid (with the original's items), tooMany with retryAfterMs,
  /// unavailable if the provider does not answer. A denial never says whether the account exists.
  Admission attempt(const Attempt& attempt);
  /// [{id, title, actions, forms}] for the login page.
  Json describe();

 private:
  struct State;
  std::shared_ptr<State> _state;
};

}  // namespace dispatch::auth
