// The only file that includes valijson: its templates cost ten seconds of compile time. Without this macro it
// answers a schema that it cannot read by ending the process.
#define VALIJSON_USE_EXCEPTIONS 1

#include "plugin/package/json_schema.hpp"

#include "base/problem.hpp"
#include "plugin/package/violation_text.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <algorithm>

namespace dispatch::plugin {

struct JsonSchema::Compiled {
  Json source;
  Json reduced;
  valijson::Schema schema;
};

JsonSchema::JsonSchema(const Json& schema, const std::string& what)
    : _compiled(std::make_unique<Compiled>()) {
  if (!schema.is_object()) throw Problem(Problem::Kind::invalid, what + " must be a JSON Schema object.");
  _compiled->source = schema;
  try {
    _compiled->reduced = withoutTextKeywords(schema);
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(_compiled->reduced), _compiled->schema);
  } catch (const std::exception& error) {
    throw Problem(Problem::Kind::invalid, what + " is not a valid JSON Schema: " + error.what());
  }
}

JsonSchema::~JsonSchema() = default;

namespace {

/// "[\"host\"]", "[host]", "[0]" -> host, host, 0.
std::string place(const std::string& context) {
  if (context.size() < 2 || context.front() != '[' || context.back() != ']') return context;
  return context.substr(1, context.size() - 2);
}

}  // namespace

std::vector<Violation> JsonSchema::check(const Json& value) const {
  std::vector<Violation> violations;
  valijson::ValidationResults results;
  bool valid = false;
  try {
    valijson::Validator
        validator;  // has a cache of its own, so that one for each check keeps this [any-thread]
    valid = validator.validate(_compiled->schema, valijson::adapters::NlohmannJsonAdapter(value), &results);
  } catch (const std::exception& error) {
    return {{{}, std::string("cannot be checked against its schema: ") + error.what()}};
  }
  if (!valid) {
    for (const auto& error : results) {
      std::vector<std::string> location;
      for (std::size_t i = 1; i < error.context.size(); ++i) location.push_back(place(error.context[i]));
      if (auto violation = explainViolation(_compiled->source, value, std::move(location), error.description))
        violations.push_back(std::move(*violation));
    }
  }
  std::vector<std::string> location;
  checkTexts(_compiled->source, value, location, violations);
  if (!valid && violations.empty()) violations.push_back({{}, "does not match its schema"});
  std::stable_sort(violations.begin(), violations.end(), [](const Violation& a, const Violation& b) {
    return a.location < b.location || (a.location == b.location && a.message < b.message);
  });
  violations.erase(std::unique(violations.begin(), violations.end(),
                               [](const Violation& a, const Violation& b) {
                                 return a.location == b.location && a.message == b.message;
                               }),
                   violations.end());
  return violations;
}

std::string JsonSchema::sentence(const std::vector<Violation>& violations) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < violations.size() && i < most; ++i) {
    if (i > 0) text += "; ";
    const auto at = placeText(violations[i].location);
    text += (at.empty() ? "it" : at) + ' ' + violations[i].message;
  }
  if (violations.size() > most) text += "; and " + std::to_string(violations.size() - most) + " more";
  return text;
}

std::string placeText(const std::vector<std::string>& location) {
  std::string text;
  for (const auto& part : location) text += (text.empty() ? "" : ".") + part;
  return text;
}

}  // namespace dispatch::plugin
