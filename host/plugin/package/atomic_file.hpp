#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace dispatch::plugin {

/// Puts `text` at `path` so that a crash at any moment leaves the old content or the new one, whole: written
/// beside it, synchronised, renamed, directory synchronised. What root writes belongs to the owner of the
/// directory: a server without root's rights must be able to go on with it. Throws Problem(unavailable) with
/// the system's reason.
void writeFileAtomically(const std::string& path, std::string_view text, mode_t mode);

/// A new file with `text`, synchronised; not atomic by itself. Throws as above.
void writeNewFile(const std::string& path, std::string_view text, mode_t mode);

/// Makes what was renamed or created in `directory` last. What cannot be synchronised is left to the system.
void synchroniseDirectory(const std::string& directory);

/// Where root made `path`, gives it to the owner of `directory`; nobody else can, or has to. Throws as above.
void giveToOwnerOf(const std::string& directory, const std::string& path);

/// Makes `directory` below one that exists, unless it is there; owned as above.
void makeDirectory(const std::string& directory, mode_t mode);

}  // namespace dispatch::plugin
