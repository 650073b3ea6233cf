#include "api/resource/resource.hpp"

namespace dispatch::api {

namespace {

Json nullable(Json schema) { return {{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}}; }

Json reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

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

Json described(const Field& field) {
  Json schema = field.required ? fieldSchema(field) : nullable(fieldSchema(field));
  if (!field.description.empty()) schema["description"] = field.description;
  if (!field.defaultValue.is_null()) schema["default"] = field.defaultValue;
  return schema;
}

}  // namespace

void describeSchemas(const Resources&, const Resource& resource, Json& schemas) {
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
    read["properties"][field.name] = described(field);
    if (field.readOnly) continue;
    create["properties"][field.name] = described(field);
    if (field.required) required.push_back(field.name);
  }
  for (const auto& link : resource.links) {
    read["properties"][link.name] = nullable(reference(link.resource + "Read"));
    if (link.resolve == Link::Resolve::none) continue;
    const char* key = link.resolve == Link::Resolve::byId ? "id" : "name";
    Json sent{{"type", "object"},
              {"properties", {{key, {{"type", link.resolve == Link::Resolve::byId ? "integer" : "string"}}}}},
              {"required", Json::array({key})}};
    create["properties"][link.name] = link.required ? sent : nullable(sent);
    if (link.required) required.push_back(link.name);
  }
  for (const auto& list : resource.lists) {
    read["properties"][list.name] = {{"type", "array"}, {"items", reference(list.resource + "Read")}};
    if (list.writable)
      create["properties"][list.name] = {
          {"type", "array"},
          {"items", {{"type", "object"}, {"properties", {{"id", {{"type", "integer"}}}}}}}};
  }
  Json everything = Json::array();
  for (const auto& [key, value] : read["properties"].items()) everything.push_back(key);
  read["required"] = everything;
  Json update = create;
  if (!required.empty()) create["required"] = required;
  schemas[resource.model + "Read"] = std::move(read);
  if (resource.path.empty()) return;
  schemas[resource.model + "Pagination"] = {
      {"type", "object"},
      {"properties",
       {{"items", {{"type", "array"}, {"items", reference(resource.model + "Read")}}},
        {"itemsPerPage", {{"type", "integer"}}},
        {"page", {{"type", "integer"}}},
        {"total", {{"type", "integer"}}}}},
      {"required", Json::array({"items", "itemsPerPage", "page", "total"})}};
  schemas[resource.model + "Create"] = std::move(create);
  schemas[resource.model + "Update"] = std::move(update);
}

}  // namespace dispatch::api
