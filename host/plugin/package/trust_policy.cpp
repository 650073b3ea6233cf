#include "plugin/package/trust_policy.hpp"

#include "base/problem.hpp"

#include <filesystem>

namespace dispatch::plugin {

std::map<std::string, std::string> readUnsigned(const config::Settings& settings) {
  std::map<std::string, std::string> allowed;
  const auto& yaml = settings.yaml();
  const auto found = yaml.is_object() ? yaml.find("unsigned") : yaml.end();
  if (!yaml.is_object() || found == yaml.end() || found->is_null()) return allowed;
  const auto file = std::filesystem::path(settings.yamlPath()).filename().string();
  for (std::size_t i = 0; i < found->size(); ++i) {
    const auto& entry = (*found)[i];
    const auto line = settings.yamlLine("/unsigned/" + std::to_string(i));
    const auto where = file + (line ? " line " + std::to_string(*line) : "");
    if (!entry.is_string() || entry.get_ref<const std::string&>().empty() ||
        entry.get_ref<const std::string&>().find('*') != std::string::npos)
      throw Problem(
          Problem::Kind::invalid,
          where + ": entry " + std::to_string(i + 1) + " of `unsigned:` is " + dumpJson(entry).substr(0, 80) +
              "; expected is the id of one plugin, such as my-own-plugin. Each is named for itself.",
          {"unsigned", std::to_string(i)});
    allowed.emplace(entry.get<std::string>(), where);
  }
  return allowed;
}

std::string PackageTrust::text() const {
  if (isSigned) return "signed by \"" + keyName + "\" (key " + keyId + ")";
  return unsignedAllowedBy.empty() ? "" : "unsigned, allowed by " + unsignedAllowedBy;
}

std::string packageMark(const std::string& id, const std::string& version) {
  return "dispatch-plugin:" + id + '@' + version;
}

}  // namespace dispatch::plugin
