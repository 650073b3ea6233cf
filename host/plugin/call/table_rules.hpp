#pragma once

#include "plugin/package/package.hpp"

#include <dispatch/abi.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// One thing that a query table must hold before anything of it is called.
struct TableRule {
  std::string_view name;  ///< "table-id": stands in the refusal
  /// The sentence that says what was expected, what was found and how to fix it; nullopt where the rule is
  /// kept.
  std::optional<std::string> (*check)(const dispatch_plugin_v1* table, const Manifest& manifest);
  /// Without this one the others would read what is not there.
  bool needed = false;
};

/// In the order in which they are checked.
const std::vector<TableRule>& tableRules();

/// What a plugin's query function answered, in this process or told by a worker. Throws Problem(invalid) for
/// the first rule that it breaks.
void checkQueryTable(const dispatch_plugin_v1* table, const Manifest& manifest);

}  // namespace dispatch::plugin
