#pragma once

#include "base/json.hpp"

#include <map>
#include <string>

namespace dispatch::config {

/// A YAML file as JSON, with the line (counted from 1) of every value by its JSON pointer,
/// "/plugins/0/enabled".
struct YamlDocument {
  Json value = Json::object();
  std::map<std::string, int> lines;
};

/// Reads one YAML document whose top is a mapping (or nothing at all). Plain scalars are typed by the core
/// schema of YAML 1.2: `yes` and `on` are text. Throws Problem(invalid) with `path:line`, what was found and
/// how to fix it: not YAML, a key twice, a key that is no text, several documents, more than 64 levels, or
/// more than 20,000 values once aliases are expanded.
YamlDocument parseYaml(const std::string& text, const std::string& path);

}  // namespace dispatch::config
