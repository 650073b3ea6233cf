#pragma once

#include "kit/behaviour.hpp"

#include <dispatch/testing/instance.hpp>

namespace dispatch::kit {

/// A plugin's query table and a host in memory around it (dispatch::testing): for what the server's own host
/// never lets through to a plugin. Loads the library into this process. Throws Problem where it cannot be
/// loaded.
class PluginTable {
 public:
  explicit PluginTable(const Subject& subject);

  const dispatch_plugin_v1& table() const { return *_table; }
  testing::FakeHost& host() { return _host; }
  /// A valid or invalid configuration with its secrets as the host hands them over: {"$secret": n}.
  Json withHandles(const Json& schema, Json configuration);

 private:
  const dispatch_plugin_v1* _table = nullptr;
  testing::FakeHost _host;
};

}  // namespace dispatch::kit
