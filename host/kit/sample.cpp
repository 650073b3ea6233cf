#include "kit/sample.hpp"

#include "base/random.hpp"

#include <algorithm>

namespace dispatch::kit {

namespace {

const Json* member(const Json& node, const char* key) {
  if (!node.is_object()) return nullptr;
  const auto found = node.find(key);
  return found == node.end() ? nullptr : &*found;
}

bool isSecret(const Json& schema) {
  const auto* mark = member(schema, "x-dispatch-secret");
  return mark != nullptr && *mark == true;
}

std::string sampleText(const Json& schema) {
  const auto format = textOr(schema, "format");
  std::string text = "check";
  if (format == "uri" || format == "url" || format == "uri-reference") text = "https://check.invalid";
  if (format == "email") text = "check@check.invalid";
  if (format == "hostname" || format == "idn-hostname") text = "check.invalid";
  if (format == "ipv4") text = "192.0.2.1";
  if (format == "ipv6") text = "2001:db8::1";
  if (format == "date") text = "2026-01-01";
  if (format == "date-time") text = "2026-01-01T00:00:00Z";
  if (isSecret(schema)) text = "secret-" + randomToken(18);
  if (const auto* least = member(schema, "minLength"); least != nullptr && least->is_number_unsigned())
    while (text.size() < least->get<std::size_t>()) text += 'x';
  if (const auto* most = member(schema, "maxLength"); most != nullptr && most->is_number_unsigned())
    text.resize(std::min(text.size(), most->get<std::size_t>()));
  return text;
}

Json sampleNumber(const Json& schema) {
  for (const char* bound : {"minimum", "maximum"})
    if (const auto* found = member(schema, bound); found != nullptr && found->is_number()) return *found;
  if (const auto* above = member(schema, "exclusiveMinimum"); above != nullptr && above->is_number_integer())
    return above->get<std::int64_t>() + 1;
  return 1;
}

}  // namespace

Json sampleOf(const Json& schema, SampleMembers members) {
  for (const char* key : {"const", "default"})
    if (const auto* given = member(schema, key)) return *given;
  for (const char* key : {"enum", "examples"})
    if (const auto* given = member(schema, key); given != nullptr && given->is_array() && !given->empty())
      return given->front();
  auto type = textOr(schema, "type");
  if (const auto* several = member(schema, "type"); several != nullptr && several->is_array())
    for (const auto& one : *several)
      if (type.empty() && one.is_string() && one != "null") type = one.get<std::string>();
  if (type == "string") return sampleText(schema);
  if (type == "integer" || type == "number") return sampleNumber(schema);
  if (type == "boolean") return false;
  if (type == "null") return nullptr;
  if (type == "array") {
    Json all = Json::array();
    const auto* least = member(schema, "minItems");
    const auto* items = member(schema, "items");
    if (least != nullptr && least->is_number_unsigned() && items != nullptr)
      while (all.size() < std::min<std::size_t>(least->get<std::size_t>(), 16))
        all.push_back(sampleOf(*items, members));
    return all;
  }
  Json object = Json::object();
  const auto* properties = member(schema, "properties");
  if (properties == nullptr || !properties->is_object()) return object;
  const auto* required = member(schema, "required");
  for (const auto& entry : properties->items()) {
    const bool needed = required != nullptr && required->is_array() &&
                        std::find(required->begin(), required->end(), entry.key()) != required->end();
    if (needed || members == SampleMembers::all) object[entry.key()] = sampleOf(entry.value(), members);
  }
  return object;
}

Json withSecrets(const Json& schema, Json value,
                 const std::function<Json(const Json& schema, const std::string& secret)>& replace) {
  if (isSecret(schema)) return value.is_string() ? replace(schema, value.get<std::string>()) : value;
  const auto* properties = member(schema, "properties");
  const auto* others = member(schema, "additionalProperties");
  if (value.is_object())
    for (auto& entry : value.items()) {
      const auto* inner = properties == nullptr ? nullptr : member(*properties, entry.key().c_str());
      if (inner == nullptr) inner = others;
      if (inner != nullptr) entry.value() = withSecrets(*inner, entry.value(), replace);
    }
  if (const auto* items = member(schema, "items"); items != nullptr && value.is_array())
    for (auto& one : value) one = withSecrets(*items, one, replace);
  return value;
}

std::vector<std::string> secretsIn(const Json& schema, const Json& value) {
  std::vector<std::string> found;
  withSecrets(schema, value, [&](const Json&, const std::string& secret) {
    found.push_back(secret);
    return Json(secret);
  });
  return found;
}

}  // namespace dispatch::kit
