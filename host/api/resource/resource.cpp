#include "api/resource/resource.hpp"

#include <algorithm>
#include <stdexcept>

namespace dispatch::api {

const Field* Resource::field(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

bool Resource::projectScoped() const {
  return std::any_of(links.begin(), links.end(),
                     [](const Link& link) { return link.column == "project_id"; });
}

const Resource& Resources::add(Resource resource) {
  return *_resources.emplace_back(std::make_unique<Resource>(std::move(resource)));
}

const Resource& Resources::get(std::string_view model) const {
  for (const auto& resource : _resources)
    if (resource->model == model) return *resource;
  throw std::logic_error("No resource describes the model " + std::string(model));
}

namespace {

store::Column::Type columnType(Field::Type type) {
  switch (type) {
    case Field::Type::integer:
      return store::Column::Type::integer;
    case Field::Type::number:
      return store::Column::Type::number;
    case Field::Type::boolean:
      return store::Column::Type::boolean;
    case Field::Type::instant:
      return store::Column::Type::instant;
    case Field::Type::json:
      return store::Column::Type::json;
    default:
      return store::Column::Type::text;
  }
}

}  // namespace

store::Models Resources::models() const {
  store::Models models;
  for (const auto& resource : _resources) {
    store::Model model;
    model.name = resource->model;
    model.table = resource->table;
    model.organizationColumn = resource->organizationColumn;
    model.columns.push_back({"id", store::Column::Type::integer, false});
    for (const auto& field : resource->fields)
      model.columns.push_back({field.name, columnType(field.type), field.searchable,
                               !(field.required || field.notNull), field.sortAs});
    for (const auto& link : resource->links) {
      model.columns.push_back({link.column, store::Column::Type::integer, false});
      model.relations.push_back({link.name, link.resource, link.column, "", "", "", link.aliases});
    }
    for (const auto& list : resource->lists) {
      if (list.remote.empty())  // a child table: its rows point here
        model.relations.push_back({list.name, list.resource, "", "", "", "", list.aliases, list.local});
      else
        model.relations.push_back(
            {list.name, list.resource, "", list.table, list.local, list.remote, list.aliases});
    }
    for (const auto& relation : resource->relations) model.relations.push_back(relation);
    // A filter of another list must not tell what is in rows that this person may not see.
    model.joinable = !resource->visible;
    models.add(std::move(model));
  }
  return models;
}

}  // namespace dispatch::api
