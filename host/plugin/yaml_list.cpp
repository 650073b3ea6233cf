#include "plugin/yaml_list.hpp"

#include "base/problem.hpp"

namespace dispatch::plugin {

YamlList::YamlList(const Json& yaml, const char* key, const char* example) : _key(key), _example(example) {
  if (!yaml.is_object()) return;
  const auto found = yaml.find(key);
  if (found == yaml.end() || found->is_null()) return;
  if (!found->is_array())
    throw Problem(Problem::Kind::invalid,
                  "dispatch.yaml: `" + std::string(key) + ":` must be a list, e.g. [" + example + "].",
                  {key});
  _entries = *found;
}

const Json& YamlList::entry(std::size_t index) const {
  const auto& entry = _entries.at(index);
  if (!entry.is_object()) refuse(index, "is no mapping.");
  return entry;
}

void YamlList::refuse(std::size_t index, const std::string& what, const std::string& member) const {
  std::vector<std::string> location{_key, std::to_string(index)};
  if (!member.empty()) location.push_back(member);
  throw Problem(Problem::Kind::invalid,
                "dispatch.yaml: entry " + std::to_string(index + 1) + " of `" + _key + ":` " + what +
                    " Expected is e.g. " + _example + '.',
                std::move(location));
}

}  // namespace dispatch::plugin
