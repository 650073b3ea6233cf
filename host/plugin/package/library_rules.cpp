#include "plugin/package/library_rules.hpp"

#include "base/problem.hpp"

#include <dispatch/abi.h>

#include <algorithm>
#include <array>

namespace dispatch::plugin {

namespace {

constexpr const char* rebuild =
    " Build it with dispatch_add_plugin() of the SDK, which sets the flags for this.";

std::string joined(const std::vector<std::string>& names, std::size_t most = 5) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

std::optional<std::string> machine(const ElfImage& image) {
  if (image.machine == ElfImage::hostMachine()) return std::nullopt;
  return "is built for another machine (ELF number " + std::to_string(image.machine) + ", this host is " +
         std::to_string(ElfImage::hostMachine()) + "). Install the package for this machine.";
}

std::optional<std::string> querySymbol(const ElfImage& image) {
  const auto& names = image.exportedSymbols;
  if (std::find(names.begin(), names.end(), DISPATCH_QUERY_SYMBOL) != names.end()) return std::nullopt;
  return std::string("does not export ") + DISPATCH_QUERY_SYMBOL +
         ": it is no Dispatch plugin, or one for another major version of the ABI (this host speaks " +
         std::to_string(DISPATCH_ABI_MAJOR) + ").";
}

std::optional<std::string> oneExport(const ElfImage& image) {
  if (image.exportedSymbols.size() == 1) return std::nullopt;
  std::vector<std::string> others;
  std::copy_if(image.exportedSymbols.begin(), image.exportedSymbols.end(), std::back_inserter(others),
               [](const std::string& name) { return name != DISPATCH_QUERY_SYMBOL; });
  return std::string("exports more than ") + DISPATCH_QUERY_SYMBOL + ": " + joined(others) +
         ". What is exported can collide with another plugin's." + rebuild;
}

std::optional<std::string> noUnique(const ElfImage& image) {
  if (image.uniqueSymbols.empty()) return std::nullopt;
  return "has UNIQUE symbols, which all plugins would share: " + joined(image.uniqueSymbols) + "." + rebuild;
}

std::optional<std::string> bindNow(const ElfImage& image) {
  if (image.bindsNow && image.relocationsReadOnly) return std::nullopt;
  return std::string("is not linked with -z now -z relro, so that its call tables stay writable.") + rebuild;
}

std::optional<std::string> noTextRelocations(const ElfImage& image) {
  if (!image.textRelocations && !image.writableCode) return std::nullopt;
  return std::string(
             "needs its code to be writable (text relocations): it is not built as position-independent "
             "code.") +
         rebuild;
}

std::optional<std::string> noExecutableStack(const ElfImage& image) {
  if (!image.executableStack) return std::nullopt;
  return "asks for an executable stack, which would make every stack of the host executable. Link it with "
         "-z noexecstack; assembler files need a .note.GNU-stack section.";
}

std::optional<std::string> noSearchPaths(const ElfImage& image) {
  if (image.searchPaths.empty() && image.loaderHooks.empty()) return std::nullopt;
  auto found = image.searchPaths;
  found.insert(found.end(), image.loaderHooks.begin(), image.loaderHooks.end());
  return "tells the loader where to look or whom to ask (RPATH, RUNPATH, AUDIT or FILTER: " + joined(found) +
         "), so that other code than the verified one could run. Link it without.";
}

bool allowed(const std::string& needed) {
  static constexpr std::array<std::string_view, 6> always{"libc.so.6",
                                                          "libm.so.6",
                                                          "libstdc++.so.6",
                                                          "libgcc_s.so.1",
                                                          "ld-linux-x86-64.so.2",
                                                          "ld-linux-aarch64.so.1"};
  static constexpr std::array<std::string_view, 3> sanitizers{"libasan.so.", "libubsan.so.", "libtsan.so."};
  if (std::find(always.begin(), always.end(), needed) != always.end()) return true;
  return !hostSanitizer().empty() &&
         std::any_of(sanitizers.begin(), sanitizers.end(),
                     [&](std::string_view name) { return needed.starts_with(name); });
}

std::optional<std::string> neededLibraries(const ElfImage& image) {
  std::vector<std::string> refused;
  std::copy_if(image.needed.begin(), image.needed.end(), std::back_inserter(refused),
               [](const std::string& name) { return !allowed(name); });
  if (refused.empty()) return std::nullopt;
  if (std::any_of(refused.begin(), refused.end(), [](const std::string& name) {
        return name.starts_with("libasan.") || name.starts_with("libubsan.") || name.starts_with("libtsan.");
      }))
    return "is built with a sanitizer (" + joined(refused) +
           "), which only a host built with the same one can load. Install the release build.";
  return "needs shared libraries that plugins may not have: " + joined(refused) +
         ". Allowed are libc, libm, libstdc++ and libgcc_s; link others statically (their symbols stay "
         "hidden).";
}

}  // namespace

const std::vector<LibraryRule>& libraryRules() {
  static const std::vector<LibraryRule> rules{
      {"machine", machine},
      {"query-symbol", querySymbol},
      {"one-export", oneExport},
      {"no-unique", noUnique},
      {"needed-libraries", neededLibraries},
      {"bind-now", bindNow},
      {"no-text-relocations", noTextRelocations},
      {"no-executable-stack", noExecutableStack},
      {"no-search-paths", noSearchPaths},
  };
  return rules;
}

std::string_view hostSanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return "asan";
#elif defined(__SANITIZE_THREAD__)
  return "tsan";
#else
  return "";
#endif
}

std::string checkLibrary(std::string_view library, const std::string& name) {
  ElfImage image;
  try {
    image = ElfImage::parse(library);
  } catch (const Problem& problem) {
    throw Problem(Problem::Kind::invalid, name + " " + problem.what() + " Install the package again.")
        .withType("plugin_library");
  }
  for (const auto& rule : libraryRules())
    if (auto sentence = rule.check(image))
      throw Problem(Problem::Kind::invalid, name + " " + *sentence + " (rule " + std::string(rule.name) + ")")
          .withType("plugin_library");
  return image.buildId;
}

}  // namespace dispatch::plugin
