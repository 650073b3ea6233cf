#include "cli/outside_services.hpp"

#include "base/base.hpp"

#include <algorithm>
#include <cctype>

namespace dispatch::cli {

namespace {

constexpr std::int64_t mostKeys = 1000;
// The provider asks for more unless a second factor follows; below this nobody may go.
constexpr std::size_t leastLength = 8;
constexpr std::size_t longestKey = 256, longestValue = 64 * 1024;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// One instance's keys; a plugin of the whole host has none and shares by its id.
std::string scoped(const plugin::Scope& scope) {
  return scope.instanceId == 0 ? "plugin_slug = ? AND instance_id IS NULL"
                               : "plugin_slug = ? AND instance_id = ?";
}
store::Values scopeValues(const plugin::Scope& scope) {
  store::Values values{scope.pluginId};
  if (scope.instanceId != 0) values.emplace_back(scope.instanceId);
  return values;
}
store::Values with(store::Values values, store::Value value) {
  values.push_back(std::move(value));
  return values;
}

/// Known members of a row; nulls and empty texts are left out.
Json object(const store::Row& row, std::initializer_list<const char*> names) {
  Json result = Json::object();
  for (const char* name : names) {
    const Json value = store::toJson(row[name]);
    if (!value.is_null() && value != "") result[name] = value;
  }
  return result;
}

store::AuditEntry auditOf(const plugin::Scope& scope, const std::string& action, const std::string& subject,
                          const Json& details) {
  return {scope.organizationId, "plugin:" + scope.pluginId, action, subject, details, nowText()};
}

}  // namespace

void OutsideServices::bind(store::Database& database, auth::Accounts& accounts, const store::Models& models) {
  _models = &models;
  _accounts = &accounts;
  _database = &database;
}

void OutsideServices::unbind() {
  std::unique_ptr<AuditWriter> last;
  {
    const std::lock_guard lock(_auditMutex);
    last = std::move(_audit);
    _database = nullptr;
  }
  last.reset();
  _accounts = nullptr;
  _models = nullptr;
}

store::Database& OutsideServices::database() {
  if (auto* database = _database.load()) return *database;
  throw Problem(Problem::Kind::unavailable, "The database is not open yet: a secret provider runs before it")
      .withRetryAfter(1000);
}

auth::Accounts& OutsideServices::accounts() {
  database();
  return *_accounts.load();
}

std::optional<std::string> OutsideServices::kvGet(const plugin::Scope& scope, const std::string& key) {
  const auto row =
      database().session()->one("SELECT value FROM plugin_kv WHERE " + scoped(scope) + " AND \"key\" = ?",
                                with(scopeValues(scope), key));
  return row ? std::optional(row->text("value")) : std::nullopt;
}

void OutsideServices::kvPut(const plugin::Scope& scope, const std::string& key, const std::string& value) {
  if (key.empty() || key.size() > longestKey)
    throw Problem(Problem::Kind::tooLarge, "A key must have 1 to 256 bytes");
  if (value.size() > longestValue) throw Problem(Problem::Kind::tooLarge, "A value may have at most 64 KiB");
  database().transact([&](store::Session& session) {
    if (session.execute(
            "UPDATE plugin_kv SET value = ?, updated_at = ? WHERE " + scoped(scope) + " AND \"key\" = ?",
            [&] {
              store::Values values{value, nowText()};
              for (auto& part : scopeValues(scope)) values.push_back(std::move(part));
              values.emplace_back(key);
              return values;
            }()) > 0)
      return;
    const auto count =
        session.one("SELECT count(*) AS n FROM plugin_kv WHERE " + scoped(scope), scopeValues(scope));
    if (count->integer("n") >= mostKeys)
      throw Problem(Problem::Kind::tooLarge, "A plugin instance may keep at most 1,000 keys");
    session.insert("plugin_kv",
                   {{"plugin_slug", scope.pluginId},
                    {"instance_id", scope.instanceId == 0 ? store::Value() : store::Value(scope.instanceId)},
                    {"key", key},
                    {"value", value},
                    {"updated_at", nowText()}});
  });
}

void OutsideServices::kvRemove(const plugin::Scope& scope, const std::string& key) {
  database().session()->execute("DELETE FROM plugin_kv WHERE " + scoped(scope) + " AND \"key\" = ?",
                                with(scopeValues(scope), key));
}

std::vector<std::string> OutsideServices::kvList(const plugin::Scope& scope, const std::string& prefix) {
  std::vector<std::string> keys;
  for (const auto& row : database().session()->query("SELECT \"key\" FROM plugin_kv WHERE " + scoped(scope),
                                                     scopeValues(scope)))
    if (auto key = row.text("key"); key.starts_with(prefix)) keys.push_back(std::move(key));
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool OutsideServices::matches(store::Session& session, const char* joinTable, const char* column,
                              std::int64_t id, std::int64_t incidentId) {
  const store::Models& models = *_models.load();
  const store::Model* incident = models.find("Incident");
  for (const auto& row : session.query(
           std::string("SELECT expression FROM search_filter JOIN ") + joinTable +
               " ON search_filter_id = search_filter.id WHERE enabled = ? AND subject = 'incident' AND " +
               column + " = ? ORDER BY search_filter.id",
           {true, id})) {
    const auto match =
        store::buildMatch(models, *incident, row.json("expression"), incidentId, session.dialect());
    const auto counted = session.query(match.countSql, match.parameters);
    if (!counted.empty() && counted.front().size() > 0 &&
        counted.front().at(0) != store::Value(std::int64_t{0}))
      return true;
  }
  return false;
}

Json OutsideServices::directory(const plugin::Scope& scope, const std::string& what, const Json& query) {
  if (scope.projectId == 0)
    throw Problem(Problem::Kind::invalid,
                  "A plugin of the whole host belongs to no project and has no directory");
  const auto session = database().session();
  if (what == "project") {
    const auto row = session->one(
        "SELECT project.id AS id, project.name AS name, display_name, project.description AS description,"
        " organization.slug AS organization FROM project JOIN organization ON organization.id = "
        "organization_id"
        " WHERE project.id = ?",
        {scope.projectId});
    if (!row) throw Problem(Problem::Kind::notFound, "The project is not there any more");
    return Json::array({object(*row, {"id", "name", "display_name", "description", "organization"})});
  }
  struct Kind {
    const char* sql;
    const char* joinTable;
    const char* column;
    std::initializer_list<const char*> members;
  };
  static const std::initializer_list<const char*> ofIndividual{"id",      "name", "email",   "title",
                                                               "company", "team", "weblink", "is_active"};
  static const std::initializer_list<const char*> ofTeam{"id", "name", "email", "company", "is_active"};
  static const std::initializer_list<const char*> ofService{"id", "name", "external_id", "type", "is_active"};
  Kind kind;
  if (what == "individuals") {
    kind = {
        "SELECT individual_contact.id AS id, individual_contact.name AS name, individual_contact.email AS "
        "email, title,"
        " individual_contact.company AS company, team_contact.name AS team, weblink, "
        "individual_contact.is_active AS is_active"
        " FROM individual_contact LEFT JOIN team_contact ON team_contact.id = team_contact_id"
        " WHERE individual_contact.project_id = ?",
        "individual_contact_filter", "individual_contact_id", ofIndividual};
  } else if (what == "teams") {
    kind = {"SELECT id, name, email, company, is_active FROM team_contact WHERE project_id = ?",
            "team_contact_filter", "team_contact_id", ofTeam};
  } else if (what == "services") {
    kind = {"SELECT id, name, external_id, type, is_active FROM service WHERE project_id = ?",
            "service_filter", "service_id", ofService};
  } else {
    throw Problem(Problem::Kind::invalid,
                  "The directory answers individuals, teams, services and project, not \"" + what + "\"");
  }
  const auto integer = [&](const char* name, std::int64_t fallback) {
    const auto found = query.is_object() ? query.find(name) : query.end();
    if (!query.is_object() || found == query.end()) return fallback;
    if (!found->is_number_integer())
      throw Problem(Problem::Kind::invalid, std::string(name) + " must be a whole number");
    return found->get<std::int64_t>();
  };
  const auto limit = std::clamp<std::int64_t>(integer("limit", 100), 1, 1000);
  const auto incidentId = integer("matching_incident", 0);
  if (incidentId != 0 &&
      !session->one("SELECT id FROM incident WHERE id = ? AND project_id = ?", {incidentId, scope.projectId}))
    throw Problem(Problem::Kind::notFound,
                  "There is no incident " + std::to_string(incidentId) + " in this project");
  std::string sql = kind.sql;
  store::Values values{scope.projectId};
  const std::string email = query.is_object() ? lower(textOr(query, "email")) : "";
  if (!email.empty()) {
    if (what == "services") return Json::array();
    sql += what == "individuals" ? " AND lower(individual_contact.email) = ?" : " AND lower(email) = ?";
    values.emplace_back(email);
  }
  sql += what == "individuals" ? " ORDER BY individual_contact.id" : " ORDER BY id";
  Json found = Json::array();
  for (const auto& row : session->query(sql, values)) {
    if (static_cast<std::int64_t>(found.size()) >= limit) break;
    if (incidentId != 0) {
      if (!row.boolean("is_active") ||
          !matches(*session, kind.joinTable, kind.column, row.integer("id"), incidentId))
        continue;
    }
    Json entry = object(row, kind.members);
    if (!entry.contains("name"))
      entry["name"] = row.size() > 2 && entry.contains("email") ? entry["email"] : Json("");
    found.push_back(std::move(entry));
  }
  return found;
}

plugin::Outside::Verdict OutsideServices::verifyCredential(const std::string& account,
                                                           std::string_view password) {
  switch (accounts().verify(account, password)) {
    case auth::Passwords::Verdict::right:
    case auth::Passwords::Verdict::rightButOld:
      return Verdict::right;
    case auth::Passwords::Verdict::busy:
      return Verdict::busy;
    case auth::Passwords::Verdict::wrong:
      break;
  }
  return Verdict::wrong;
}

void OutsideServices::createCredential(const std::string& account, std::string_view password) {
  auth::Passwords::checkPolicy(password, account, leastLength);
  accounts().create(account, password, 0);  // a member of where they first log in, which is what follows
}

void OutsideServices::replaceCredential(const std::string& account, std::string_view password) {
  auth::Passwords::checkPolicy(password, account, leastLength);
  accounts().setPassword(account, password);
}

void OutsideServices::bindEvents(incident::Incidents* incidents) {
  const std::unique_lock lock(_eventsMutex);
  _incidents = incidents;
}

Json OutsideServices::submitEvent(const plugin::Scope& scope, const plugin::Event& event) {
  const std::shared_lock lock(_eventsMutex);
  if (_incidents == nullptr)
    throw Problem(Problem::Kind::unavailable, "The server is starting or stopping").withRetryAfter(1000);
  return _incidents->submit(scope, event);
}

void OutsideServices::recordAudit(const plugin::Scope& scope, const std::string& action,
                                  const std::string& subject, const Json& details) {
  store::writeAudit(*database().session(), auditOf(scope, action, subject, details));
}

void OutsideServices::audit(const plugin::Scope& scope, const std::string& what, const Json& details) {
  const std::lock_guard lock(_auditMutex);
  auto* database = _database.load();
  if (database == nullptr) return;  // a secret provider runs before it; its host's log has the line
  if (!_audit) _audit = std::make_unique<AuditWriter>(*database);
  _audit->add(auditOf(scope, what, "plugin_instance:" + std::to_string(scope.instanceId), details));
}

}  // namespace dispatch::cli
