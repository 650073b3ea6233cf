#include "api/resource/resource.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dispatch::api {

namespace {

using Ids = std::vector<std::int64_t>;
/// By row id: what each link of the resource, in their order, refers to; 0 = nothing.
using References = std::map<std::int64_t, Ids>;

/// How read rows are put together: as trees to work on.
struct AsTree {
  using Object = Json;
  using Value = Json;  ///< of a nested object

  static Object begin(Json own) { return own; }
  static void nest(Object& object, const std::string& name, const Value* value) {
    object[name] = value ? *value : Json();
  }
  static void nest(Object& object, const std::string& name, const std::vector<const Value*>& values) {
    Json& list = object[name] = Json::array();
    for (const auto* value : values) list.push_back(*value);
  }
  static Value end(Object object) { return object; }
};

/// As text for an answer: what rows share is written once and copied in.
struct AsText {
  using Object = std::string;
  using Value = std::string;

  static Object begin(const Json& own) {
    auto text = dumpJson(own);
    text.pop_back();
    return text;
  }
  static void nest(Object& object, const std::string& name, const Value* value) {
    key(object, name);
    object += value ? *value : "null";
  }
  static void nest(Object& object, const std::string& name, const std::vector<const Value*>& values) {
    key(object, name);
    object += '[';
    for (const auto* value : values) {
      if (object.back() != '[') object += ',';
      object += *value;
    }
    object += ']';
  }
  static Value end(Object object) {
    object += '}';
    return object;
  }

 private:
  static void key(Object& object, const std::string& name) {
    if (object.size() > 1) object += ',';
    object.append("\"").append(name).append("\":");
  }
};

/// Reads whole sets of rows, each table once per set, sharing nested objects between the rows that refer to
/// them.
template <class Form>
class Reader {
 public:
  using Object = typename Form::Object;
  using Value = typename Form::Value;

  Reader(store::Session& session, const Resources& resources, std::int64_t organizationId)
      : _session(session), _resources(resources), _organizationId(organizationId) {}

  std::map<std::int64_t, Value> rows(const Resource& resource, const Ids& ids, bool nested,
                                     const std::vector<std::string>& only) {
    std::map<std::int64_t, Value> values;
    if (ids.empty()) return values;
    References references;
    auto objects = scalars(resource, ids, nested, only, references);
    for (std::size_t i = 0; i < resource.links.size(); ++i)
      if (wanted(only, resource.links[i].name)) attach(resource.links[i], i, references, objects);
    for (const auto& list : resource.lists)
      if (wanted(only, list.name)) attach(list, nested, objects);
    for (auto& [id, object] : objects) values.emplace_hint(values.end(), id, Form::end(std::move(object)));
    return values;
  }

 private:
  using Objects = std::map<std::int64_t, Object>;

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

