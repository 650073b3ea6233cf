#include "store/query_parts.hpp"
#include "store/sql_text.hpp"

#include <algorithm>
#include <deque>
#include <set>
#include <stdexcept>

namespace dispatch::store {
namespace {

constexpr std::size_t kMaxHops = 3;

std::string aliasOf(std::size_t hop) { return "j" + std::to_string(hop); }

bool sameLetters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

const Model* joinable(const Models& models, const Relation& relation) {
  const Model* target = models.find(relation.model);
  return target && target->joinable ? target : nullptr;
}

/// Breadth first; on one level, lists before single references.
std::optional<Path> shortest(const Models& models, const Model& from, const std::string& target) {
  std::deque<std::pair<const Model*, Path>> open{{&from, {}}};
  std::set<const Model*> seen{&from};
  while (!open.empty()) {
    auto [model, path] = std::move(open.front());
    open.pop_front();
    if (const Relation* direct = model->relation(target);
        direct && direct->model == target && joinable(models, *direct)) {
      path.push_back(direct);
      return path;
    }
    if (path.size() + 1 == kMaxHops) continue;
    for (const bool many : {true, false})
      for (const Relation& relation : model->relations) {
        const Model* next = relation.toMany() == many ? joinable(models, relation) : nullptr;
        if (!next || !seen.insert(next).second) continue;
        Path longer = path;
        longer.push_back(&relation);
        open.emplace_back(next, std::move(longer));
      }
  }
  return std::nullopt;
}

/// The model a client means by a name that is not quite one: pickers send "Individual", "Team", "signal".
const Model* lenient(const Models& models, const std::string& name) {
  for (const Model* model : models.all())
    if (sameLetters(model->name, name)) return model;
  return models.find(name + "Contact");
}

}  // namespace

const Model& endOf(const Models& models, const Model& model, const Path& path) {
  return path.empty() ? model : *models.find(path.back()->model);
}

std::optional<Path> findPath(const Models& models, const Model& model, const std::string& name) {
  if (name == model.name || name == model.table) return Path{};
  if (const Relation* own = model.relation(name); own && joinable(models, *own)) return Path{own};
  const Model* target = models.find(name);
  if (!target) target = models.findByTable(name);
  if (!target) target = lenient(models, name);
  if (!target) return std::nullopt;
  if (target == &model) return Path{};
  return shortest(models, model, target->name);
}

std::string endAlias(const Path& path) { return aliasOf(path.size()); }

std::string joined(const Models& models, const Model& model, const Path& path) {
  std::string from, where;
  const Model* left = &model;
  std::string leftName = quotedName(model.table);
  for (std::size_t hop = 1; hop <= path.size(); ++hop) {
    const Relation& relation = *path[hop - 1];
    const Model* right = models.find(relation.model);
    const std::string rightName = aliasOf(hop);
    const std::string leftKey = leftName + "." + quotedName(relation.column.empty() ? "id" : relation.column);
    const std::string rightKey = rightName + "." + quotedName(relation.targetColumn);
    from += (from.empty() ? "" : ", ") + quotedName(right->table) + " AS " + rightName;
    where += where.empty() ? "" : " AND ";
    if (relation.through.empty()) {
      where += rightKey + " = " + leftKey;
    } else {
      const std::string between = "t" + std::to_string(hop);
      from += ", " + quotedName(relation.through) + " AS " + between;
      where += between + "." + quotedName(relation.throughLocal) + " = " + leftKey + " AND " + rightKey +
               " = " + between + "." + quotedName(relation.throughRemote);
    }
    // Foreign keys do not leave an organization; should one ever, no filter follows it.
    if (!left->organizationColumn.empty() && !right->organizationColumn.empty())
      where += " AND " + rightName + "." + quotedName(right->organizationColumn) + " = " + leftName + "." +
               quotedName(left->organizationColumn);
    left = right;
    leftName = rightName;
  }
  return " FROM " + from + " WHERE " + where;
}

Sql exists(const Models& models, const Model& model, const Path& path, const Sql& condition) {
  if (path.empty()) return condition;
  Sql sql;
  sql += "EXISTS (SELECT 1" + joined(models, model, path) + " AND ";
  sql += condition;
  sql += ")";
  return sql;
}

std::string lowered(const std::string& expression, Dialect dialect) {
  return (dialect == Dialect::sqlite ? "dispatch_lower(" : "lower(") + expression + ")";
}

std::string likeLiteral(std::string_view text) {
  std::string literal;
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') literal += '\\';
    literal += c;
  }
  return literal;
}

}  // namespace dispatch::store
