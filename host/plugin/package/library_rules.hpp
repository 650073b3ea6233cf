#pragma once

#include "plugin/package/elf_image.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// One thing that a plugin's library must keep to before it may be loaded.
struct LibraryRule {
  std::string_view name;  ///< "one-export": stands in the refusal and in `dispatch plugins show`
  /// The sentence that says what was expected, what was found and how to fix it; nullopt where the rule is
  /// kept.
  std::optional<std::string> (*check)(const ElfImage& image);
};

/// In the order in which they are checked.
const std::vector<LibraryRule>& libraryRules();

/// Is this host built with a sanitizer? "" or "asan" or "tsan": libraries built with another one cannot be
/// loaded.
std::string_view hostSanitizer();

/// Throws Problem(invalid) for the first rule that `library` (the bytes of a file called `name`) breaks.
/// Answers its build-id.
std::string checkLibrary(std::string_view library, const std::string& name);

}  // namespace dispatch::plugin
