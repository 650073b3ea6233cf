#include "webhook/deliveries.hpp"

#include "base/base.hpp"
#include "webhook/packed.hpp"

namespace dispatch::webhook {

namespace {

using std::chrono::hours;

constexpr hours retention{24 * 30};
constexpr hours retentionOfRefused{24};
constexpr std::size_t shownBytes = 300;  // of path and reason
constexpr std::int64_t keptRefused = 1000,
                       keptFailed = 200;  // of one instance, the latter with their requests

config::SealedPlace placeOf(std::int64_t id) { return {"webhook_delivery", id, "/request"}; }

/// For people, and for a text column: one line of UTF-8.
std::string shown(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, shownBytes))
    line += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f ? '?' : c;
  return line;
}

store::Value orNull(const std::string& text) { return text.empty() ? store::Value() : store::Value(text); }

}  // namespace

std::int64_t Deliveries::add(std::int64_t organizationId, std::int64_t instanceId,
                             const plugin::WebhookRequest& request, bool take) {
  const std::string bytes = pack(request);
  return _database.transactReturning<std::int64_t>([&](store::Session& session) {
    const auto moment = now();
    const std::int64_t id = session.insert(
        "webhook_delivery", {{"organization_id", organizationId},
                             {"plugin_instance_id", instanceId},
                             {"method", shown(request.method)},
                             {"path", shown(request.path)},
                             {"peer_address", shown(request.peerAddress)},
                             {"body_bytes", static_cast<std::int64_t>(request.body.size())},
                             {"state", std::string(take ? state::kRunning : state::kWaiting)},
                             {"attempt", std::int64_t{take ? 1 : 0}},
                             {"next_try_at", take ? store::Value() : store::Value(toText(moment))},
                             {"lease_owner", take ? store::Value(_owner) : store::Value()},
                             {"lease_until", take ? store::Value(toText(moment + _lease)) : store::Value()},
                             {"received_at", toText(moment)}});
    // Sealed for this row and no other; that needs its id.
    session.update("webhook_delivery", id, {{"request", _envelope.seal(bytes, placeOf(id))}});
    return id;
  });
}

std::int64_t Deliveries::waiting(std::int64_t instanceId) {
  return _database.session()
      ->one("SELECT count(*) AS n FROM webhook_delivery WHERE state = 'waiting' AND plugin_instance_id = ?",
            {instanceId})
      ->integer("n");
}

std::vector<Deliveries::Taken> Deliveries::takeDue(int most, const std::map<std::int64_t, int>& has,
                                                   int attempts) {
  const std::string due =
      "((state = 'waiting' AND next_try_at <= ?) OR (state = 'running' AND lease_until < ?))";
  std::vector<Taken> all;
  const std::string moment = nowText();
  giveUp(attempts, moment);
  // By instance, so that one with many holds up no other.
  for (const auto& instance : _database.session()->query(
           "SELECT DISTINCT plugin_instance_id FROM webhook_delivery WHERE " + due, {moment, moment})) {
    const auto instanceId = instance.integer("plugin_instance_id");
    const auto found = has.find(instanceId);
    const int room = most - (found == has.end() ? 0 : found->second);
    if (room <= 0) continue;
    for (const auto& row :
         _database.session()->query("SELECT id FROM webhook_delivery WHERE plugin_instance_id = ? AND " +
                                        due + " ORDER BY id LIMIT ?",
                                    {instanceId, moment, moment, std::int64_t{room}}))
      if (auto taken = take(row.integer("id"), due, moment)) all.push_back(std::move(*taken));
  }
  return all;
}

