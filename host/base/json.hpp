#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

namespace dispatch {

using Json = nlohmann::json;

/// Parses `text`; throws Problem(invalid) naming `what` and the position if it is not JSON, has a duplicate
/// key, or nests deeper than `maxDepth`.
Json parseJson(std::string_view text, std::string_view what, int maxDepth = 64);

/// One line of UTF-8; bytes that are not UTF-8 are replaced, never thrown about (a plugin's answer may hold
/// any).
std::string dumpJson(const Json& value);

/// Stands in a value for JSON that is text already, and becomes just that in dumpJson(): what is shown in
/// many places is written once. `text` must be one JSON value.
Json writtenJson(const std::string& text);

/// `object[key]` as text, or `fallback` where it is absent, null or not text.
std::string textOr(const Json& object, std::string_view key, std::string_view fallback = "");

}  // namespace dispatch
