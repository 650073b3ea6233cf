#include "store/model.hpp"

#include <algorithm>
#include <stdexcept>

namespace dispatch::store {
namespace {

/// "incident_type" -> "IncidentType"
std::string camelCase(std::string_view name) {
  std::string result;
  bool upper = true;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    result += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  return result;
}

}  // namespace

const Column* Model::column(std::string_view wanted) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return column.name == wanted; });
  return found == columns.end() ? nullptr : &*found;
}

const Relation* Model::relation(std::string_view wanted) const {
  const auto by = [&](auto matches) {
    const auto found = std::find_if(relations.begin(), relations.end(), matches);
    return found == relations.end() ? nullptr : &*found;
  };
  // A relation's own names say more than the model it leads to, which several may share.
  if (const auto* named = by([&](const Relation& relation) {
        return relation.name == wanted || camelCase(relation.name) == wanted ||
               std::find(relation.aliases.begin(), relation.aliases.end(), wanted) != relation.aliases.end();
      }))
    return named;
  if (const auto* many =
          by([&](const Relation& relation) { return relation.model == wanted && relation.toMany(); }))
    return many;
  return by([&](const Relation& relation) { return relation.model == wanted; });
}

void Models::add(Model model) {
  if (find(model.name) || findByTable(model.table))
    throw std::logic_error("model " + model.name + " is described twice");
  _models.push_back(std::make_unique<Model>(std::move(model)));
}

const Model* Models::find(std::string_view name) const {
  for (const auto& model : _models)
    if (model->name == name) return model.get();
  return nullptr;
}

const Model* Models::findByTable(std::string_view table) const {
  for (const auto& model : _models)
    if (model->table == table) return model.get();
  return nullptr;
}

std::vector<const Model*> Models::all() const {
  std::vector<const Model*> all;
  for (const auto& model : _models) all.push_back(model.get());
  return all;
}

}  // namespace dispatch::store
