#include "store/query.hpp"

#include "store/query_parts.hpp"
#include "store/sql_text.hpp"

namespace dispatch::store {
namespace {

bool isText(const Column& column) {
  return column.type == Column::Type::text || column.type == Column::Type::json;
}

/// What a sort key orders by. Text without regard to case, by code point: the same order in both databases.
std::string orderExpression(const Models& models, const Model& model, const Path& path, const Column& column,
                            Dialect dialect) {
  std::string value =
      (path.empty() ? quotedName(model.table) : endAlias(path)) + "." + quotedName(column.name);
  if (isText(column))
    value = lowered(value, dialect) + (dialect == Dialect::postgresql ? " COLLATE \"C\"" : "");
  if (path.empty()) return value;
  bool many = false;
  for (const Relation* relation : path) many = many || relation->toMany();
  return "(SELECT " + (many ? "min(" + value + ")" : value) + joined(models, model, path) + ")";
}

/// Splits "a.b.field": only the last two parts count. nullopt: nothing to sort by.
std::optional<std::pair<Path, const Column*>> resolveSort(const Models& models, const Model& model,
                                                          std::string key) {
  const std::size_t dot = key.rfind('.');
  std::string owner = dot == std::string::npos ? "" : key.substr(0, dot);
  if (const std::size_t before = owner.rfind('.'); before != std::string::npos) owner.erase(0, before + 1);
  std::string field = dot == std::string::npos ? key : key.substr(dot + 1);
  if (owner.empty() && !model.column(field)) {
    // A table's column for a whole relation ("commander"): by its name.
    owner = std::exchange(field, "name");
  }
  auto path = owner.empty() ? Path{} : findPath(models, model, owner);
  if (!path) return std::nullopt;
  // A scale has an order of its own: Low, Medium, High is not that of the alphabet.
  if (!path->empty() && field == "name")
    if (const Column* scale = endOf(models, model, *path).column("view_order"))
      return std::pair{*path, scale};
  const Model& end = endOf(models, model, *path);
  if (const Column* column = end.column(field))
    return std::pair{*path, column->sortAs.empty() ? column : end.column(column->sortAs)};
  if (path->empty()) return std::nullopt;
  // One relation further: a commander's name is its individual's.
  for (const Relation& relation : endOf(models, model, *path).relations) {
    const Model* next = relation.toMany() ? nullptr : models.find(relation.model);
    if (!next || !next->joinable) continue;
    if (const Column* column = next->column(field)) {
      path->push_back(&relation);
      return std::pair{*path, column};
    }
  }
  return std::nullopt;
}

std::string orderBy(const Models& models, const Model& model, const ListRequest& request, bool ranked,
                    Dialect dialect) {
  std::string order;
  bool descending = false;
  for (const auto& [key, down] : request.sort) {
    const auto sorted = resolveSort(models, model, key);
    if (!sorted) continue;
    order += (order.empty() ? "" : ", ") +
             orderExpression(models, model, sorted->first, *sorted->second, dialect) +
             (down ? " DESC" : " ASC");
    // PostgreSQL does this by itself; SQLite does the opposite, and given the words it cannot use an index.
    if (dialect == Dialect::sqlite && (sorted->second->nullable || !sorted->first.empty()))
      order += down ? " NULLS FIRST" : " NULLS LAST";
    descending = down;
  }
  if (order.empty() && ranked) {
    const std::string name = lowered(quotedName(model.table) + ".\"name\"", dialect);
    // Found by its own name before found somewhere inside; the latest first among equals.
    order = "CASE WHEN " + name + " = needle.whole THEN 0 WHEN " + name +
            " LIKE needle.beginning ESCAPE '\\' THEN 1 ELSE 2 END";
    descending = true;
  }
  // Ties in the direction of the last key, so that an index read backwards still gives the order.
  return order + (order.empty() ? "" : ", ") + quotedName(model.table) + ".id" + (descending ? " DESC" : "");
}

void addCondition(Sql& where, const Sql& condition) {
  if (condition.text.empty()) return;
  where += where.text.empty() ? " WHERE (" : " AND (";
  where += condition;
  where += ")";
}

}  // namespace

ListQuery buildList(const Models& models, const Model& model, const ListRequest& request,
                    const std::vector<Condition>& conditions, Dialect dialect) {
  Sql where;
  for (const Condition& condition : conditions) addCondition(where, {condition.sql, condition.parameters});
  addCondition(where, filterCondition(models, model, request.filter, dialect));
  const Sql search = searchCondition(model, request.q, dialect);
  addCondition(where, search);

  const std::string table = quotedName(model.table);
  ListQuery query;
  std::string needle, from = " FROM " + table;
  const bool ranked = !search.text.empty() && request.sort.empty() && model.column("name");
  if (ranked) {
    // In both statements, so that both take the same parameters.
    needle = "WITH needle AS (SELECT " + lowered("CAST(? AS TEXT)", dialect) + " AS whole, " +
             lowered("CAST(? AS TEXT)", dialect) + " AS beginning) ";
    from += ", needle";
    query.parameters = {request.q, likeLiteral(request.q) + "%"};
  }
  query.parameters.insert(query.parameters.end(), where.values.begin(), where.values.end());
  query.countSql = needle + "SELECT count(*) AS total" + from + where.text;
  query.idsSql = needle + "SELECT " + table + ".id" + from + where.text + " ORDER BY " +
                 orderBy(models, model, request, ranked, dialect) + " LIMIT ? OFFSET ?";
  return query;
}

ListQuery buildMatch(const Models& models, const Model& model, const Json& filter, std::int64_t id,
                     Dialect dialect) {
  ListRequest request;
  request.filter = filter;
  return buildList(models, model, request, {{quotedName(model.table) + ".id = ?", {id}}}, dialect);
}

}  // namespace dispatch::store
