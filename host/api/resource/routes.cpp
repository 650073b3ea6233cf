#include "api/resource/routes.hpp"

#include "api/shapes.hpp"

namespace dispatch::api {

namespace {

std::string idName(const Resource& resource) { return resource.table + "_id"; }

Json listParameters() {
  const auto parameter = [](const char* name, Json schema, const char* description) {
    return Json{{"name", name},
                {"in", "query"},
                {"required", false},
                {"schema", std::move(schema)},
                {"description", description}};
  };
  const Json texts{{"type", "array"}, {"items", {{"type", "string"}}}};
  return Json::array(
      {parameter("page", {{"type", "integer"}, {"minimum", 1}, {"default", 1}}, "Page, from 1"),
       parameter("itemsPerPage", {{"type", "integer"}, {"minimum", -1}, {"default", 5}}, "-1 for all"),
       parameter("q", {{"type", "string"}}, "Words to search for"),
       parameter("filter", {{"type", "string"}}, "Filter expression as JSON; see docs/api.md"),
       parameter("sortBy[]", texts, "Fields to sort by"),
       parameter("descending[]", texts, "true or false for each of sortBy[]")});
}

void requireRow(store::Session& session, const Resource& resource, const Request& request, std::int64_t id) {
  std::string sql = "SELECT id FROM " + resource.table + " WHERE id = ?";
  store::Values values{id};
  for (const auto& condition : visibleRows(resource, request)) {
    sql += " AND (" + condition.sql + ")";
    values.insert(values.end(), condition.parameters.begin(), condition.parameters.end());
  }
  if (!session.one(sql, values))
    throw Problem(Problem::Kind::notFound,
                  "No " + resource.title + " with id " + std::to_string(id) +
                      " exists in this organization, or you may not see it",
                  {"path", idName(resource)});
}

/// A taken name is the caller's to mend: 422 at the field, as the original intended.
[[noreturn]] void explainConflict(const Resource& resource, const Problem& problem) {
  if (problem.type().starts_with("unique") && !resource.uniqueMessage.empty())
    throw Problem(Problem::Kind::conflict, resource.uniqueMessage, {"body", "name"}).withType("value_error");
  if (problem.type() == "foreign_key")
    throw Problem(Problem::Kind::conflict,
                  "This " + resource.title + " is still used elsewhere; change those rows first");
  throw problem;
}

void takeDefault(store::Session& session, const Resource& resource, const Write& write) {
  session.execute("UPDATE " + resource.table + " SET \"default\" = ? WHERE project_id = ? AND id <> ?",
                  {false, write.projectId, write.id});
}

void replaceLists(store::Session& session, const Resources& resources, const Resource& resource,
                  const Json& body, const Write& write) {
  for (const auto& list : resource.lists) {
    const auto sent = body.find(list.name);
    if (!list.writable || sent == body.end() || !sent->is_array()) continue;
    const auto& target = resources.get(list.resource);
    session.execute("DELETE FROM " + list.table + " WHERE " + list.local + " = ?", {write.id});
    for (const auto& entry : *sent) {
      if (!entry.is_object() || !entry.contains("id") || !entry["id"].is_number_integer()) continue;
      const auto id = entry["id"].get<std::int64_t>();
      requireRow(session, target, write.request, id);
      session.execute(
          "INSERT INTO " + list.table + " (" + list.local + ", " + list.remote + ") VALUES (?, ?)",
          {write.id, id});
    }
  }
}

bool sets(const ColumnValues& columns, std::string_view name) {
  for (const auto& [column, value] : columns)
    if (column == name) return std::holds_alternative<bool>(value) && std::get<bool>(value);
  return false;
}

}  // namespace

std::int64_t saveRow(store::Session& session, const Resources& resources, const Resource& resource,
                     Request& request, const Json& body, std::int64_t id) {
  const bool creating = id == 0;
  Write write{session, request, id, 0};
  if (!creating) {
    requireRow(session, resource, request, id);
    if (resource.projectScoped())
      write.projectId = session.one("SELECT project_id FROM " + resource.table + " WHERE id = ?", {id})
                            ->integer("project_id");
  }
  auto columns = validated(session, resources, resource, body, creating, write);
  if (resource.prepare) resource.prepare(write, body, columns);
  if (creating && !resource.organizationColumn.empty())
    columns.emplace_back(resource.organizationColumn, request.organizationId);
  const auto stamp = nowText();
  if (creating) columns.emplace_back("created_at", stamp);
  columns.emplace_back("updated_at", stamp);
  if (creating)
    write.id = session.insert(resource.table, columns);
  else
    session.update(resource.table, id, columns);
  if (resource.exclusiveDefault && sets(columns, "default")) takeDefault(session, resource, write);
  replaceLists(session, resources, resource, body, write);
  if (resource.written) resource.written(write, body, creating);
  session.publish(
      {request.organizationId, resource.table, write.id, creating ? "created" : "updated", Json::object()});
  return write.id;
}

Json readOne(store::Session& session, const Resources& resources, const Resource& resource,
             const Request& request, std::int64_t id) {
  requireRow(session, resource, request, id);
  auto rows = readRows(session, resources, resource, request.organizationId, {id});
  return std::move(rows.at(0));
}

void addRoutes(Router& router, const Resources& resources, const store::Models& models,
               const Resource& resource, store::Database& database) {
  if (resource.path.empty()) return;
  const std::string all = "/{organization}/" + resource.path;
  const std::string one = all + "/{" + idName(resource) + "}";
  const auto& operations = resource.operations;
  const auto write = [&resources, &resource, &database](Request& request, std::int64_t id) {
    std::int64_t saved = 0;
    try {
      database.transact([&](store::Session& session) {
        saved = saveRow(session, resources, resource, request, request.body, id);
      });
    } catch (const Problem& problem) {
      if (problem.kind() == Problem::Kind::conflict) explainConflict(resource, problem);
      throw;
    }
    return Reply::json(readOne(*database.session(), resources, resource, request, saved));
  };
  if (operations.list)
    router.add({"GET", all, Access::atLeast(*operations.list), "List every " + resource.title, resource.path,
                [&](Request& request) {
                  return Reply::json(
                      writtenListPage(*database.session(), resources, models, resource, request));
                },
                nullptr, reference(resource.model + "Pagination"), listParameters()});
  if (operations.get)
    router.add({"GET", one, Access::atLeast(*operations.get), "Get one " + resource.title, resource.path,
                [&](Request& request) {
                  return Reply::json(readOne(*database.session(), resources, resource, request,
                                             request.id(idName(resource))));
                },
                nullptr, reference(resource.model + "Read")});
  if (operations.create)
    router.add({"POST", all, Access::atLeast(*operations.create), "Create one " + resource.title,
                resource.path, [write](Request& request) { return write(request, 0); },
                reference(resource.model + "Create"), reference(resource.model + "Read")});
  if (operations.update)
    router.add({"PUT", one, Access::atLeast(*operations.update), "Change one " + resource.title,
                resource.path,
                [write, &resource](Request& request) { return write(request, request.id(idName(resource))); },
                reference(resource.model + "Update"), reference(resource.model + "Read")});
  if (operations.remove)
    router.add(
        {"DELETE", one, Access::atLeast(*operations.remove), "Delete one " + resource.title, resource.path,
         [&](Request& request) {
           const auto id = request.id(idName(resource));
           try {
             database.transact([&](store::Session& session) {
               requireRow(session, resource, request, id);
               Write write{session, request, id, 0};
               if (resource.removing) resource.removing(write);
               session.execute("DELETE FROM " + resource.table + " WHERE id = ?", {id});
               session.publish({request.organizationId, resource.table, id, "deleted", Json::object()});
             });
           } catch (const Problem& problem) {
             if (problem.kind() == Problem::Kind::conflict) explainConflict(resource, problem);
             throw;
           }
           return Reply::json(nullptr);
         }});
}

}  // namespace dispatch::api
