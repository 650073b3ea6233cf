#include "integrations/secret_fields.hpp"

#include "base/problem.hpp"

#include <sodium.h>

#include <cctype>
#include <charconv>

namespace dispatch::integrations {

namespace {

bool isSecret(const Json& schema) { return schema.is_object() && schema.value("x-dispatch-secret", false); }

std::string escaped(const std::string& key) {
  std::string text;
  for (const char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

void walk(const Json& schema, Json& value, const std::string& pointer,
          const std::function<void(const std::string&, std::string&)>& visit) {
  if (!schema.is_object()) return;
  if (isSecret(schema) && value.is_string()) {
    visit(pointer, value.get_ref<std::string&>());
    return;
  }
  if (value.is_object() && schema.contains("properties")) {
    for (const auto& [key, property] : schema["properties"].items())
      if (const auto found = value.find(key); found != value.end())
        walk(property, *found, pointer + "/" + escaped(key), visit);
  }
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i)
      walk(schema["items"], value[i], pointer + "/" + std::to_string(i), visit);
  }
}

}  // namespace

void forEachSecret(const Json& schema, Json& configuration,
                   const std::function<void(const std::string&, std::string&)>& visit) {
  walk(schema, configuration, "", visit);
}

Json masked(const Json& schema, Json configuration) {
  if (!configuration.is_object()) configuration = Json::object();
  forEachSecret(schema, configuration, [](const std::string&, std::string& value) {
    if (!value.empty()) value = maskedSecret;
  });
  if (schema.is_object() && schema.contains("properties")) {
    for (const auto& [key, property] : schema["properties"].items())
      if (isSecret(property) && !configuration.contains(key)) configuration[key] = "";
  }
  return configuration;
}

Json merged(const Json& schema, const Json& stored, Json changed) {
  if (!changed.is_object()) return stored.is_object() ? stored : Json::object();
  forEachSecret(schema, changed, [&](const std::string& pointer, std::string& value) {
    if (value != maskedSecret) return;
    const Json::json_pointer at(pointer);
    value = stored.is_object() && stored.contains(at) && stored[at].is_string()
                ? stored[at].get<std::string>()
                : "";
  });
  if (stored.is_object() && schema.is_object() && schema.contains("properties")) {
    for (const auto& [key, property] : schema["properties"].items())
      if (isSecret(property) && !changed.contains(key) && stored.contains(key)) changed[key] = stored[key];
  }
  return changed;
}

void sealSecrets(const Json& schema, Json& configuration, const config::Envelope& envelope,
                 std::int64_t row) {
  forEachSecret(schema, configuration, [&](const std::string& pointer, std::string& value) {
    if (value.empty() || value == maskedSecret) return;
    auto sealed = envelope.seal(value, {"plugin_instance", row, pointer});
    sodium_memzero(value.data(), value.size());
    value = std::move(sealed);
  });
}

void openSecrets(const Json& schema, Json& configuration, const config::Envelope& envelope,
                 std::int64_t row) {
  forEachSecret(schema, configuration, [&](const std::string& pointer, std::string& value) {
    if (config::Envelope::isSealed(value))
      value = std::string(envelope.open(value, {"plugin_instance", row, pointer}).reveal());
  });
}

void wipeSecrets(const Json& schema, Json& configuration) {
  forEachSecret(schema, configuration,
                [](const std::string&, std::string& value) { sodium_memzero(value.data(), value.size()); });
}

Json fromText(const Json& property, const std::string& text, const std::string& name) {
  const std::string type = property.is_object() ? textOr(property, "type", "string") : "string";
  const auto refuse = [&](const std::string& expected) {
    return Problem(Problem::Kind::invalid,
                   name + " must be " + expected + (isSecret(property) ? "" : ", found \"" + text + "\""));
  };
  if (type == "integer") {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) throw refuse("a whole number");
    return number;
  }
  if (type == "boolean") {
    std::string lower;
    for (const char c : text) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return true;
    if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return false;
    throw refuse("true or false");
  }
  if (type == "array" && !text.starts_with("[")) {  // a.example, b.example
    Json list = Json::array();
    std::string item;
    const auto take = [&] {
      const auto first = item.find_first_not_of(" \t"), last = item.find_last_not_of(" \t");
      if (first != std::string::npos) list.push_back(item.substr(first, last - first + 1));
      item.clear();
    };
    for (const char c : text) {
      if (c == ',') {
        take();
      } else {
        item += c;
      }
    }
    take();
    return list;
  }
  if (type == "number" || type == "array" || type == "object") {
    Json value = Json::parse(text, nullptr, false);
    if (type == "number" ? !value.is_number() : type == "array" ? !value.is_array() : !value.is_object())
      throw refuse(type == "number" ? "a number" : "a JSON " + type);
    return value;
  }
  return text;
}

std::string propertyFor(const Json& schema, const std::string& field) {
  const auto folded = [](const std::string& name) {
    std::string text;
    for (const char c : name) {
      const auto byte = static_cast<unsigned char>(c);
      text += std::isalnum(byte) ? static_cast<char>(std::tolower(byte)) : '_';
    }
    return text;
  };
  if (!schema.is_object() || !schema.contains("properties")) return "";
  const auto wanted = folded(field);
  for (const auto& [key, property] : schema["properties"].items())
    if (folded(key) == wanted) return key;
  return "";
}

}  // namespace dispatch::integrations
