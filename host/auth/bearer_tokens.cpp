#include "auth/generation.hpp"
#include "auth/membership.hpp"
#include "auth/principal_cache.hpp"
#include "auth/sessions.hpp"
#include "base/base.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <cmath>

namespace dispatch::auth {

namespace {

constexpr std::size_t longestToken = 4096;
constexpr double skew = 60;  // seconds another host's clock may be ahead

struct Times {
  double expires = 0;
};

double seconds(Instant instant) { return static_cast<double>(instant.time_since_epoch().count()) / 1e6; }

std::optional<std::string> fromBase64Url(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::optional<Json> objectOf(std::string_view part) {
  const auto text = fromBase64Url(part);
  if (!text) return std::nullopt;
  try {
    Json value = parseJson(*text, "token", 8);
    if (value.is_object()) return value;
  } catch (const Problem&) {
    return std::nullopt;  // not JSON, or a key twice: two readers could see two tokens
  }
  return std::nullopt;
}

}  // namespace

struct BearerTokens::State {
  store::Database& database;
  config::SecretText secret;
  std::string algorithm;
  const EVP_MD* digest = nullptr;
  std::chrono::seconds lifetime;
  PrincipalCache<Times> cache;
  store::EventBus::Subscription following;

  std::string sign(std::string_view text) const {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    const auto key = secret.reveal();
    if (!HMAC(digest, key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<unsigned char*>(mac.data()), &size))
      throw std::runtime_error("OpenSSL could not compute an HMAC");
    mac.resize(size);
    return mac;
  }
};

BearerTokens::BearerTokens(store::Database& database, config::SecretText secret, const std::string& algorithm,
                           std::chrono::seconds lifetime) {
  const EVP_MD* digest = algorithm == "HS256"   ? EVP_sha256()
                         : algorithm == "HS384" ? EVP_sha384()
                         : algorithm == "HS512" ? EVP_sha512()
                                                : nullptr;
  if (!digest)
    throw Problem(Problem::Kind::invalid,
                  "DISPATCH_JWT_ALG must be HS256, HS384 or HS512, found \"" + algorithm + "\"",
                  {"DISPATCH_JWT_ALG"});
  if (secret.size() < 32)
    throw Problem(Problem::Kind::invalid,
                  "DISPATCH_JWT_SECRET must have at least 32 characters, found " +
                      std::to_string(secret.size()) + ". Make one with: dispatch secret generate",
                  {"DISPATCH_JWT_SECRET"});
  if (lifetime.count() <= 0)
    throw Problem(Problem::Kind::invalid, "DISPATCH_JWT_EXP must be a number of seconds above 0",
                  {"DISPATCH_JWT_EXP"});
  _state.reset(
      new State{database, std::move(secret), algorithm, digest, lifetime, {}, followAccess(database)});
}

std::string BearerTokens::issue(std::int64_t userId, const std::string& email) {
  const auto moment = seconds(now());
  const Json header{{"alg", _state->algorithm}, {"typ", "JWT"}};
  const Json claims{{"sub", std::to_string(userId)},
                    {"email", email},
                    {"iat", moment},
                    {"exp", static_cast<std::int64_t>(moment) + _state->lifetime.count()}};
  const std::string text = toBase64Url(dumpJson(header)) + "." + toBase64Url(dumpJson(claims));
  return text + "." + toBase64Url(_state->sign(text));
}

std::optional<Principal> BearerTokens::verify(std::string_view token, std::string_view organizationSlug,
                                              std::string& reason) {
  const auto refuse = [&](const char* why) -> std::optional<Principal> {
    reason = why;
    return std::nullopt;
  };
  if (token.size() > longestToken) return refuse("longer than 4096 bytes");
  const auto moment = seconds(now());
  const auto before = generation();
  const std::string key = digestHex(token) + "/" + std::string(organizationSlug);
  if (const auto known = _state->cache.find(key)) {
    if (moment >= known->extra.expires) return refuse("expired");
    return known->principal;
  }
  const auto first = token.find('.');
  const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return refuse("not three parts");
  const auto header = objectOf(token.substr(0, first));
  if (!header) return refuse("header is not a JSON object");
  // RFC 8725 3.1: the algorithm is ours to choose, the token may only agree. RFC 7515 4.1.11: no extension is
  // understood.
  if (textOr(*header, "alg") != _state->algorithm) return refuse("another algorithm");
  if (header->contains("crit")) return refuse("critical header extension");
  const auto signature = fromBase64Url(token.substr(second + 1));
  const auto expected = _state->sign(token.substr(0, second));
  if (!signature || signature->size() != expected.size() ||
      sodium_memcmp(signature->data(), expected.data(), expected.size()) != 0)
    return refuse("signature does not match");
  const auto claims = objectOf(token.substr(first + 1, second - first - 1));
  if (!claims) return refuse("claims are not a JSON object");
  const auto number = [&](const char* name) -> std::optional<double> {
    const auto found = claims->find(name);
    if (found == claims->end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
  };
  const auto expires = number("exp");
  if (!expires || !std::isfinite(*expires)) return refuse("no exp");
  if (moment >= *expires) return refuse("expired");
  if (claims->contains("nbf") && number("nbf").value_or(moment + 2 * skew) > moment + skew)
    return refuse("not valid yet");
  const auto issued = number("iat");
  if (claims->contains("iat") && issued.value_or(moment + 2 * skew) > moment + skew)
    return refuse("issued in the future");
  const std::string email = textOr(*claims, "email");
  if (email.empty()) return refuse("no email");

  const auto session = _state->database.session();
  const auto user = session->one(
      "SELECT id, email, is_active, sessions_ended_at FROM dispatch_user WHERE lower(email) = lower(CAST(? "
      "AS TEXT))",
      {email});
  if (!user) return refuse("unknown user");
  if (!user->boolean("is_active")) return refuse("deactivated user");
  if (claims->contains("sub") && textOr(*claims, "sub") != std::to_string(user->integer("id")))
    return refuse("the address belongs to another user now");
  if (const auto ended = parseInstant(user->text("sessions_ended_at"));
      ended && issued.value_or(0) <= seconds(*ended))
    return refuse("issued before the user's sessions were ended");
  Principal principal;
  principal.userId = user->integer("id");
  principal.email = user->text("email");
  fillMembership(*session, principal, organizationSlug);
  _state->cache.put(key, principal, {*expires}, before);
  return principal;
}

}  // namespace dispatch::auth