/// Of several hosts, the one whose UPDATE finds it.
std::optional<Deliveries::Taken> Deliveries::take(std::int64_t id, const std::string& due,
                                                  const std::string& moment) {
  const auto rows = _database.session()->query(
      "UPDATE webhook_delivery SET state = 'running', attempt = attempt + 1, lease_owner = ?, lease_until = "
      "?, "
      "next_try_at = NULL WHERE id = ? AND " +
          due + " RETURNING plugin_instance_id, attempt, request",
      {_owner, toText(now() + _lease), id, moment, moment});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows.front();
  try {
    Taken taken{id, row.integer("plugin_instance_id"),
                unpack(_envelope.open(row.text("request"), placeOf(id)).reveal())};
    taken.request.attempt = static_cast<std::uint32_t>(row.integer("attempt"));
    return taken;
  } catch (const Problem& problem) {
    end(id, {state::kFailed, 0, problem.what()});
    return std::nullopt;
  }
}

void Deliveries::extendLeases(const std::vector<std::int64_t>& ids) {
  store::Values values{toText(now() + _lease), _owner};
  std::string places;
  for (const auto id : ids) {
    places += places.empty() ? "?" : ", ?";
    values.emplace_back(id);
  }
  _database.session()->execute(
      "UPDATE webhook_delivery SET lease_until = ? WHERE lease_owner = ? AND id IN (" + places + ")", values);
}

/// What was begun so often and never ended may be what ends the servers.
void Deliveries::giveUp(int attempts, const std::string& leasesUntil) {
  _database.session()->execute(
      "UPDATE webhook_delivery SET state = 'failed', response_status = 202, reason = ?, finished_at = ?, "
      "delivery_id = NULL, lease_owner = NULL, lease_until = NULL WHERE state = 'running' AND lease_until < "
      "? AND "
      "attempt >= ?",
      {"Given up: " + std::to_string(attempts) + " attempts came to no end.", nowText(), leasesUntil,
       std::int64_t{attempts}});
}

void Deliveries::takeBackAll(int attempts) {
  giveUp(attempts, toText(now() + _lease * 2));
  // What was tried before may be what ended the server: that one waits a little.
  _database.session()->execute(
      "UPDATE webhook_delivery SET state = 'waiting', next_try_at = CASE WHEN attempt < 3 THEN ? ELSE ? END, "
      "lease_owner = NULL, lease_until = NULL WHERE state = 'running'",
      {nowText(), toText(now() + std::chrono::seconds(60))});
}

std::optional<Deliveries::Holder> Deliveries::claim(std::int64_t id, std::int64_t instanceId,
                                                    const std::string& deliveryId) {
  for (int round = 0; round < 3; ++round) {
    try {
      if (_database.session()->execute(
              "UPDATE webhook_delivery SET delivery_id = ? WHERE id = ? AND lease_owner = ?",
              {deliveryId, id, _owner}) == 0)
        throw Problem(Problem::Kind::unavailable, "Another server has taken it over");
      return std::nullopt;
    } catch (const Problem& problem) {
      if (problem.kind() != Problem::Kind::conflict) throw;
    }
    // Gone again where the other one has just been refused: then it is free.
    if (const auto row = _database.session()->one("SELECT id, state, response_status FROM webhook_delivery "
                                                  "WHERE plugin_instance_id = ? AND delivery_id = ?",
                                                  {instanceId, deliveryId}))
      return Holder{row->integer("id"), row->text("state"),
                    static_cast<int>(row->integer("response_status"))};
  }
  throw Problem(Problem::Kind::unavailable, "Several deliveries with the same id come at once");
}

