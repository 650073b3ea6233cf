#pragma once

#include "plugin/package/package.hpp"

#include <dispatch/abi.h>

#include <memory>
#include <string>

namespace dispatch::plugin {

/// Where a plugin's functions are: in this process, or behind a worker (WorkerLibrary). Whoever calls them
/// need not know.
class Library {
 public:
  virtual ~Library() = default;

  /// Into this process: the verified bytes of the package, mapped once per package digest and never unmapped,
  /// since threads, thread-local destructors and statics of the plugin may outlive whatever used it. Loads
  /// `package` (as readPackage() returned it) or returns the one already loaded from the same digest.
  /// [any-thread] Throws Problem(invalid) with a sentence where the loader refuses, where the query function
  /// answers something unusable, or where id, version or sanitizer are not the manifest's and the host's;
  /// Problem(unavailable) where the system has no memory file for it.
  static std::shared_ptr<const Library> load(const Package& package);

  const dispatch_plugin_v1& table() const noexcept { return *_table; }
  const std::string& buildInfo() const noexcept { return _buildInfo; }
  const std::string& buildId() const noexcept { return _buildId; }  ///< Package::buildId
  virtual std::string_view home() const noexcept { return "process"; }

 protected:
  Library() = default;

  const dispatch_plugin_v1* _table = nullptr;
  std::string _buildInfo, _buildId;

 private:
  struct Mapping;
  Mapping* _mapping = nullptr;  ///< never freed: see load()
};

/// A file in memory with the package's library that nobody can change any more, this process included. The
/// caller closes it. Throws Problem(unavailable).
int sealedFile(const Package& package);

}  // namespace dispatch::plugin
