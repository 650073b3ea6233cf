#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/changes.hpp"
#include "incident/flows.hpp"
#include "incident/incident.hpp"
#include "incident/mail.hpp"
#include "incident/people.hpp"
#include "incident/permissions.hpp"
#include "incident/reference.hpp"
#include "incident/timeline.hpp"

#include <algorithm>

namespace dispatch::incident {
namespace {

/// One update under way: what changes, and what people and plugins will be told.
class Update {
 public:
  Update(const Context& context, store::Session& session, const auth::Principal& who, Subject before,
         const Json& body)
      : _context(context), _session(session), _who(who), _before(std::move(before)), _body(body) {
    _by = authorOf(session, _before.projectId, who);
  }

  void run() {
    const std::string status =
        optionalChoice(_body, "status", {"Active", "Stable", "Closed"}).value_or(_before.status);
    texts();
    settings(status);
    tags();
    instants();
    duplicates();
    if (status != _before.status) transition(status);
    const bool changed = _touched || !_columns.empty();
    if (changed) {
      _columns.emplace_back("version", _before.version + 1);
      _columns.emplace_back("updated_at", nowText());
      _session.update("incident", _before.id, _columns);
    }
    const bool roles = people();
    if (!changed && !roles) return;
    if (!changed)
      _session.update("incident", _before.id, {{"version", _before.version + 1}, {"updated_at", nowText()}});
    publishIncident(_session, _before.organizationId, _before.id, "updated");
    if (_fields.empty()) return;
    const auto after = readSubject(_session, _before.id);
    Json changes = Json::array();
    for (const Change& one : _changes)
      changes.push_back({{"field", one.field}, {"from", one.from}, {"to", one.to}});
    startFlow(_context, _session, *after, status != _before.status ? "incident.status" : "incident.update",
              {{"actor", actorOf(_who)}, {"fields", _fields}, {"changes", std::move(changes)}});
  }

 private:
  void field(const char* column, const store::Value& value, const std::string& description,
             const Json& details) {
    _columns.emplace_back(column, value);
    _fields.push_back(column);
    addToTimeline(_session, _before.organizationId, _before.id,
                  {.description = _by + " " + description,
                   .type = event_type::kFieldUpdated,
                   .source = sourceOf(_who),
                   .owner = _by,
                   .details = details});
  }

  void texts() {
    if (_body.contains("title"))
      if (const std::string text = requiredText(_body, "title", 512); text != _before.title)
        field("title", text, "changed the title", {{"title", text}, {"before", _before.title}});
    if (_body.contains("description"))
      if (const std::string text = requiredText(_body, "description"); text != _before.description)
        field("description", text, "changed the description",
              {{"description", text}, {"before", _before.description}});
    if (const auto text = optionalText(_body, "resolution"); text && *text != _before.resolution)
      field("resolution", *text, "changed the resolution", {{"resolution", *text}});
    if (const auto text = optionalText(_body, "summary"); text && *text != _before.summary)
      field("summary", *text, "changed the summary", {{"summary", *text}});
    if (const auto text = optionalChoice(_body, "visibility", {"Open", "Restricted"});
        text && *text != _before.visibility)
      field("visibility", *text, "changed the visibility from " + _before.visibility + " to " + *text,
            {{"visibility", *text}});
    if (const auto text = optionalChoice(_body, "kind", {"real", "test", "drill", "backfilled"});
        text && *text != _before.kind)
      field("kind", *text, "changed the kind from " + _before.kind + " to " + *text, {{"kind", *text}});
  }

  void setting(const char* key, const char* word, const char* title, const Named& before,
               std::optional<std::int64_t> forced = std::nullopt) {
    if (!forced && (!_body.contains(key) || _body.at(key).is_null())) return;
    Json body = _body;
    if (forced) body[key] = {{"id", *forced}};
    const store::Row row = resolveSetting(_session, key, key, _before.projectId, body,
                                          forced ? forced : std::optional(before.id));
    if (row.integer("id") == before.id) return;
    const std::string name = row.text("name");
    field((std::string(key) + "_id").c_str(), row.integer("id"),
          std::string("changed the ") + word + " from " + before.name + " to " + name,
          {{word, name}, {"before", before.name}});
    _fields.back() = key;
    _changes.push_back({title, before.name, name});
  }

  void settings(const std::string& status) {
    setting("incident_type", "type", "Type", _before.type);
    setting("incident_severity", "severity", "Severity", _before.severity);
    const bool steadied = status == "Stable" && _before.status != "Stable";
    setting("incident_priority", "priority", "Priority", _before.priority,
            steadied ? _before.stablePriorityId : std::nullopt);
  }

  void tags() {
    if (!_body.contains("tags") || _body.at("tags").is_null()) return;
    Project project;
    project.id = _before.projectId;
    project.organizationId = _before.organizationId;
    project.name = _before.projectName;
    std::vector<std::int64_t> wanted = resolveTags(_session, project, _body), had;
    for (const Named& tag : _before.tags) had.push_back(tag.id);
    std::sort(wanted.begin(), wanted.end());
    std::sort(had.begin(), had.end());
    if (wanted == had) return;
    _session.execute("DELETE FROM incident_tag WHERE incident_id = ?", {_before.id});
    for (const std::int64_t tag : wanted)
      _session.execute("INSERT INTO incident_tag (incident_id, tag_id) VALUES (?, ?)", {_before.id, tag});
    Json names = Json::array();
    const auto after = readSubject(_session, _before.id);
    for (const Named& tag : after->tags) names.push_back(tag.name);
    addToTimeline(_session, _before.organizationId, _before.id,
                  {.description = _by + " changed the tags",
                   .type = event_type::kFieldUpdated,
                   .source = sourceOf(_who),
                   .owner = _by,
                   .details = {{"tags", names}}});
    _fields.push_back("tags");
    _touched = true;
  }

