// Accounts with e-mail address and password. The passwords' hashes are the host's (dispatch.credential/1);
// this provider decides what a form asks for, what a new password must be like, and what a person is told.
#include "password_policy.hpp"

#include <dispatch/sdk.hpp>

#include <algorithm>

namespace {

using dispatch::AuthAction;
using dispatch::AuthAnswer;
using dispatch::AuthRequest;
using dispatch::Call;
using dispatch::Failure;
using dispatch::Json;
using Verdict = dispatch::Credential::Verdict;

constexpr std::size_t longestAddress = 254;

/// What browsers accept in an e-mail field (HTML, "valid e-mail address"), and not longer than SMTP can
/// carry.
bool isAddress(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > longestAddress) return false;
  const auto isAlnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  const std::string_view local = text.substr(0, at);
  if (!std::all_of(local.begin(), local.end(), [&](char c) {
        return isAlnum(c) || std::string_view(".!#$%&'*+/=?^_`{|}~-").find(c) != std::string_view::npos;
      }))
    return false;
  std::string_view domain = text.substr(at + 1);
  for (;;) {
    const auto dot = domain.find('.');
    const std::string_view label = domain.substr(0, dot);
    const bool sound =
        !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
        std::all_of(label.begin(), label.end(), [&](char c) { return isAlnum(c) || c == '-'; });
    if (!sound) return false;
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

Json emailField() {
  return {{"type", "string"},
          {"format", "email"},
          {"title", "E-mail"},
          {"maxLength", longestAddress},
          {"minLength", 3},
          {"x-dispatch-order", 1},
          {"x-dispatch-autocomplete", "username"}};
}

Json passwordField(const char* title, int order, const char* autocomplete) {
  return {{"type", "string"}, {"format", "password"},      {"writeOnly", true},
          {"title", title},   {"x-dispatch-order", order}, {"x-dispatch-autocomplete", autocomplete},
          {"minLength", 1}};
}

class Basic : public dispatch::AuthProvider {
 public:
  Basic(const dispatch::Host& host, const dispatch::Config& config)
      : AuthProvider(host),
        _registration(config.boolean("registration_enabled", true)),
        _minimumLength(
            static_cast<std::size_t>(std::max<std::int64_t>(8, config.integer("minimum_length", 15)))) {
    for (const std::string& domain : config.texts("allowed_domains")) {
      const std::string name = dispatch::lower(dispatch::trim(domain));
      _domains.push_back(name.starts_with("@") ? name.substr(1) : name);
    }
  }

  Json describe(const Call&) {
    Json newPassword = passwordField("Password", 2, "new-password");
    newPassword["minLength"] = _minimumLength;
    newPassword["description"] = basic::passwordAdvice(_minimumLength);
    Json changed = newPassword;
    changed["title"] = "New password";

    Json out{{"title", "E-mail and password"}, {"actions", {"login"}}, {"forms", Json::object()}};
    out["forms"]["login"] =
        form({{"email", emailField()}, {"password", passwordField("Password", 2, "current-password")}});
    if (_registration) {
      out["actions"].push_back("register");
      out["forms"]["register"] = form({{"email", emailField()}, {"password", newPassword}});
    }
    out["actions"].push_back("change_password");
    out["forms"]["change_password"] =
        form({{"current_password", passwordField("Current password", 1, "current-password")},
              {"new_password", changed}});
    return out;
  }

  AuthAnswer authenticate(const Call& call, const AuthRequest& request) {
    switch (request.action) {
      case AuthAction::login:
        return login(call, request);
      case AuthAction::registration:
        return registration(call, request);
      case AuthAction::changePassword:
        return changePassword(call, request);
      default:
        return AuthAnswer::deny("This way to log in is not offered here.", {},
                                "an action that this provider does not have");
    }
  }

 private:
  static Json form(Json properties) {
    Json required = Json::array();
    for (const auto& [name, schema] : properties.items()) required.push_back(name);
    return {{"type", "object"}, {"required", std::move(required)}, {"properties", std::move(properties)}};
  }

  static AuthAnswer admit(const std::string& email) {
    dispatch::AuthIdentity who;
    who.issuer = DISPATCH_PLUGIN_ID;
    who.subject = dispatch::lower(email);
    who.email = email;
    return AuthAnswer::identity(std::move(who));
  }

  Verdict verify(const Call& call, const std::string& email, const std::string& password) const {
    // The store takes the same time whether or not there is such an account; so nothing here may answer
    // sooner.
    const bool possible = password.size() <= basic::longestPassword;
    const Verdict verdict = credential().verify(call, email, possible ? password : std::string("-"));
    if (verdict == Verdict::busy)
      throw Failure::unavailable("Too many people are logging in at once. Try again in a moment.",
                                 std::chrono::seconds(2));
    return possible ? verdict : Verdict::wrong;
  }

  AuthAnswer login(const Call& call, const AuthRequest& request) const {
    const std::string email(dispatch::trim(request.field("email")));
    const std::string password = request.field("password");
    if (email.empty()) return AuthAnswer::deny("Enter your e-mail address.", "email", "no address given");
    if (password.empty()) return AuthAnswer::deny("Enter your password.", "password", "no password given");
    if (verify(call, email, password) == Verdict::right) return admit(email);
    return AuthAnswer::deny("The e-mail address or the password is wrong.", {},
                            "wrong password, or no active account");
  }

  AuthAnswer registration(const Call& call, const AuthRequest& request) const {
    if (!_registration)
      return AuthAnswer::deny("Registration is closed. Ask an administrator for an account.", {},
                              "registration is closed");
    const std::string email(dispatch::trim(request.field("email")));
    const std::string password = request.field("password");
    if (!isAddress(email))
      return AuthAnswer::deny("Enter an e-mail address like ada@example.com.", "email", "no address");
    if (!mayRegister(email))
      return AuthAnswer::deny(
          "Addresses of this domain cannot register here. Use the address of your organization.", "email",
          "a domain that is not allowed");
    const std::string fault = basic::passwordFault(password, _minimumLength, contextOf(email, request));
    if (!fault.empty()) return AuthAnswer::deny(fault, "password", "the password breaks the rules");
    const dispatch_status status = credential().create(call, email, password);
    if (status == DISPATCH_ERR_DENIED)
      return AuthAnswer::deny("An account with this e-mail address exists already. Log in instead.", "email",
                              "the address is taken");
    if (const auto refused = storeRefusal(call, status, "password")) return *refused;
    return admit(email);
  }

  AuthAnswer changePassword(const Call& call, const AuthRequest& request) const {
    const std::string email(request.subject);
    if (email.empty()) return AuthAnswer::deny("Log in first.", {}, "nobody is logged in");
    const std::string current = request.field("current_password");
    const std::string wanted = request.field("new_password");
    if (current.empty())
      return AuthAnswer::deny("Enter your current password.", "current_password", "no password given");
    if (verify(call, email, current) != Verdict::right)
      return AuthAnswer::deny("The current password is wrong.", "current_password", "wrong current password");
    if (wanted == current)
      return AuthAnswer::deny("The new password is the current one. Choose another.", "new_password",
                              "the same password");
    const std::string fault = basic::passwordFault(wanted, _minimumLength, contextOf(email, request));
    if (!fault.empty()) return AuthAnswer::deny(fault, "new_password", "the password breaks the rules");
    const dispatch_status status = credential().replace(call, email, wanted);
    if (status == DISPATCH_ERR_NOT_FOUND || status == DISPATCH_ERR_DENIED)
      return AuthAnswer::deny("This account's password cannot be changed here.", {},
                              "the account has no password");
    if (const auto refused = storeRefusal(call, status, "new_password")) return *refused;
    return admit(email);
  }

  /// What both ways to set a password have in common when the store says no.
  static std::optional<AuthAnswer> storeRefusal(const Call& call, dispatch_status status, const char* field) {
    if (status == DISPATCH_OK) return std::nullopt;
    if (status == DISPATCH_ERR_INVALID) {
      const std::string reason = call.reason();
      return AuthAnswer::deny(reason.empty() ? "This password cannot be used. Choose another." : reason,
                              field, "the host's rules refuse the password");
    }
    if (status == DISPATCH_ERR_LIMIT)
      throw Failure::unavailable("Too many people are logging in at once. Try again in a moment.",
                                 std::chrono::seconds(2));
    dispatch::sdk::serviceCheck(call, status, "The host could not store the password.");
    return std::nullopt;
  }

  bool mayRegister(const std::string& email) const {
    const std::string domain = dispatch::lower(email.substr(email.rfind('@') + 1));
    return _domains.empty() || std::find(_domains.begin(), _domains.end(), domain) != _domains.end();
  }

  static std::vector<std::string> contextOf(const std::string& email, const AuthRequest& request) {
    const auto at = email.rfind('@');
    const std::string domain = at == std::string::npos ? std::string() : email.substr(at + 1);
    std::vector<std::string> words{"dispatch", std::string(request.organization), email, email.substr(0, at),
                                   domain,     domain.substr(0, domain.find('.'))};
    return words;
  }

  bool _registration;
  std::size_t _minimumLength;
  std::vector<std::string> _domains;
};

}  // namespace

DISPATCH_PLUGIN(Basic)
