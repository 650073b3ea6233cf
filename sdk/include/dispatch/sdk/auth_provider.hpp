#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

enum class AuthAction : dispatch_auth_action {
  login = DISPATCH_AUTH_LOGIN,
  registration = DISPATCH_AUTH_REGISTER,
  changePassword = DISPATCH_AUTH_CHANGE_PASSWORD,
  callback = DISPATCH_AUTH_CALLBACK,
  logout = DISPATCH_AUTH_LOGOUT,
  token = DISPATCH_AUTH_TOKEN
};

/// What somebody did; all text borrowed for the call.
struct AuthRequest {
  AuthAction action = AuthAction::login;
  std::string_view organization, baseUrl, peerAddress, state, subject;
  Json fields;   ///< an object
  Json headers;  ///< [[name, value], …]

  /// A submitted field, or an empty text.
  std::string field(std::string_view name) const { return Members(fields).textOr(name); }
};

/// Who somebody is.
struct AuthIdentity {
  std::string issuer, subject;  ///< together the identity; never matched by e-mail alone
  std::string email, name;
  bool emailVerified = false;    ///< only if the provider proved it
  std::uint32_t ageSeconds = 0;  ///< since the person proved it
  Json claims = Json::object();  ///< for the preview of the mapping; no tokens
};

/// A provider's answer. Made by one of the functions below; the default denies.
class AuthAnswer {
 public:
  AuthAnswer() = default;
  /// `message` is for the person; `field` names the field of the form that is to blame; `reason` is for the
  /// log only.
  static AuthAnswer deny(std::string message, std::string field = {}, std::string reason = {}) {
    AuthAnswer answer;
    answer.message = std::move(message);
    answer.field = std::move(field);
    answer.reason = std::move(reason);
    return answer;
  }
  static AuthAnswer identity(AuthIdentity who) {
    AuthAnswer answer;
    answer.kind = DISPATCH_AUTH_IDENTITY;
    answer.who = std::move(who);
    return answer;
  }
  /// `state` comes back with the callback, from the same browser, once.
  static AuthAnswer redirect(std::string url, std::string state) {
    AuthAnswer answer;
    answer.kind = DISPATCH_AUTH_REDIRECT;
    answer.redirectUrl = std::move(url);
    answer.state = std::move(state);
    return answer;
  }
  static AuthAnswer showForm(Json schema, std::string state = {}) {
    AuthAnswer answer;
    answer.kind = DISPATCH_AUTH_FORM;
    answer.form = std::move(schema);
    answer.state = std::move(state);
    return answer;
  }
  /// The first factor was right; now this form.
  static AuthAnswer challenge(Json schema, std::string state) {
    AuthAnswer answer = showForm(std::move(schema), std::move(state));
    answer.kind = DISPATCH_AUTH_CHALLENGE;
    return answer;
  }

  dispatch_auth_kind kind = DISPATCH_AUTH_DENY;
  AuthIdentity who;
  std::string redirectUrl, state, message, field, reason;
  Json form;
};

/// Proves who somebody is. Write
///   Json describe(const Call&)                                   title, actions and forms for the login page
///   (auth.h) AuthAnswer authenticate(const Call&, const AuthRequest&)     a throw denies
class AuthProvider : public Plugin {
 public:
  using Plugin::Plugin;
  using IsAuthProvider = void;

 protected:
  ~AuthProvider() = default;
  Credential credential() const { return Credential(host()); }
};

}  // namespace dispatch
