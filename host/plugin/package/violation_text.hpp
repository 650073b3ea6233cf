#pragma once

#include "plugin/instance.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// Turns what a validator reports (a place and its own words) into a sentence for the person who filled in
/// the form, or nullopt where the report only repeats another one further inside. `schema` and `value` are
/// the whole ones.
std::optional<Violation> explainViolation(const Json& schema, const Json& value,
                                          std::vector<std::string> location, const std::string& description);

/// Checks what the validator does not: `format` of uri, email and hostname; and `pattern` with a bound on the
/// length, because std::regex recurses once per character and a long text would overflow the stack.
void checkTexts(const Json& schema, const Json& value, std::vector<std::string>& location,
                std::vector<Violation>& violations);

/// `schema` without the keywords that checkTexts checks. Throws std::regex_error for a pattern that is none.
Json withoutTextKeywords(Json schema);

}  // namespace dispatch::plugin
