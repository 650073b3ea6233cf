#include "api/resource/resource.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dispatch::api {

namespace {

using Ids = std::vector<std::int64_t>;
/// By row id: what each link of the resource, in their order, refers to; 0 = nothing.
using References = std::map<std::int64_t, Ids>;

/// Reads whole sets of rows, each table once per set, sharing nested objects between the rows that refer to
/// them.
class Reader {
 public:
  /// `written`: nested objects are writtenJson(), not trees.
  Reader(store::Session& session, const Resources& resources, std::int64_t organizationId, bool written)
      : _session(session), _resources(resources), _organizationId(organizationId), _written(written) {}

  std::map<std::int64_t, Json> rows(const Resource& resource, const Ids& ids, bool nested,
                                    const std::vector<std::string>& only) {
    std::map<std::int64_t, Json> objects;
    if (ids.empty()) return objects;
    References references;
    scalars(resource, ids, nested, only, objects, references);
    for (std::size_t i = 0; i < resource.links.size(); ++i)
      if (wanted(only, resource.links[i].name)) attach(resource.links[i], i, references, objects);
    for (const auto& list : resource.lists)
      if (wanted(only, list.name)) attach(list, nested, objects);
    if (resource.present) {
      std::vector<Json*> all;
      for (auto& [id, object] : objects) all.push_back(&object);
      resource.present(_session, _organizationId, all);
    }
    return objects;
  }

 private:
  static bool wanted(const std::vector<std::string>& only, const std::string& name) {
    return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
  }

  /// `sql` has one `%` where the id list goes. Lists are padded to a few lengths, so that few statements are
  /// prepared.
  template <class Use>
  void byIds(const std::string& sql, const Ids& ids, Use use) {
    const auto mark = sql.find('%');
    for (std::size_t from = 0; from < ids.size();) {
      const std::size_t left = ids.size() - from;
      std::size_t size = 500;
      for (const std::size_t step : {100u, 25u, 5u, 1u})
        if (left <= step) size = step;
      const std::size_t count = std::min(left, size);
      std::string marks = "?";
      for (std::size_t i = 1; i < size; ++i) marks += ",?";
      store::Values values;
      for (std::size_t i = 0; i < size; ++i) values.emplace_back(ids[from + std::min(i, count - 1)]);
      for (const auto& row : _session.query(sql.substr(0, mark) + marks + sql.substr(mark + 1), values))
        use(row);
      from += count;
    }
  }

  void scalars(const Resource& resource, const Ids& ids, bool nested, const std::vector<std::string>& only,
               std::map<std::int64_t, Json>& objects, References& references) {
    std::vector<const Field*> fields;
    std::vector<std::size_t> links;
    std::string sql = "SELECT id";
    for (const auto& field : resource.fields)
      if (!field.hidden && wanted(only, field.name)) {
        fields.push_back(&field);
        sql += ", " + quoted(field.name);
      }
    for (std::size_t i = 0; i < resource.links.size(); ++i)
      if (const auto& link = resource.links[i]; wanted(only, link.name) && (!nested || link.nested)) {
        links.push_back(i);
        sql += ", " + link.column;
      }
    sql += " FROM " + resource.table + " WHERE id IN (%)";
    Json empty = Json::object();
    for (const auto& [key, value] : resource.constants.items())
      if (wanted(only, key)) empty[key] = value;
    byIds(sql, ids, [&](const store::Row& row) {
      const std::int64_t id = std::get<std::int64_t>(row.at(0));
      Json object = empty;
      if (wanted(only, "id")) object["id"] = id;
      std::size_t column = 1;
      for (const auto* field : fields) object[field->name] = member(*field, row.at(column++));
      auto& targets = references[id];
      targets.resize(resource.links.size());
      for (const auto link : links) {
        const auto& value = row.at(column++);
        if (!store::isNull(value)) targets[link] = std::get<std::int64_t>(value);
      }
      objects[id] = std::move(object);
    });
  }

  static Json member(const Field& field, const store::Value& value) {
    if (field.type == Field::Type::json) {
      const auto* text = std::get_if<std::string>(&value);
      if (!text || text->empty()) return field.defaultValue;
      return Json::parse(*text, nullptr, false);
    }
    return store::toJson(value);
  }

