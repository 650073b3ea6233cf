#include "kit/plugin_table.hpp"

#include "base/problem.hpp"

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
  if (!schema.is_object()) return configuration;
  if (schema.value("x-dispatch-secret", false))
    return configuration.is_string() ? _host.secret(configuration.get<std::string>()) : configuration;
  const Json none = Json::object();
  const auto properties = schema.value("properties", none);
  if (configuration.is_object())
    for (auto& entry : configuration.items())
      if (properties.contains(entry.key()))
        entry.value() = withHandles(properties.at(entry.key()), entry.value());
  if (configuration.is_array() && schema.contains("items"))
    for (auto& one : configuration) one = withHandles(schema.at("items"), one);
  return configuration;
}

}  // namespace dispatch::kit
