#include "plugin/package/violation_text.hpp"

#include <algorithm>
#include <charconv>
#include <regex>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxPatternText = 4096;

bool isIndex(const std::string& part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

const Json* member(const Json* node, const std::string& key) {
  if (node == nullptr || !node->is_object()) return nullptr;
  const auto found = node->find(key);
  return found == node->end() ? nullptr : &*found;
}

/// The part of the schema that speaks of `location`, as far as `properties`, `items` and
/// `additionalProperties` lead there.
const Json* schemaAt(const Json& schema, const std::vector<std::string>& location, bool& secret) {
  const Json* node = &schema;
  for (const auto& part : location) {
    const Json* next = member(member(node, "properties"), part);
    if (next == nullptr && isIndex(part)) next = member(node, "items");
    if (next == nullptr) next = member(node, "additionalProperties");
    if (next == nullptr) return nullptr;
    node = next;
    const Json* mark = member(node, "x-dispatch-secret");
    secret = secret || (mark != nullptr && *mark == true);
  }
  return node;
}

const Json* valueAt(const Json& value, const std::vector<std::string>& location) {
  const Json* node = &value;
  for (const auto& part : location) {
    if (node->is_object()) {
      node = member(node, part);
    } else if (node->is_array() && isIndex(part)) {
      std::size_t index = 0;
      std::from_chars(part.data(), part.data() + part.size(), index);
      node = index < node->size() ? &(*node)[index] : nullptr;
    } else {
      return nullptr;
    }
    if (node == nullptr) return nullptr;
  }
  return node;
}

std::string typeName(const std::string& type) {
  if (type == "string") return "text";
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "an object";
  return type;
}

std::string typeNames(const Json& type) {
  if (type.is_string()) return typeName(type.get<std::string>());
  std::string text;
  if (type.is_array())
    for (const auto& one : type)
      if (one.is_string()) text += (text.empty() ? "" : " or ") + typeName(one.get<std::string>());
  return text.empty() ? "of another type" : text;
}

std::string foundName(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "empty (null)";
    case Json::value_t::string:
      return "text";
    case Json::value_t::boolean:
      return "true or false";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "a whole number";
    case Json::value_t::number_float:
      return "a number with a fraction";
    case Json::value_t::array:
      return "a list";
    case Json::value_t::object:
      return "an object";
    default:
      return "something else";
  }
}

std::string shown(const Json& value) {
  std::string text = dumpJson(value);
  if (text.size() > 80) text = text.substr(0, 77) + "…";
  return text;
}

std::string listed(const Json& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + shown(value);
  return text;
}

std::string knownNames(const Json* node) {
  const Json* properties = member(node, "properties");
  std::string text;
  if (properties != nullptr)
    for (const auto& entry : properties->items()) text += (text.empty() ? "" : ", ") + entry.key();
  return text;
}

/// The text between the first quote and the last.
std::string quoted(const std::string& description) {
  const auto begin = description.find('\'');
  const auto end = description.rfind('\'');
  return begin == end ? "" : description.substr(begin + 1, end - begin - 1);
}

std::string lowered(std::string text) {
  if (!text.empty() && text.front() >= 'A' && text.front() <= 'Z')
    text.front() = static_cast<char>(text.front() + 32);
  while (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

bool onlyRepeats(const std::string& description) {
  static constexpr const char* prefixes[] = {
      "Failed to validate against schema associated with", "Failed to validate item #",
      "Failed to validate against additional properties schema",
      "Failed to validate against a conditional schema", "Failed to validate against child schema #"};
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](const char* prefix) { return description.starts_with(prefix); });
}

std::string unknownProperty(const Json* node) {
  const auto known = knownNames(node);
  return "is not known here" + (known.empty() ? std::string() : "; known are " + known);
}

}  // namespace

std::optional<Violation> explainViolation(const Json& schema, const Json& value,
                                          std::vector<std::string> location, const std::string& description) {
  if (onlyRepeats(description)) return std::nullopt;
  bool secret = false;
  const Json* node = schemaAt(schema, location, secret);
  const Json* found = valueAt(value, location);
  if (description.starts_with("Missing required property")) {
    location.push_back(quoted(description));
    return Violation{std::move(location), "is required"};
  }
  if (description.starts_with("Object contains a property that could not be validated")) {
    // "…using 'properties' or 'additionalProperties' constraints: 'NAME'."
    const auto colon = description.find(": '");
    auto name = colon == std::string::npos ? "" : description.substr(colon + 3);
    if (name.ends_with("'.")) name.resize(name.size() - 2);
    // A known property that is wrong reports itself.
    if (member(member(node, "properties"), name) != nullptr) return std::nullopt;
    auto message = unknownProperty(node);
    location.push_back(std::move(name));
    return Violation{std::move(location), std::move(message)};
  }
  if (description.starts_with("Value type not permitted")) {
    const Json* type = member(node, "type");
    return Violation{std::move(location), "must be " +
                                              (type == nullptr ? "of another type" : typeNames(*type)) +
                                              (found == nullptr ? "" : ", but is " + foundName(*found))};
  }
  if (const Json* values = member(node, "enum");
      values != nullptr && description.find("enum") != std::string::npos)
    return Violation{std::move(location),
                     "must be one of " + listed(*values) +
                         (secret || found == nullptr ? "" : ", but is " + shown(*found))};
  if (const Json* constant = member(node, "const");
      constant != nullptr && description.find("'const'") != std::string::npos)
    return Violation{std::move(location),
                     secret ? "has another value than the schema's" : "must be " + shown(*constant)};
  if (const Json* least = member(node, "minLength");
      least != nullptr && description.starts_with("String should be no fewer"))
    return Violation{std::move(location), *least == 1
                                              ? "must not be empty"
                                              : "must have at least " + shown(*least) + " characters"};
  if (const Json* most = member(node, "maxLength");
      most != nullptr && description.starts_with("String should be no more"))
    return Violation{std::move(location), "must have at most " + shown(*most) + " characters"};
  if (description.starts_with("Expected number")) {
    const Json* least = member(node, "minimum");
    const Json* most = member(node, "maximum");
    std::string bound = least != nullptr && most != nullptr
                            ? "between " + shown(*least) + " and " + shown(*most)
                        : least != nullptr ? "at least " + shown(*least)
                        : most != nullptr  ? "at most " + shown(*most)
                                           : lowered(description);
    return Violation{std::move(location),
                     "must be " + bound + (found == nullptr ? "" : ", but is " + shown(*found))};
  }
  return Violation{std::move(location), secret ? "does not match its schema" : lowered(description)};
}

