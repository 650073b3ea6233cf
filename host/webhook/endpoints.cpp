#include "webhook/endpoints.hpp"

#include "base/base.hpp"

namespace dispatch::webhook {

namespace {

constexpr std::size_t tokenBytes = 32;  // 256 bit
constexpr std::size_t tokenText = 43;

store::Row needInstance(store::Session& session, std::int64_t instanceId) {
  auto row = session.one(
      "SELECT i.organization_id, i.plugin_slug, o.slug FROM plugin_instance i JOIN organization o "
      "ON o.id = i.organization_id WHERE i.id = ?",
      {instanceId});
  if (!row)
    throw Problem(Problem::Kind::notFound, "There is no plugin instance " + std::to_string(instanceId));
  return std::move(*row);
}

std::string pathOf(const store::Row& instance, std::string_view token) {
  return "/api/v1/" + instance.text("slug") + "/events/" + instance.text("plugin_slug") + "/" +
         std::string(token);
}

config::SealedPlace placeOf(std::int64_t instanceId) { return {"plugin_webhook", instanceId, "/token"}; }

}  // namespace

std::string Endpoints::store(store::Session& session, std::int64_t instanceId, std::int64_t organizationId) {
  const std::string token = randomToken(tokenBytes);
  session.execute("DELETE FROM plugin_webhook WHERE plugin_instance_id = ?", {instanceId});
  session.insert("plugin_webhook", {{"organization_id", organizationId},
                                    {"plugin_instance_id", instanceId},
                                    {"token_hash", digestHex(token)},
                                    {"token", _envelope.seal(token, placeOf(instanceId))},
                                    {"created_at", nowText()}});
  return token;
}

std::string Endpoints::path(std::int64_t instanceId) {
  constexpr const char* kFind = "SELECT token FROM plugin_webhook WHERE plugin_instance_id = ?";
  auto instance = needInstance(*_database.session(), instanceId);
  auto row = _database.session()->one(kFind, {instanceId});
  if (!row) {
    _database.transact([&](store::Session& session) {
      // Two who ask first: the second finds what the first made.
      session.one("SELECT id FROM plugin_instance WHERE id = ?" +
                      std::string(session.dialect() == store::Dialect::postgresql ? " FOR UPDATE" : ""),
                  {instanceId});
      if (!session.one(kFind, {instanceId})) store(session, instanceId, instance.integer("organization_id"));
    });
    row = _database.session()->one(kFind, {instanceId});
    if (!row) throw Problem(Problem::Kind::conflict, "The address was changed at this moment; ask again");
  }
  return pathOf(instance, _envelope.open(row->text("token"), placeOf(instanceId)).reveal());
}

std::string Endpoints::rotate(std::int64_t instanceId, const std::string& actor) {
  std::string path;
  _database.transact([&](store::Session& session) {
    const auto instance = needInstance(session, instanceId);
    const auto organizationId = instance.integer("organization_id");
    path = pathOf(instance, store(session, instanceId, organizationId));
    store::writeAudit(session, {organizationId,
                                actor,
                                "plugin.webhook.rotate",
                                "plugin_instance:" + std::to_string(instanceId),
                                {{"plugin", instance.text("plugin_slug")}}});
  });
  return path;
}

std::optional<Endpoints::Found> Endpoints::find(std::int64_t organizationId, const std::string& pluginId,
                                                std::string_view token) {
  if (token.size() != tokenText) return std::nullopt;
  // Found by its digest: how long the search takes tells nothing of the token.
  const auto row = _database.session()->one(
      "SELECT i.id FROM plugin_webhook w JOIN plugin_instance i ON i.id = w.plugin_instance_id "
      "WHERE w.token_hash = ? AND i.organization_id = ? AND i.plugin_slug = ? AND i.enabled = ?",
      {digestHex(token), organizationId, pluginId, true});
  if (!row) return std::nullopt;
  return Found{row->integer("id"), organizationId};
}

}  // namespace dispatch::webhook