  void instants() {
    for (const char* column : {"reported_at", "stable_at"}) {
      const auto given = optionalInstant(_body, column);
      const std::string had =
          std::string(column) == "reported_at" ? _before.reportedAt : _before.stableAt.value_or("");
      if (given && *given != had)
        field(column, *given, "changed " + std::string(column) + " to " + *given,
              {{column, *given}, {"before", had}});
    }
    for (const char* column : {"delay_tactical_report_reminder", "delay_executive_report_reminder"}) {
      const auto given = optionalInstant(_body, column);
      if (!given) continue;
      const auto had = _session.one(std::string("SELECT ") + column + " AS value FROM incident WHERE id = ?",
                                    {_before.id});
      if (had->text("value") != *given) _columns.emplace_back(column, *given);
    }
  }

  void duplicates() {
    const auto given = _body.find("duplicates");
    if (given == _body.end() || given->is_null()) return;
    if (!given->is_array()) refuseField({"duplicates"}, "duplicates must be a list of incidents");
    const auto had = _session.one("SELECT duplicate_id FROM incident WHERE id = ?", {_before.id})
                         ->optionalInteger("duplicate_id");
    std::optional<std::int64_t> wanted;
    if (!given->empty()) {
      const Json& first = given->front();
      if (!first.is_object() || !first.contains("id") || !first["id"].is_number_integer())
        refuseField({"duplicates", "0"}, "a duplicate is named by its id");
      wanted = first["id"].get<std::int64_t>();
      if (*wanted == _before.id) refuseField({"duplicates", "0"}, "an incident is no duplicate of itself");
      if (*wanted != had.value_or(0) && !standing(_session, _who, *wanted).mayView())
        refuseField({"duplicates", "0"},
                    "there is no incident with id " + std::to_string(*wanted) + ", or you may not see it");
    }
    if (wanted == had) return;
    field("duplicate_id", wanted ? store::Value(*wanted) : store::Value(),
          wanted ? "marked it as a duplicate of incident " + std::to_string(*wanted)
                 : std::string("took back that it is a duplicate"),
          {{"duplicate", wanted ? Json(*wanted) : Json()}});
  }

  void transition(const std::string& status) {
    const std::string at = nowText();
    field("status", status, "changed the status from " + _before.status + " to " + status,
          {{"status", status}, {"before", _before.status}});
    _changes.insert(_changes.begin(), {"Status", _before.status, status});
    const bool stableGiven = std::find(_fields.begin(), _fields.end(), "stable_at") != _fields.end();
    if (status == "Active") {
      if (!stableGiven) _columns.emplace_back("stable_at", store::Value());
    } else if (!stableGiven && (!_before.stableAt || (status == "Stable" && _before.status == "Active"))) {
      _columns.emplace_back("stable_at", at);
    }
    if (status == "Closed") {
      _columns.emplace_back("closed_at", at);
      _closedAt = at;
    } else if (_before.closed()) {
      _columns.emplace_back("closed_at", store::Value());
      resumeRoles(_session, _before);
    }
  }

  /// Commander and reporter, then the roles that closing ends.
  bool people() {
    bool changed = false;
    const std::pair<const char*, const char*> roles[] = {{"commander", role::kCommander},
                                                         {"reporter", role::kReporter}};
    for (const auto& [key, name] : roles) {
      const auto email = personIn(_body, key);
      const std::string& had =
          std::string(key) == "commander" ? _before.commanderEmail : _before.reporterEmail;
      if (!email || sameAddress(*email, had)) continue;
      if (!giveRole(_session, _before, *email, name, _by)) continue;
      changed = true;
      startFlow(_context, _session, _before, "incident.role",
                {{"actor", actorOf(_who)}, {"email", *email}, {"role", name}});
    }
    if (!_closedAt.empty()) endAllRoles(_session, *readSubject(_session, _before.id), _closedAt);
    return changed;
  }

  static bool sameAddress(const std::string& one, const std::string& other) {
    return one.size() == other.size() &&
           std::equal(one.begin(), one.end(), other.begin(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
  }

  const Context& _context;
  store::Session& _session;
  const auth::Principal& _who;
  const Subject _before;
  const Json& _body;
  std::string _by, _closedAt;
  std::vector<std::pair<std::string, store::Value>> _columns;
  std::vector<std::string> _fields;
  std::vector<Change> _changes;
  bool _touched = false;  ///< something beside the incident's own columns
};

}  // namespace

void changeIncident(const Context& context, store::Session& session, const auth::Principal& who,
                    Subject before, const Json& body) {
  if (!body.is_object()) refuseField({}, "the body must be an object");
  Update(context, session, who, std::move(before), body).run();
  flow::failPoint("incident.before_commit", "update");
}

void Incidents::update(const auth::Principal& who, std::int64_t id, const Json& body,
                       std::optional<std::int64_t> expectedVersion) {
  if (!body.is_object()) refuseField({}, "the body must be an object");
  _context.database.transact([&](store::Session& session) {
    requireEdit(session, who, id);
    auto subject = readSubject(session, id, true);
    if (!subject)
      throw Problem(Problem::Kind::notFound, "No incident with id " + std::to_string(id) + " exists");
    if (expectedVersion && *expectedVersion != subject->version)
      throw Problem(Problem::Kind::conflict,
                    "Incident " + subject->name + " has been changed meanwhile (version " +
                        std::to_string(subject->version) + " instead of " + std::to_string(*expectedVersion) +
                        "). Load it again and decide what to keep.")
          .withType("version");
    changeIncident(_context, session, who, std::move(*subject), body);
  });
}

}  // namespace dispatch::incident
