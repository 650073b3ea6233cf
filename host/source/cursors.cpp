#include "source/cursors.hpp"

#include "base/base.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace dispatch::source {

namespace {

const std::string due = "next_poll_at <= ? AND (lease_owner IS NULL OR lease_until < ?)";

}  // namespace

std::vector<Cursors::Taken> Cursors::takeDue(const std::vector<Known>& instances, std::size_t most) {
  std::vector<Taken> all;
  if (instances.empty() || most == 0) return all;
  const std::string moment = nowText();
  struct Row {
    std::string nextAt;
    bool due = true;
  };
  std::map<std::int64_t, Row> rows;
  for (const auto& row : _database.session()->query("SELECT plugin_instance_id, next_poll_at, CASE WHEN " +
                                                        due + " THEN 1 ELSE 0 END AS due FROM plugin_source",
                                                    {moment, moment}))
    rows[row.integer("plugin_instance_id")] = {row.text("next_poll_at"), row.integer("due") != 0};
  std::vector<std::pair<std::string, std::int64_t>> waiting;
  for (const auto& [instanceId, organizationId] : instances) {
    const auto found = rows.find(instanceId);
    if (found == rows.end())
      _database.session()->execute(
          "INSERT INTO plugin_source (organization_id, plugin_instance_id, next_poll_at) VALUES (?, ?, ?) ON "
          "CONFLICT "
          "(plugin_instance_id) DO NOTHING",
          {organizationId, instanceId, moment});
    if (found == rows.end() || found->second.due)
      waiting.emplace_back(found == rows.end() ? moment : found->second.nextAt, instanceId);
  }
  std::sort(waiting.begin(), waiting.end());
  for (const auto& [nextAt, instanceId] : waiting) {
    if (all.size() == most) break;
    try {
      if (auto taken = take(instanceId, moment)) all.push_back(std::move(*taken));
    } catch (const std::exception&) {
      if (all.empty()) throw;
      break;  // what was taken is to be asked
    }
  }
  return all;
}

/// Of several servers, the one whose UPDATE finds it.
std::optional<Cursors::Taken> Cursors::take(std::int64_t instanceId, const std::string& moment) {
  const auto rows = _database.session()->query(
      "UPDATE plugin_source SET lease_owner = ?, lease_until = ? WHERE plugin_instance_id = ? AND " + due +
          " RETURNING \"cursor\", asked, started_over, failures",
      {_owner, toText(now() + _lease), instanceId, moment, moment});
  if (rows.empty()) return std::nullopt;
  const auto& row = rows.front();
  return Taken{instanceId, row.text("cursor"), row.integer("asked"), row.integer("started_over"),
               static_cast<int>(row.integer("failures"))};
}

bool Cursors::advance(Taken& taken, const std::string& cursor, const std::optional<std::string>& nextAt) {
  const auto rows = _database.session()->query(
      "UPDATE plugin_source SET \"cursor\" = CASE WHEN started_over = ? THEN ? ELSE \"cursor\" END, "
      "next_poll_at = CASE "
      "WHEN asked = ? THEN ? ELSE next_poll_at END, polls = polls + 1, failures = 0, last_polled_at = ?, "
      "last_error = "
      "NULL, lease_owner = ?, lease_until = ? WHERE plugin_instance_id = ? AND lease_owner = ? RETURNING "
      "\"cursor\", "
      "asked, started_over",
      {taken.startedOver, cursor, taken.asked, nextAt.value_or(nowText()), nowText(),
       nextAt ? store::Value() : store::Value(_owner),
       nextAt ? store::Value() : store::Value(toText(now() + _lease)), taken.instanceId, _owner});
  if (rows.empty()) return false;
  taken.cursor = rows.front().text("cursor");
  taken.asked = rows.front().integer("asked");
  taken.startedOver = rows.front().integer("started_over");
  taken.failures = 0;
  return true;
}

void Cursors::failed(const Taken& taken, const std::string& reason, const std::string& nextAt) {
  _database.session()->execute(
      "UPDATE plugin_source SET polls = polls + 1, failures = failures + 1, last_polled_at = ?, last_error = "
      "?, "
      "next_poll_at = CASE WHEN asked = ? THEN ? ELSE next_poll_at END, lease_owner = NULL, lease_until = "
      "NULL "
      "WHERE plugin_instance_id = ? AND lease_owner = ?",
      {nowText(), repairedUtf8(reason), taken.asked, nextAt, taken.instanceId, _owner});
}

void Cursors::giveBack(std::int64_t instanceId) {
  _database.session()->execute(
      "UPDATE plugin_source SET lease_owner = NULL, lease_until = NULL WHERE plugin_instance_id = ? AND "
      "lease_owner = ?",
      {instanceId, _owner});
}

void Cursors::extendLeases(const std::vector<std::int64_t>& instanceIds) {
  for (const auto id : instanceIds)
    _database.session()->execute(
        "UPDATE plugin_source SET lease_until = ? WHERE plugin_instance_id = ? AND lease_owner = ?",
        {toText(now() + _lease), id, _owner});
}

void Cursors::takeBackAll() {
  _database.session()->execute(
      "UPDATE plugin_source SET lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL", {});
}

void Cursors::pollNow(std::int64_t instanceId, bool startOver, const std::string& actor) {
  _database.transact([&](store::Session& session) {
    const auto row =
        session.one("SELECT organization_id FROM plugin_source WHERE plugin_instance_id = ?", {instanceId});
    if (!row)
      throw Problem(Problem::Kind::notFound,
                    "This plugin has never been asked what came: it is no source, or it never ran");
    session.execute(std::string("UPDATE plugin_source SET next_poll_at = ?, asked = asked + 1") +
                        (startOver ? ", \"cursor\" = '', started_over = started_over + 1" : "") +
                        " WHERE plugin_instance_id = ?",
                    {nowText(), instanceId});
    if (!startOver) return;
    store::writeAudit(session, {row->integer("organization_id"), actor, "plugin.source.start_over",
                                "plugin_instance:" + std::to_string(instanceId)});
  });
}

Json Cursors::show(std::int64_t instanceId) {
  const auto session = _database.session();
  const auto row = session->one(
      "SELECT next_poll_at, CASE WHEN lease_until >= ? THEN 1 ELSE 0 END AS polling, polls, failures, "
      "last_polled_at, last_error FROM plugin_source WHERE plugin_instance_id = ?",
      {nowText(), instanceId});
  if (!row) return nullptr;
  const auto told = session->one(
      "SELECT count(*) AS n, max(created_at) AS last FROM plugin_event WHERE plugin_instance_id = ?",
      {instanceId});
  return {{"next_poll_at", row->text("next_poll_at")},
          {"polling", row->integer("polling") != 0},
          {"polls", row->integer("polls")},
          {"failures", row->integer("failures")},
          {"last_polled_at", store::toJson((*row)["last_polled_at"])},
          {"last_error", store::toJson((*row)["last_error"])},
          {"events", told->integer("n")},
          {"last_event_at", store::toJson((*told)["last"])}};
}

}  // namespace dispatch::source
