#include "plugin/call/table_rules.hpp"

#include "base/problem.hpp"
#include "plugin/package/library_rules.hpp"
#include "plugin/service/service_support.hpp"

#include <cstddef>

namespace dispatch::plugin {

namespace {

using Sentence = std::optional<std::string>;

Sentence answered(const dispatch_plugin_v1* table, const Manifest&) {
  if (table != nullptr) return std::nullopt;
  return "answers its query with NULL: it does not want to serve this host.";
}

Sentence size(const dispatch_plugin_v1* table, const Manifest&) {
  // Up to and including what every version of the table has.
  constexpr auto least = offsetof(dispatch_plugin_v1, get_interface) + sizeof(table->get_interface);
  if (table->struct_size >= least && table->struct_size <= 64 * 1024) return std::nullopt;
  return "has a query table of " + std::to_string(table->struct_size) + " bytes, expected at least " +
         std::to_string(least) +
         ": it was built against another draft of the ABI. Build it again with this SDK.";
}

/// nullopt: there is no text that could be read.
std::optional<std::string> textOf(dispatch_str text) {
  if (text.ptr == nullptr || text.len == 0 || text.len > 1024) return std::nullopt;
  return std::string(text.ptr, text.len);
}

std::string unreadable(const char* what) {
  return std::string("has no usable ") + what + " in its query table. Build it again with the SDK.";
}

Sentence id(const dispatch_plugin_v1* table, const Manifest& manifest) {
  const auto found = textOf(table->id);
  if (!found) return unreadable("id");
  if (*found == manifest.id) return std::nullopt;
  return "says that it is \"" + oneLine(*found, 80) + "\", plugin.json says \"" + manifest.id +
         "\". The package was put together wrongly: build it again.";
}

Sentence version(const dispatch_plugin_v1* table, const Manifest& manifest) {
  const auto found = textOf(table->version);
  if (!found) return unreadable("version");
  if (*found == manifest.version) return std::nullopt;
  return "says that it has version \"" + oneLine(*found, 40) + "\", plugin.json says \"" + manifest.version +
         "\". The package was put together wrongly: build it again.";
}

Sentence functions(const dispatch_plugin_v1* table, const Manifest&) {
  const char* missing = table->create == nullptr          ? "create"
                        : table->destroy == nullptr       ? "destroy"
                        : table->get_interface == nullptr ? "get_interface"
                                                          : nullptr;
  if (missing == nullptr) return std::nullopt;
  return std::string("has no ") + missing + " in its query table, without which it cannot be used.";
}

Sentence sanitizer(const dispatch_plugin_v1* table, const Manifest&) {
  if (table->build_info.len == 0) return std::nullopt;
  const auto build = textOf(table->build_info);
  if (!build) return unreadable("build information");
  for (const std::string_view one : {"asan", "tsan"})
    if (build->find(one) != std::string::npos && hostSanitizer() != one)
      return "is built with a sanitizer (" + oneLine(*build, 120) +
             "), which only a host built with the same one can load. Install the release build.";
  return std::nullopt;
}

}  // namespace

const std::vector<TableRule>& tableRules() {
  static const std::vector<TableRule> rules{
      {"table-answered", answered, true}, {"table-size", size, true},     {"table-id", id},
      {"table-version", version},         {"table-functions", functions}, {"table-sanitizer", sanitizer},
  };
  return rules;
}

void checkQueryTable(const dispatch_plugin_v1* table, const Manifest& manifest) {
  for (const auto& rule : tableRules())
    if (const auto sentence = rule.check(table, manifest))
      throw Problem(Problem::Kind::invalid, manifest.library + " of plugin " + manifest.id + ' ' + *sentence +
                                                " (rule " + std::string(rule.name) + ")")
          .withType("plugin_library");
}

}  // namespace dispatch::plugin
