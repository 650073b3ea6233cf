#include "api/resource/routes.hpp"
#include "api/routes/routes_of.hpp"

namespace dispatch::api {

namespace {

/// RFC 9110 section 13.1.1: somebody else's change must not be overwritten unseen.
std::optional<std::int64_t> expectedVersion(const Request& request) {
  const auto wanted = request.header("If-Match");
  if (wanted.empty() || wanted == "*") return std::nullopt;
  try {
    return std::stoll(wanted.substr(wanted.front() == '"' ? 1 : 0));
  } catch (const std::exception&) {
    throw Problem(Problem::Kind::invalid,
                  "If-Match must be the ETag that the incident came with, found " + wanted,
                  {"header", "If-Match"});
  }
}

/// What the list shows: the original's Minimal shape, without people and timelines of every row.
const std::vector<std::string> minimal{"id",
                                       "name",
                                       "title",
                                       "description",
                                       "resolution",
                                       "status",
                                       "visibility",
                                       "kind",
                                       "closed_at",
                                       "commander",
                                       "commanders_location",
                                       "created_at",
                                       "duplicates",
                                       "incident_costs",
                                       "incident_document",
                                       "incident_priority",
                                       "incident_review_document",
                                       "incident_severity",
                                       "incident_type",
                                       "participants_location",
                                       "participants_team",
                                       "project",
                                       "reported_at",
                                       "reporter",
                                       "reporters_location",
                                       "stable_at",
                                       "storage",
                                       "summary",
                                       "tags",
                                       "tasks",
                                       "total_cost",
                                       "cases",
                                       "version"};

/// Keeps what include[] names: "title", "project.name", "tags[].name".
Json picked(const Json& row, const std::vector<std::string>& include) {
  Json out = Json::object();
  for (const auto& name : include) {
    const auto dot = name.find('.');
    auto head = name.substr(0, dot);
    const bool each = head.ends_with("[]");
    if (each) head.resize(head.size() - 2);
    const auto found = row.find(head);
    if (found == row.end()) continue;
    if (dot == std::string::npos) {
      out[head] = *found;
    } else if (each && found->is_array()) {
      Json list = Json::array();
      for (const auto& entry : *found) list.push_back(picked(entry, {name.substr(dot + 1)}));
      out[head] = std::move(list);
    } else if (found->is_object()) {
      out[head] = picked(*found, {name.substr(dot + 1)});
    } else {
      out[head] = *found;
    }
  }
  return out;
}

Reply list(const Rooms& rooms, Request& request) {
  const auto& resource = rooms.resources.get("Incident");
  const auto session = rooms.context.database.session();
  const auto include = request.query.all("include");
  if (request.query.boolean("expand", false))
    return Reply::json(writtenListPage(*session, rooms.resources, rooms.models, resource, request));
  if (include.empty())
    return Reply::json(writtenListPage(*session, rooms.resources, rooms.models, resource, request, minimal));
  std::vector<std::string> roots;
  for (const auto& name : include) roots.push_back(name.substr(0, name.find_first_of(".[")));
  Json page = listPage(*session, rooms.resources, rooms.models, resource, request, roots);
  for (auto& row : page["items"]) row = picked(row, include);
  return Reply::json(std::move(page));
}

Reply answer(const Rooms& rooms, Request& request, std::int64_t id) {
  auto session = rooms.context.database.session();
  // A missing incident and one that the caller may not see answer alike.
  if (!rooms.context.incidents.mayView(*session, request.who, id))
    throw Problem(Problem::Kind::forbidden,
                  "No incident with id " + std::to_string(id) + " exists, or you may not see it");
  Json row = readOne(*session, rooms.resources, rooms.resources.get("Incident"), request, id);
  Reply reply;
  reply.headers.emplace_back("ETag", "\"" + row["version"].dump() + "\"");
  reply.body = std::move(row);
  return reply;
}

/// The same key with the same body answers the first one's incident; with another body it is refused.
std::int64_t createOnce(const Rooms& rooms, Request& request) {
  const auto key = request.header("Idempotency-Key");
  if (key.empty()) return rooms.context.incidents.create(request.who, request.body);
  if (key.size() > 255)
    throw Problem(Problem::Kind::invalid, "Idempotency-Key is longer than 255 characters",
                  {"header", "Idempotency-Key"});
  const auto digest = digestHex(dumpJson(request.body));
  const auto earlier = [&]() -> std::optional<std::int64_t> {
    const auto row = rooms.context.database.session()->one(
        "SELECT request_digest, response FROM idempotency_key WHERE user_id = ? AND \"key\" = ?",
        {request.who.userId, key});
    if (!row) return std::nullopt;
    if (row->text("request_digest") != digest)
      throw Problem(Problem::Kind::conflict,
                    "This Idempotency-Key was used for another request; use a new one",
                    {"header", "Idempotency-Key"});
    if (row->text("response").empty())
      throw Problem(Problem::Kind::conflict,
                    "The first request with this Idempotency-Key is still running; ask again shortly",
                    {"header", "Idempotency-Key"})
          .withRetryAfter(1000);
    return std::stoll(row->text("response"));
  };
  if (const auto id = earlier()) return *id;
  try {
    rooms.context.database.session()->insert("idempotency_key", {{"key", key},
                                                                 {"user_id", request.who.userId},
                                                                 {"request_digest", digest},
                                                                 {"response", std::string()},
                                                                 {"created_at", nowText()}});
  } catch (const Problem& problem) {
    if (problem.kind() != Problem::Kind::conflict) throw;
    if (const auto id = earlier()) return *id;
    throw;
  }
  const store::Values where{request.who.userId, key};
  try {
    const auto id = rooms.context.incidents.create(request.who, request.body);
    rooms.context.database.session()->execute(
        "UPDATE idempotency_key SET response = ? WHERE user_id = ? AND \"key\" = ?",
        {std::to_string(id), request.who.userId, key});
    return id;
  } catch (...) {
    rooms.context.database.session()->execute("DELETE FROM idempotency_key WHERE user_id = ? AND \"key\" = ?",
                                              where);
    throw;
  }
}

}  // namespace

void addIncidentRoutes(Router& router, const Rooms& rooms) {
  const auto member = Access::atLeast(auth::Role::member);
  const auto view = Access::atLeast(auth::Role::member, "IncidentView");
  const auto edit = Access::atLeast(auth::Role::member, "IncidentEdit");
  const auto timeline = Access::atLeast(auth::Role::member, "IncidentEvent");
  const auto joining = Access::atLeast(auth::Role::member, "IncidentJoinOrSubscribe");
  const std::string all = "/{organization}/incidents";
  const std::string one = all + "/{incident_id}";
  auto& incidents = rooms.context.incidents;
  const auto done = [](auto work) {
    return [work](Request& request) {
      work(request);
      return Reply::json(nullptr);
    };
  };
  const auto thenAnswer = [rooms](auto work) {
    return [rooms, work](Request& request) {
      work(request);
      return answer(rooms, request, request.id("incident_id"));
    };
  };

  router.add({"GET", all, member, "List incidents", "incidents",
              [rooms](Request& request) { return list(rooms, request); }, nullptr,
              reference("IncidentPagination")});
  router.add({"POST", all, member, "Report an incident", "incidents",
              [rooms](Request& request) { return answer(rooms, request, createOnce(rooms, request)); },
              reference("IncidentCreate"), reference("IncidentRead")});
  router.add({"GET", one, view, "Get an incident", "incidents",
              [rooms](Request& request) { return answer(rooms, request, request.id("incident_id")); },
              nullptr, reference("IncidentRead")});
  router.add({"PUT", one, edit, "Change an incident", "incidents",
              [rooms](Request& request) {
                const auto id = request.id("incident_id");
                rooms.context.incidents.update(request.who, id, request.body, expectedVersion(request));
                return answer(rooms, request, id);
              },
              reference("IncidentUpdate"), reference("IncidentRead")});
  router.add({"DELETE", one, edit, "Delete an incident", "incidents", done([&incidents](Request& request) {
                incidents.remove(request.who, request.id("incident_id"));
              })});
  router.add({"POST", one + "/resources", view, "Try again what is missing", "incidents",
              thenAnswer([&incidents](Request& request) {
                incidents.recreateResources(request.who, request.id("incident_id"));
              }),
              nullptr, reference("IncidentRead")});
  router.add(
      {"POST", one + "/join", joining, "Join an incident", "incidents",
       done([&incidents](Request& request) { incidents.join(request.who, request.id("incident_id")); })});
  router.add({"POST", one + "/add/{email}", edit, "Add a participant", "incidents",
              done([&incidents](Request& request) {
                const auto email = Query("v=" + request.path["email"]).get("v").value_or("");
                incident::checkEmail(email, {"path", "email"});
                incidents.addParticipant(request.who, request.id("incident_id"), email);
              })});
  router.add({"DELETE", one + "/remove/{email}", edit, "Remove a participant", "incidents",
              done([&incidents](Request& request) {
                incidents.removeParticipant(request.who, request.id("incident_id"),
                                            Query("v=" + request.path["email"]).get("v").value_or(""));
              })});
  router.add({"POST", one + "/roles", edit, "Give a role to a person", "incidents",
              thenAnswer([&incidents](Request& request) {
                incidents.assignRole(request.who, request.id("incident_id"),
                                     requiredText(request.body, "email"), requiredText(request.body, "role"));
              }),
              nullptr, reference("IncidentRead")});
  router.add({"POST", one + "/event", timeline, "Add a timeline event", "incidents",
              done([&incidents](Request& request) {
                incidents.addEvent(request.who, request.id("incident_id"), request.body);
              })});
  router.add({"PATCH", one + "/event", timeline, "Change a timeline event", "incidents",
              done([&incidents](Request& request) {
                incidents.updateEvent(request.who, request.id("incident_id"), request.body);
              })});
  router.add({"DELETE", one + "/event/{event_uuid}", timeline, "Delete a timeline event", "incidents",
              done([&incidents](Request& request) {
                incidents.removeEvent(request.who, request.id("incident_id"), request.path["event_uuid"]);
              })});
  router.add({"GET", one + "/steps", view, "The steps of the incident's flows", "incidents",
              [&incidents](Request& request) {
                return Reply::json(incidents.steps(request.who, request.id("incident_id")));
              },
              nullptr, reference("Flows")});
  const auto step =
      [&](const char* verb, const char* summary,
          void (incident::Incidents::*work)(const auth::Principal&, std::int64_t, std::int64_t)) {
        router.add({"POST", one + "/steps/{step_id}/" + verb, edit, summary, "incidents",
                    [&incidents, work](Request& request) {
                      (incidents.*work)(request.who, request.id("incident_id"), request.id("step_id"));
                      return Reply::json(incidents.steps(request.who, request.id("incident_id")));
                    },
                    nullptr, reference("Flows")});
      };
  step("retry", "Try a step again", &incident::Incidents::retryStep);
  step("skip", "Go on without a step", &incident::Incidents::skipStep);
  step("confirm", "Say that an uncertain step did happen", &incident::Incidents::confirmStep);
}

}  // namespace dispatch::api
