#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace dispatch::plugin {

/// Reads every file of a package directory once, through the directory's descriptor, so that nothing can be
/// exchanged between looking and reading. Throws Problem(invalid) for a symbolic link, a subdirectory,
/// anything else that is no regular file, a file that everybody may write, and for more than 64 files, 64 MiB
/// a file or 128 MiB together; Problem(unavailable) where the system refuses to read.
std::map<std::string, std::string> readPackageDirectory(const std::string& directory);

}  // namespace dispatch::plugin
