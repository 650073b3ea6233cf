#include "auth/login_links.hpp"

#include "auth/audit.hpp"
#include "base/base.hpp"

namespace dispatch::auth {

std::string LoginLinks::make(std::string_view email, std::string_view organizationSlug,
                             std::chrono::minutes lifetime, std::string_view actor) {
  if (lifetime.count() < 1 || lifetime > longest)
    throw Problem(Problem::Kind::invalid,
                  "A link lasts from 1 to " + std::to_string(longest.count()) + " minutes; found " +
                      std::to_string(lifetime.count()),
                  {"minutes"});
  const std::string token = randomToken(), address(email), slug(organizationSlug);
  _database.transact([&](store::Session& session) {
    const auto user = session.one(
        "SELECT id, email, is_active FROM dispatch_user WHERE lower(email) = lower(?)", {address});
    if (!user)
      throw Problem(Problem::Kind::notFound, "Nobody with the address " + address +
                                                 " is registered. Make an account with: dispatch user "
                                                 "register --role Admin " +
                                                 address);
    if (!user->boolean("is_active"))
      throw Problem(Problem::Kind::invalid, user->text("email") +
                                                " is deactivated. Let them in again with: dispatch user "
                                                "update --activate " +
                                                user->text("email"));
    const auto userId = user->integer("id");
    const auto membership = session.one(
        "SELECT organization.id AS id FROM organization JOIN user_organization ON "
        "organization_id = organization.id WHERE slug = ? AND user_id = ?",
        {slug, userId});
    if (!membership)
      throw Problem(Problem::Kind::notFound,
                    user->text("email") + " is no member of an organization \"" + slug +
                        "\". Make them one with: dispatch user update --role Member --organization " + slug +
                        " " + user->text("email"));
    const auto organizationId = membership->integer("id");
    const auto moment = now();
    session.execute("DELETE FROM login_link WHERE user_id = ? OR expires_at < ?",
                    {userId, dispatch::toText(moment)});
    session.insert("login_link", {{"token_hash", digestHex(token)},
                                  {"user_id", userId},
                                  {"organization_id", organizationId},
                                  {"created_at", dispatch::toText(moment)},
                                  {"expires_at", dispatch::toText(moment + lifetime)}});
    auditUser(session, organizationId, actor, email, "user.login_link", userId,
              {{"minutes", lifetime.count()}});
  });
  return token;
}

Admission LoginLinks::redeem(std::string_view token, std::int64_t organizationId,
                             const std::string& address) {
  std::optional<Admission> admission;
  _database.transact([&](store::Session& session) {
    admission.reset();
    const auto row = session.one(
        "SELECT login_link.id AS id, user_id, email, is_active, expires_at FROM login_link"
        " JOIN dispatch_user ON dispatch_user.id = user_id WHERE token_hash = ? AND organization_id = ?",
        {digestHex(token), organizationId});
    if (!row) return;
    // Of two who come with it at once, the one whose DELETE finds it.
    if (session.execute("DELETE FROM login_link WHERE id = ?", {row->integer("id")}) != 1) return;
    if (!row->boolean("is_active") || parseInstant(row->text("expires_at")).value_or(Instant()) <= now())
      return;
    const auto userId = row->integer("user_id");
    session.execute("UPDATE dispatch_user SET last_login_at = ? WHERE id = ?", {nowText(), userId});
    auditUser(session, organizationId, "", row->text("email"), "login.link", userId, {{"address", address}});
    admission = Admission{userId, row->text("email")};
  });
  if (!admission)
    throw Problem(Problem::Kind::unauthorized,
                  "This link is not good: it was used, it is too old, or a newer one was made. The operator "
                  "makes another one with: dispatch user login-link EMAIL",
                  {"body", "token"});
  return *admission;
}

}  // namespace dispatch::auth
