#include "auth/login.hpp"

#include "auth/generation.hpp"
#include "auth/throttle.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>

namespace dispatch::auth {

namespace {

Poco::Logger& log() { return Poco::Logger::get("dispatch.auth"); }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Its people are this host's own accounts: what it says of an address comes from our own table.
bool usesOurAccounts(const plugin::Manifest& manifest) {
  const auto& permissions = manifest.permissions;
  if (!permissions.is_object() || !permissions.contains("services") || !permissions["services"].is_array())
    return false;
  const auto& services = permissions["services"];
  return std::find(services.begin(), services.end(), Json("dispatch.credential/1")) != services.end();
}

/// The original's answer to a wrong pair: both fields, whichever was wrong.
Problem wrongPair() {
  Problem problem(Problem::Kind::invalid, "Invalid username.", {"username"});
  problem.add(Problem(Problem::Kind::invalid, "Invalid password.", {"password"}));
  return problem;
}

}  // namespace

struct Login::State {
  store::Database& database;
  integrations::Integrations& integrations;
  Accounts& accounts;
  bool registration;
  Throttle throttle;

  std::mutex mutex;
  std::map<const plugin::Instance*, std::pair<std::weak_ptr<plugin::Instance>, Json>> descriptions;

  Json describe(const std::shared_ptr<plugin::Instance>& instance);
  std::shared_ptr<plugin::Instance> providerFor(const Attempt& attempt);
  Admission admit(const Attempt& attempt, const plugin::Manifest& provider, const Json& identity);
  std::int64_t userOf(store::Session& session, const plugin::Manifest& provider, const Json& identity,
                      std::int64_t organizationId);
  void audit(const Attempt& attempt, const std::string& actor, const char* action, const Json& details);
};

Login::Login(store::Database& database, integrations::Integrations& integrations, Accounts& accounts,
             bool registration)
    : _state(new State{database, integrations, accounts, registration, Throttle(), {}, {}}) {}

Json Login::State::describe(const std::shared_ptr<plugin::Instance>& instance) {
  {
    std::lock_guard lock(mutex);
    const auto found = descriptions.find(instance.get());
    if (found != descriptions.end() && found->second.first.lock() == instance) return found->second.second;
  }
  const auto outcome = instance->describeAuth();
  if (!outcome.ok() || !outcome.value.is_object()) {
    log().warning("The auth provider %s did not describe itself: %s", instance->manifest().id,
                  outcome.message);
    return nullptr;
  }
  std::lock_guard lock(mutex);
  descriptions[instance.get()] = {instance, outcome.value};
  return outcome.value;
}

Json Login::describe() {
  Json providers = Json::array();
  for (const auto& serving : _state->integrations.authProviders()) {
    if (!serving.instance) continue;
    const Json description = _state->describe(serving.instance);
    if (!description.is_object()) continue;
    Json actions = description.value("actions", Json::array()),
         forms = description.value("forms", Json::object());
    if (!_state->registration) {
      if (actions.is_array())
        actions.erase(std::remove(actions.begin(), actions.end(), Json("register")), actions.end());
      if (forms.is_object()) forms.erase("register");
    }
    const auto& manifest = serving.instance->manifest();
    providers.push_back({{"id", manifest.id},
                         {"title", textOr(description, "title", manifest.title)},
                         {"actions", actions},
                         {"forms", forms}});
  }
  return providers;
}

std::shared_ptr<plugin::Instance> Login::State::providerFor(const Attempt& attempt) {
  std::string reason = "No auth provider is configured; see DISPATCH_AUTHENTICATION_PROVIDER_SLUG";
  for (const auto& serving : integrations.authProviders()) {
    if (!serving.instance) {
      reason = serving.reason;
      continue;
    }
    const auto& id = serving.instance->manifest().id;
    if (!attempt.providerId.empty() && attempt.providerId != id) continue;
    const Json description = describe(serving.instance);
    const Json actions =
        description.is_object() ? description.value("actions", Json::array()) : Json::array();
    if (std::find(actions.begin(), actions.end(), Json(attempt.action)) != actions.end())
      return serving.instance;
    reason = "The auth provider " + id + " does not offer " + attempt.action;
  }
  log().warning("A %s could not be served: %s", attempt.action, reason);
  throw Problem(Problem::Kind::unavailable,
                "This way to log in is not available at the moment. The server's log tells why.")
      .withRetryAfter(5000);
}

void Login::State::audit(const Attempt& attempt, const std::string& actor, const char* action,
                         const Json& details) {
  try {
    auto session = database.session();
    const auto organization =
        session->one("SELECT id FROM organization WHERE slug = ?", {attempt.organizationSlug});
    store::writeAudit(*session, {organization ? organization->integer("id") : 0,
                                 std::string(actor.substr(0, 254)), std::string(action), "login", details});
  } catch (const std::exception& error) {
    log().error("An audit row was not written: %s", std::string(error.what()));
  }
}

std::int64_t Login::State::userOf(store::Session& session, const plugin::Manifest& provider,
                                  const Json& identity, std::int64_t organizationId) {
  const std::string issuer = textOr(identity, "issuer"), subject = textOr(identity, "subject"),
                    email = textOr(identity, "email");
  if (const auto known = session.one("SELECT id, user_id FROM user_identity WHERE issuer = ? AND subject = ?",
                                     {issuer, subject})) {
    session.execute("UPDATE user_identity SET last_used_at = ? WHERE id = ?",
                    {nowText(), known->integer("id")});
    return known->integer("user_id");
  }
  const Json verified = identity.value("email_verified", Json(false));
  const bool proven = usesOurAccounts(provider) || verified == Json(true) || verified == Json(1);
  auto user = session.one("SELECT id FROM dispatch_user WHERE lower(email) = ?", {lower(email)});
  std::int64_t id = 0;
  if (user) {
    if (!proven) {
      log().warning("The provider %s vouches for (%s, %s) but not for its address, which another account has",
                    provider.id, issuer, subject);
      throw Problem(
          Problem::Kind::forbidden,
          "There is an account with your e-mail address already, and your identity provider does not "
          "say that the address is yours. Ask an administrator.");
    }
    id = user->integer("id");
  } else {
    Accounts::checkEmail(email);
    id = session.insert(
        "dispatch_user",
        {{"email", email}, {"is_active", true}, {"created_at", nowText()}, {"updated_at", nowText()}});
    addMember(session, id, organizationId, Role::member);
  }
  session.insert("user_identity", {{"user_id", id},
                                   {"issuer", issuer},
                                   {"subject", subject},
                                   {"created_at", nowText()},
                                   {"last_used_at", nowText()}});
  return id;
}

Admission Login::State::admit(const Attempt& attempt, const plugin::Manifest& provider,
                              const Json& identity) {
  if (textOr(identity, "issuer").empty() || textOr(identity, "subject").empty() ||
      textOr(identity, "email").empty()) {
    log().error("The provider %s named nobody: issuer, subject and email are all needed", provider.id);
    throw Problem(Problem::Kind::unauthorized,
                  "The identity provider's answer is not complete. The server's log tells more.");
  }
  return database.transactReturning<Admission>([&](store::Session& session) {
    const auto organization =
        session.one("SELECT id FROM organization WHERE slug = ?", {attempt.organizationSlug});
    if (!organization)
      throw Problem(Problem::Kind::notFound, "There is no organization \"" + attempt.organizationSlug + "\"",
                    {"path", "organization"});
    const auto organizationId = organization->integer("id");
    const auto userId = userOf(session, provider, identity, organizationId);
    const auto user = session.one("SELECT email, is_active FROM dispatch_user WHERE id = ?", {userId});
    if (!user->boolean("is_active")) throw wrongPair();
    const auto memberships =
        session.query("SELECT organization_id FROM user_organization WHERE user_id = ?", {userId});
    if (memberships.empty())
      addMember(session, userId, organizationId, Role::member);  // their first login anywhere
    const bool member = memberships.empty() ||
                        std::any_of(memberships.begin(), memberships.end(), [&](const store::Row& row) {
                          return row.integer("organization_id") == organizationId;
                        });
    if (!member)
      throw Problem(Problem::Kind::forbidden,
                    "You are not a member of the organization " + attempt.organizationSlug +
                        "; ask one of its Admins to add you, or log in to your own");
    session.execute("UPDATE dispatch_user SET last_login_at = ? WHERE id = ?", {nowText(), userId});
    return Admission{userId, user->text("email")};
  });
}

Admission Login::attempt(const Attempt& attempt) {
  const bool login = attempt.action == "login", registering = attempt.action == "register",
             changing = attempt.action == "change_password";
  if (!login && !registering && !changing) throw std::logic_error("unknown login action " + attempt.action);
  if (registering && !_state->registration)
    throw Problem(Problem::Kind::notFound,
                  "Registration is switched off here (DISPATCH_AUTH_REGISTRATION_ENABLED); ask an "
                  "administrator for an account");
  const Json fields = attempt.fields.is_object() ? attempt.fields : Json::object();
  const std::string account =
      lower(changing ? attempt.subject : textOr(fields, "email", textOr(fields, "username")));
  // Registration is counted per address alone: each try names another account.
  const std::string counted = registering ? "" : account.substr(0, 254);
  const auto instance = _state->providerFor(attempt);
  const auto& manifest = instance->manifest();
  const auto wait = _state->throttle.enter(counted, attempt.address);
  if (wait.count() > 0) {
    log().warning("%s slowed down for %s ms: too many failures from %s", attempt.action,
                  std::to_string(wait.count()), attempt.address);
    throw Problem(Problem::Kind::tooMany, "Too many failed attempts. Try again in " +
                                              std::to_string((wait.count() + 999) / 1000) + " seconds.")
        .withRetryAfter(static_cast<std::uint32_t>(wait.count()));
  }
  std::optional<Accounts::Sparing> sparing;
  if (changing && attempt.sessionId != 0)
    sparing.emplace(_state->accounts, attempt.subject, attempt.sessionId);

  const Json details{{"provider", manifest.id}, {"address", attempt.address}};
  const auto outcome = instance->authenticate({{"action", attempt.action},
                                               {"organization", attempt.organizationSlug},
                                               {"base_url", attempt.baseUrl},
                                               {"peer_address", attempt.address},
                                               {"fields", fields},
                                               {"headers", Json::array()},
                                               {"state", ""},
                                               {"subject", attempt.subject}});
  if (outcome.status == DISPATCH_ERR_LIMIT || outcome.status == DISPATCH_ERR_UNAVAILABLE ||
      outcome.status == DISPATCH_ERR_TIMEOUT || outcome.status == DISPATCH_ERR_INTERNAL ||
      outcome.status == DISPATCH_ERR_CANCELLED) {
    _state->throttle.abandoned(counted, attempt.address);
    log().warning("The auth provider %s did not answer a %s: %s", manifest.id, attempt.action,
                  outcome.message);
    if (outcome.status == DISPATCH_ERR_LIMIT)
      throw Problem(Problem::Kind::tooMany,
                    "Too many people are logging in at this moment; try again in a few seconds")
          .withRetryAfter(std::max<std::uint32_t>(outcome.retryAfterMs, 3000));
    throw Problem(Problem::Kind::unavailable, "The auth provider does not answer; try again in a moment")
        .withRetryAfter(5000);
  }
  const std::string kind =
      outcome.ok() && outcome.value.is_object() ? textOr(outcome.value, "kind", "deny") : "deny";
  if (kind != "identity") {
    const std::string message = outcome.value.is_object() ? textOr(outcome.value, "message") : "";
    const std::string field = outcome.value.is_object() ? textOr(outcome.value, "field") : "";
    log().information("A %s by %s from %s was denied: %s", attempt.action, manifest.id, attempt.address,
                      outcome.message.empty() ? message : outcome.message);
    _state->audit(attempt, account,
                  registering ? "auth.register.denied"
                  : login     ? "auth.login.denied"
                              : "auth.password.denied",
                  details);
    if (login) throw wrongPair();
    throw Problem(Problem::Kind::invalid,
                  message.empty() ? "The auth provider refused this without a reason" : message,
                  {field.empty() ? (registering ? "email" : "password") : field});
  }
  auto admission = _state->admit(attempt, manifest, outcome.value);
  _state->throttle.succeeded(counted, attempt.address);
  _state->audit(attempt, admission.email,
                registering ? "auth.register"
                : login     ? "auth.login"
                            : "auth.password",
                details);
  return admission;
}

}  // namespace dispatch::auth
