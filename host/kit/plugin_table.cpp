#include "kit/plugin_table.hpp"

#include "base/problem.hpp"
#include "kit/sample.hpp"

#include <dlfcn.h>

namespace dispatch::kit {

PluginTable::PluginTable(const Subject& subject) {
  // Never closed: threads and destructors of the plugin may outlive whoever used it.
  void* library = ::dlopen(subject.libraryPath().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Problem(Problem::Kind::invalid, std::string("The library cannot be loaded: ") + ::dlerror());
  const auto query = reinterpret_cast<dispatch_plugin_query_v1_fn>(::dlsym(library, DISPATCH_QUERY_SYMBOL));
  _table = query == nullptr ? nullptr : query();
  if (_table == nullptr)
    throw Problem(Problem::Kind::invalid,
                  "dispatch_plugin_query_v1 answers NULL; expected is the address of a static table.");
}

Json PluginTable::withHandles(const Json& schema, Json configuration) {
  return withSecrets(schema, std::move(configuration),
                     [&](const Json&, const std::string& secret) { return _host.secret(secret); });
}

}  // namespace dispatch::kit