void Deliveries::end(std::int64_t id, const Ending& ending) {
  const bool waits = ending.state == state::kWaiting;
  const bool keeps = waits || ending.state == state::kFailed;
  // What was not accepted does not stand in the way of a right delivery with its id.
  const bool free = ending.state == state::kRefused || ending.state == state::kFailed;
  _database.session()->execute(
      std::string("UPDATE webhook_delivery SET state = ?, response_status = ?, reason = ?, next_try_at = ?, "
                  "finished_at = ?, lease_owner = NULL, lease_until = NULL") +
          (keeps ? "" : ", request = NULL") + (free ? ", delivery_id = NULL" : "") +
          " WHERE id = ? AND lease_owner = ?",
      {ending.state,
       ending.responseStatus == 0 ? store::Value() : store::Value(std::int64_t{ending.responseStatus}),
       orNull(ending.reason), orNull(ending.nextTryAt), waits ? store::Value() : store::Value(nowText()), id,
       _owner});
  if (ending.state != state::kFailed) return;
  _database.session()->execute(
      "UPDATE webhook_delivery SET request = NULL WHERE state = 'failed' AND request IS NOT NULL AND "
      "plugin_instance_id = (SELECT plugin_instance_id FROM webhook_delivery WHERE id = ?) AND id <= "
      "(SELECT id FROM webhook_delivery WHERE state = 'failed' AND plugin_instance_id = "
      "(SELECT plugin_instance_id FROM webhook_delivery WHERE id = ?) ORDER BY id DESC LIMIT 1 OFFSET ?)",
      {id, id, keptFailed});
}

Json Deliveries::list(std::int64_t instanceId, int most) {
  Json all = Json::array();
  for (const auto& row : _database.session()->query(
           "SELECT id, delivery_id, method, path, peer_address, body_bytes, state, attempt, next_try_at, "
           "response_status, reason, received_at, finished_at, CASE WHEN request IS NULL THEN 0 ELSE 1 END "
           "AS kept FROM "
           "webhook_delivery WHERE plugin_instance_id = ? ORDER BY id DESC LIMIT ?",
           {instanceId, std::int64_t{most}})) {
    Json one = Json::object();
    for (std::size_t i = 0; i + 1 < row.size(); ++i) one[row.name(i)] = store::toJson(row.at(i));
    const auto now = row.text("state");
    one["retryable"] = row.integer("kept") != 0 && (now == state::kWaiting || now == state::kFailed);
    all.push_back(std::move(one));
  }
  return all;
}

void Deliveries::retry(std::int64_t instanceId, std::int64_t id, const std::string& actor) {
  _database.transact([&](store::Session& session) {
    const auto row = session.one(
        "SELECT organization_id, state FROM webhook_delivery WHERE id = ? AND plugin_instance_id = ?",
        {id, instanceId});
    if (!row)
      throw Problem(Problem::Kind::notFound, "This plugin has no delivery " + std::to_string(id) +
                                                 "; ended ones are removed after 30 days");
    if (session.execute("UPDATE webhook_delivery SET state = 'waiting', next_try_at = ?, finished_at = NULL "
                        "WHERE id = ? AND state IN ('waiting', 'failed') AND request IS NOT NULL",
                        {nowText(), id}) == 0)
      throw Problem(Problem::Kind::conflict,
                    "Delivery " + std::to_string(id) + " is " + row->text("state") +
                        "; only those that wait, or are among the last 200 that have "
                        "failed, can be tried again");
    store::writeAudit(session, {row->integer("organization_id"),
                                actor,
                                "plugin.webhook.retry",
                                "webhook_delivery:" + std::to_string(id),
                                {{"plugin_instance", instanceId}}});
  });
}

std::int64_t removeOldDeliveries(store::Database& database) {
  const auto session = database.session();
  auto removed = session->execute(
      "DELETE FROM webhook_delivery WHERE finished_at < ? OR (state = 'refused' AND finished_at < ?)",
      {toText(now() - retention), toText(now() - retentionOfRefused)});
  for (const auto& row :
       session->query("SELECT plugin_instance_id FROM webhook_delivery WHERE state = 'refused' "
                      "GROUP BY plugin_instance_id HAVING count(*) > ?",
                      {keptRefused})) {
    const auto instance = row.integer("plugin_instance_id");
    removed += session->execute(
        "DELETE FROM webhook_delivery WHERE state = 'refused' AND plugin_instance_id = ? AND id <= (SELECT "
        "id FROM "
        "webhook_delivery WHERE state = 'refused' AND plugin_instance_id = ? ORDER BY id DESC LIMIT 1 OFFSET "
        "?)",
        {instance, instance, keptRefused});
  }
  return removed;
}

}  // namespace dispatch::webhook
