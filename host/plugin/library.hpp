#pragma once

#include "plugin/package.hpp"

#include <dispatch/abi.h>

#include <memory>
#include <string>

namespace dispatch::plugin {

/// A plugin's library in this process: the verified bytes of its package, mapped once per package digest and
/// never unmapped, since threads, thread-local destructors and statics of the plugin may outlive whatever
/// used it.
class Library {
 public:
  /// Loads `package` (as readPackage() returned it) or returns the one already loaded from the same digest.
  /// [any-thread] Throws Problem(invalid) with a sentence where the loader refuses, where the query function
  /// answers something unusable, or where id, version or sanitizer are not the manifest's and the host's;
  /// Problem(unavailable) where the system has no memory file for it.
  static std::shared_ptr<const Library> load(const Package& package);

  const dispatch_plugin_v1& table() const noexcept { return *_table; }
  const std::string& buildInfo() const noexcept { return _buildInfo; }

 private:
  struct Mapping;
  Library() = default;

  Mapping* _mapping = nullptr;  ///< never freed: see above
  const dispatch_plugin_v1* _table = nullptr;
  std::string _buildInfo;
};

/// What a query table must hold to be used. Throws Problem(invalid).
void checkQueryTable(const dispatch_plugin_v1* table, const Manifest& manifest);

}  // namespace dispatch::plugin
