#include "base/json.hpp"

#include "base/problem.hpp"

#include <set>
#include <string>
#include <vector>

namespace dispatch {

Json parseJson(std::string_view text, std::string_view what, int maxDepth) {
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > maxDepth)
      throw Problem(Problem::Kind::invalid,
                    std::string(what) + " nests deeper than " + std::to_string(maxDepth) + " levels");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw Problem(Problem::Kind::invalid,
                    std::string(what) + " has the key \"" + parsed.get<std::string>() + "\" twice");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    // Not only parse_error: a number beyond a double's range is out_of_range.
    throw Problem(Problem::Kind::invalid, std::string(what) + " is not valid JSON: " + error.what())
        .withType("json_invalid");
  }
}

std::string dumpJson(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string textOr(const Json& object, std::string_view key, std::string_view fallback) {
  if (auto found = object.find(key); found != object.end() && found->is_string())
    return found->get<std::string>();
  return std::string(fallback);
}

}  // namespace dispatch