namespace {

bool isUri(const std::string& text) {
  static const std::regex form("^[A-Za-z][A-Za-z0-9+.-]*:[^\\s]+$");
  const auto scheme = text.find("://");
  if (scheme != std::string::npos && (scheme + 3 >= text.size() || text[scheme + 3] == '/')) return false;
  return std::regex_match(text, form);
}

bool isEmail(const std::string& text) {
  const auto at = text.rfind('@');
  return at != std::string::npos && at > 0 && at <= 64 && at + 1 < text.size() && text.size() <= 254 &&
         text.find_first_of(" \t\r\n<>,;") == std::string::npos;
}

bool isHostname(const std::string& text) {
  static const std::regex form(
      "^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\\.?$");
  return text.size() <= 253 && std::regex_match(text, form);
}

std::string checkFormat(const std::string& format, const std::string& text) {
  if (text.size() > maxPatternText) return "is longer than " + std::to_string(maxPatternText) + " bytes";
  if ((format == "uri" || format == "url") && !isUri(text))
    return "must be a URL such as https://example.com/";
  if (format == "email" && !isEmail(text)) return "must be an e-mail address";
  if (format == "hostname" && !isHostname(text)) return "must be a host name";
  return "";
}

}  // namespace

void checkTexts(const Json& schema, const Json& value, std::vector<std::string>& location,
                std::vector<Violation>& violations) {
  if (!schema.is_object()) return;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const Json* mark = member(&schema, "x-dispatch-secret");
    const bool secret = mark != nullptr && *mark == true;
    if (const Json* pattern = member(&schema, "pattern"); pattern != nullptr && pattern->is_string()) {
      if (text.size() > maxPatternText)
        violations.push_back({location, "is longer than " + std::to_string(maxPatternText) + " bytes"});
      else if (!std::regex_search(text, std::regex(pattern->get<std::string>(), std::regex::ECMAScript)))
        violations.push_back({location, secret ? "does not have the expected form"
                                               : "must match the pattern " + pattern->get<std::string>()});
    }
    if (const Json* format = member(&schema, "format");
        format != nullptr && format->is_string() && !text.empty())
      if (auto wrong = checkFormat(format->get<std::string>(), text); !wrong.empty())
        violations.push_back({location, std::move(wrong)});
  } else if (value.is_object()) {
    const Json* properties = member(&schema, "properties");
    for (const auto& entry : value.items()) {
      const Json* inner = member(properties, entry.key());
      if (inner == nullptr) inner = member(&schema, "additionalProperties");
      if (inner == nullptr) continue;
      location.push_back(entry.key());
      checkTexts(*inner, entry.value(), location, violations);
      location.pop_back();
    }
  } else if (value.is_array()) {
    const Json* items = member(&schema, "items");
    if (items == nullptr || !items->is_object()) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      location.push_back(std::to_string(i));
      checkTexts(*items, value[i], location, violations);
      location.pop_back();
    }
  }
}

Json withoutTextKeywords(Json schema) {
  if (!schema.is_object()) return schema;
  // Compiled once here, so that a pattern that is none is found with the schema and not with the first value.
  if (const Json* pattern = member(&schema, "pattern"); pattern != nullptr && pattern->is_string())
    (void)std::regex(pattern->get<std::string>(), std::regex::ECMAScript);
  schema.erase("pattern");
  schema.erase("format");
  if (auto properties = schema.find("properties"); properties != schema.end() && properties->is_object())
    for (auto& entry : properties->items()) entry.value() = withoutTextKeywords(std::move(entry.value()));
  for (const char* key : {"items", "additionalProperties"})
    if (auto inner = schema.find(key); inner != schema.end() && inner->is_object())
      *inner = withoutTextKeywords(std::move(*inner));
  return schema;
}

}  // namespace dispatch::plugin