  Objects scalars(const Resource& resource, const Ids& ids, bool nested, const std::vector<std::string>& only,
                  References& references) {
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
    std::map<std::int64_t, Json> own;
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
      own[id] = std::move(object);
    });
    if (resource.present) {
      std::vector<Json*> all;
      for (auto& [id, object] : own) all.push_back(&object);
      resource.present(_session, _organizationId, all);
    }
    Objects objects;
    for (auto& [id, object] : own) objects.emplace_hint(objects.end(), id, Form::begin(std::move(object)));
    return objects;
  }

  static Json member(const Field& field, const store::Value& value) {
    if (field.type == Field::Type::json) {
      const auto* text = std::get_if<std::string>(&value);
      if (!text || text->empty()) return field.defaultValue;
      return Json::parse(*text, nullptr, false);
    }
    return store::toJson(value);
  }

  void attach(const Link& link, std::size_t index, const References& references, Objects& objects) {
    std::set<std::int64_t> targets;
    for (const auto& [id, links] : references)
      if (links[index] != 0) targets.insert(links[index]);
    const auto& others = shared(_resources.get(link.resource), targets);
    for (auto& [id, object] : objects) Form::nest(object, link.name, found(others, references.at(id)[index]));
  }

  void attach(const Links& list, bool nested, Objects& objects) {
    std::map<std::int64_t, Ids> targetsOf;
    std::set<std::int64_t> targets;
    if (!nested || list.nested) {
      Ids owners;
      for (const auto& [id, object] : objects) owners.push_back(id);
      const std::string remote = list.remote.empty() ? "id" : list.remote;
      byIds("SELECT " + list.local + ", " + remote + " FROM " + list.table + " WHERE " + list.local +
                " IN (%) ORDER BY " + (list.remote.empty() ? list.order : remote),
            owners, [&](const store::Row& row) {
              const auto target = std::get<std::int64_t>(row.at(1));
              targetsOf[std::get<std::int64_t>(row.at(0))].push_back(target);
              targets.insert(target);
            });
    }
    const auto& others = shared(_resources.get(list.resource), targets);
    for (auto& [id, object] : objects) {
      std::vector<const Value*> values;
      for (const auto target : targetsOf[id])
        if (const auto* other = found(others, target)) values.push_back(other);
      if (list.single)
        Form::nest(object, list.name, values.empty() ? nullptr : values.front());
      else
        Form::nest(object, list.name, values);
    }
  }

  static const Value* found(const std::map<std::int64_t, Value>& values, std::int64_t id) {
    const auto value = values.find(id);
    return value == values.end() ? nullptr : &value->second;
  }

  /// Nested objects, kept for the whole read: a page of incidents shares its one project.
  const std::map<std::int64_t, Value>& shared(const Resource& resource, const std::set<std::int64_t>& ids) {
    auto& known = _nested[resource.model];
    Ids missing;
    for (const auto id : ids)
      if (!known.contains(id)) missing.push_back(id);
    if (!missing.empty()) known.merge(rows(resource, missing, true, {}));
    return known;
  }

  /// `default` and friends are reserved words.
  static std::string quoted(const std::string& column) { return '"' + column + '"'; }

  store::Session& _session;
  const Resources& _resources;
  std::int64_t _organizationId;
  std::map<std::string, std::map<std::int64_t, Value>> _nested;
};

template <class Value>
std::vector<Value> inOrder(std::map<std::int64_t, Value> values, const Ids& ids) {
  std::vector<Value> ordered;
  ordered.reserve(ids.size());
  for (const auto id : ids)
    if (const auto found = values.find(id); found != values.end())
      ordered.push_back(std::move(found->second));
  return ordered;
}

/// The ids of the page that is asked for, and the page with everything but its items.
std::pair<Ids, Json> page(store::Session& session, const store::Models& models, const Resource& resource,
                          const Request& request) {
  const auto list = listRequest(request.query);
  const auto query = store::buildList(models, *models.find(resource.model), list,
                                      visibleRows(resource, request), session.dialect());
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
  return {std::move(ids), {{"itemsPerPage", size}, {"page", list.page}, {"total", total}}};
}

}  // namespace

std::vector<store::Condition> visibleRows(const Resource& resource, const Request& request) {
  std::vector<store::Condition> conditions;
  if (!resource.organizationColumn.empty())
    conditions.push_back(
        {resource.table + "." + resource.organizationColumn + " = ?", {request.organizationId}});
  if (resource.visible) conditions.push_back(resource.visible(request.who));
  return conditions;
}

std::vector<Json> readRows(store::Session& session, const Resources& resources, const Resource& resource,
                           std::int64_t organizationId, const Ids& ids,
                           const std::vector<std::string>& only) {
  return inOrder(Reader<AsTree>(session, resources, organizationId).rows(resource, ids, false, only), ids);
}

Json listPage(store::Session& session, const Resources& resources, const store::Models& models,
              const Resource& resource, const Request& request, const std::vector<std::string>& only) {
  auto [ids, answer] = page(session, models, resource, request);
  answer["items"] = readRows(session, resources, resource, request.organizationId, ids, only);
  return answer;
}

Json writtenListPage(store::Session& session, const Resources& resources, const store::Models& models,
                     const Resource& resource, const Request& request, const std::vector<std::string>& only) {
  auto [ids, answer] = page(session, models, resource, request);
  Reader<AsText> reader(session, resources, request.organizationId);
  auto& items = answer["items"] = Json::array();
  for (const auto& text : inOrder(reader.rows(resource, ids, false, only), ids))
    items.push_back(writtenJson(text));
  return answer;
}

}  // namespace dispatch::api