  void attach(const Link& link, std::size_t index, const References& references,
              std::map<std::int64_t, Json>& objects) {
    std::set<std::int64_t> targets;
    for (const auto& [id, links] : references)
      if (links[index] != 0) targets.insert(links[index]);
    const auto& others = shared(_resources.get(link.resource), Ids(targets.begin(), targets.end()));
    for (auto& [id, object] : objects) {
      Json& place = object[link.name];
      place = nullptr;
      if (const auto other = others.find(references.at(id)[index]); other != others.end())
        place = other->second;
    }
  }

  void attach(const Links& list, bool nested, std::map<std::int64_t, Json>& objects) {
    for (auto& [id, object] : objects) object[list.name] = Json::array();
    if (nested && !list.nested) return;
    Ids owners;
    for (const auto& [id, object] : objects) owners.push_back(id);
    const std::string remote = list.remote.empty() ? "id" : list.remote;
    std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
    byIds("SELECT " + list.local + ", " + remote + " FROM " + list.table + " WHERE " + list.local +
              " IN (%) ORDER BY " + (list.remote.empty() ? list.order : remote),
          owners, [&](const store::Row& row) {
            pairs.emplace_back(std::get<std::int64_t>(row.at(0)), std::get<std::int64_t>(row.at(1)));
          });
    std::set<std::int64_t> targets;
    for (const auto& [owner, target] : pairs) targets.insert(target);
    const auto& others = shared(_resources.get(list.resource), Ids(targets.begin(), targets.end()));
    for (const auto& [owner, target] : pairs)
      if (const auto other = others.find(target); other != others.end())
        objects[owner][list.name].push_back(other->second);
  }

  /// Nested objects, kept for the whole read: a page of incidents shares its one project.
  const std::map<std::int64_t, Json>& shared(const Resource& resource, const Ids& ids) {
    auto& known = _nested[resource.model];
    Ids missing;
    for (const auto id : ids)
      if (!known.contains(id)) missing.push_back(id);
    if (!missing.empty()) {
      auto fresh = rows(resource, missing, true, {});
      if (_written)
        for (auto& [id, object] : fresh) object = writtenJson(dumpJson(object));
      _nested[resource.model].merge(fresh);
    }
    return _nested[resource.model];
  }

  /// `default` and friends are reserved words.
  static std::string quoted(const std::string& column) { return '"' + column + '"'; }

  store::Session& _session;
  const Resources& _resources;
  std::int64_t _organizationId;
  bool _written;
  std::map<std::string, std::map<std::int64_t, Json>> _nested;
};

std::vector<Json> inOrder(std::map<std::int64_t, Json> objects, const Ids& ids) {
  std::vector<Json> ordered;
  ordered.reserve(ids.size());
  for (const auto id : ids)
    if (const auto found = objects.find(id); found != objects.end())
      ordered.push_back(std::move(found->second));
  return ordered;
}

}  // namespace

std::vector<Json> readRows(store::Session& session, const Resources& resources, const Resource& resource,
                           std::int64_t organizationId, const Ids& ids,
                           const std::vector<std::string>& only) {
  return inOrder(Reader(session, resources, organizationId, false).rows(resource, ids, false, only), ids);
}

Json listPage(store::Session& session, const Resources& resources, const store::Models& models,
              const Resource& resource, const Request& request, const std::vector<std::string>& only,
              bool written) {
  const auto list = listRequest(request.query);
  std::vector<store::Condition> conditions;
  if (!resource.organizationColumn.empty())
    conditions.push_back(
        {resource.table + "." + resource.organizationColumn + " = ?", {request.organizationId}});
  if (resource.visible) conditions.push_back(resource.visible(request.who));
  const auto* model = models.find(resource.model);
  const auto query = store::buildList(models, *model, list, conditions, session.dialect());
  const auto total = std::get<std::int64_t>(session.query(query.countSql, query.parameters).at(0).at(0));
  const std::int64_t size =
      list.itemsPerPage == -1 || (total > 0 && list.itemsPerPage > total) ? total : list.itemsPerPage;
  auto parameters = query.parameters;
  parameters.emplace_back(size);
  parameters.emplace_back((list.page - 1) * size);
  Ids ids;
  if (total > 0)
    for (const auto& row : session.query(query.idsSql, parameters))
      ids.push_back(std::get<std::int64_t>(row.at(0)));
  Reader reader(session, resources, request.organizationId, written);
  return {{"items", inOrder(reader.rows(resource, ids, false, only), ids)},
          {"itemsPerPage", size},
          {"page", list.page},
          {"total", total}};
}

}  // namespace dispatch::api
