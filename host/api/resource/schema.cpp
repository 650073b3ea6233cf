#include "api/resource/resource.hpp"
#include "api/shapes.hpp"

#include <algorithm>
#include <ranges>

namespace dispatch::api {

namespace {

Json fieldSchema(const Field& field) {
  Json schema = Json::object();
  switch (field.type) {
    case Field::Type::integer:
      schema["type"] = "integer";
      break;
    case Field::Type::number:
      schema["type"] = "number";
      break;
    case Field::Type::boolean:
      schema["type"] = "boolean";
      break;
    case Field::Type::instant:
      schema = {{"type", "string"}, {"format", "date-time"}};
      break;
    case Field::Type::email:
      schema = {{"type", "string"}, {"format", "email"}};
      break;
    case Field::Type::name:
      schema = {{"type", "string"}, {"minLength", 3}};
      break;
    case Field::Type::text:
      schema["type"] = "string";
      break;
    case Field::Type::json:
      break;
  }
  if (!field.choices.empty()) schema["enum"] = field.choices;
  return schema;
}

/// `alwaysThere`: null is never answered, or never taken.
Json described(const Field& field, bool alwaysThere) {
  Json schema = alwaysThere ? fieldSchema(field) : nullable(fieldSchema(field));
  if (!field.description.empty()) schema["description"] = field.description;
  if (!field.defaultValue.is_null()) schema["default"] = field.defaultValue;
  return schema;
}

/// Inside another row, a row comes with null for most of what it refers to.
bool comesInside(const Resources& resources, const Resource& resource) {
  const auto refersHere = [&](const auto& reference) { return reference.resource == resource.model; };
  return std::ranges::any_of(resources.all(), [&](const auto& other) {
    return std::ranges::any_of(other->links, refersHere) || std::ranges::any_of(other->lists, refersHere);
  });
}

}  // namespace

void describeSchemas(const Resources& resources, const Resource& resource, Json& schemas) {
  Json read{{"type", "object"}, {"properties", {{"id", {{"type", "integer"}}}}}};
  Json create{{"type", "object"}, {"properties", Json::object()}};
  Json required = Json::array();
  for (const auto& [key, value] : resource.constants.items())
    read["properties"][key] = value.is_array()     ? Json{{"type", "array"}, {"items", Json::object()}}
                              : value.is_boolean() ? Json{{"type", "boolean"}}
                              : value.is_number()  ? Json{{"type", "number"}}
                              : value.is_string()  ? Json{{"type", "string"}}
                                                   : Json::object();
  for (const auto& field : resource.fields) {
    if (field.hidden) continue;
    read["properties"][field.name] = described(field, field.required || field.notNull);
    if (field.readOnly) continue;
    create["properties"][field.name] = described(field, field.required);
    if (field.required) required.push_back(field.name);
  }
  const bool inside = comesInside(resources, resource);
  for (const auto& link : resource.links) {
    const auto target = reference(link.resource + "Read");
    const bool isThere = link.notNull && (link.nested || !inside);
    read["properties"][link.name] = isThere ? target : nullable(target);
    if (link.resolve == Link::Resolve::none) continue;
    const char* key = link.resolve == Link::Resolve::byId ? "id" : "name";
    Json sent{{"type", "object"},
              {"properties", {{key, {{"type", link.resolve == Link::Resolve::byId ? "integer" : "string"}}}}},
              {"required", Json::array({key})}};
    create["properties"][link.name] = link.required ? sent : nullable(sent);
    if (link.required) required.push_back(link.name);
  }
  for (const auto& list : resource.lists) {
    const Json item = reference(list.resource + "Read");
    read["properties"][list.name] = list.single ? nullable(item) : listOf(item);
    if (list.writable)
      create["properties"][list.name] = {
          {"type", "array"},
          {"items", {{"type", "object"}, {"properties", {{"id", {{"type", "integer"}}}}}}}};
  }
  for (const auto& [name, shape] : resource.shapes.items())
    if (shape.is_null())
      read["properties"].erase(name);
    else
      read["properties"][name] = shape;
  for (const auto& [name, member] : read["properties"].items()) read["required"].push_back(name);
  Json update = create;
  if (!required.empty()) create["required"] = required;
  schemas[resource.model + "Read"] = std::move(read);
  if (resource.path.empty()) return;
  schemas[resource.model + "Pagination"] = pageOf(resource.model + "Read");
  schemas[resource.model + "Create"] = std::move(create);
  schemas[resource.model + "Update"] = std::move(update);
}

}  // namespace dispatch::api
