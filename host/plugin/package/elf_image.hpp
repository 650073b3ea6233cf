#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// What a shared library says about itself, read from its bytes without loading it: loading runs its
/// constructors, which is before anything could be checked. ELF64, little endian (System V gABI, chapters 4
/// and 5).
struct ElfImage {
  std::uint16_t machine = 0;                 ///< EM_X86_64, EM_AARCH64, …
  std::string buildId;                       ///< the linker's (NT_GNU_BUILD_ID), in hex; "" = it has none
  std::vector<std::string> needed;           ///< DT_NEEDED, in order
  std::vector<std::string> exportedSymbols;  ///< defined, global or weak or unique, visible to others
  std::vector<std::string>
      uniqueSymbols;  ///< STB_GNU_UNIQUE: shared between libraries, whatever else was asked for
  std::vector<std::string> searchPaths;  ///< DT_RPATH and DT_RUNPATH
  std::vector<std::string> loaderHooks;  ///< DT_AUDIT, DT_DEPAUDIT, DT_FILTER, DT_AUXILIARY
  bool bindsNow = false;
  bool relocationsReadOnly = false;  ///< PT_GNU_RELRO
  bool textRelocations = false;
  bool executableStack = false;  ///< asked for, or not declined (no PT_GNU_STACK)
  bool writableCode = false;     ///< a segment that is both writable and executable

  /// The machine this host runs on.
  static std::uint16_t hostMachine();

  /// Throws Problem(invalid) whose message says which offset or table is wrong; every offset and length is
  /// checked against the size of `bytes` before it is used. Refuses what is no ELF64 shared object of this
  /// byte order.
  static ElfImage parse(std::string_view bytes);
};

}  // namespace dispatch::plugin
