#pragma once

#include "plugin/instance.hpp"
#include "plugin/package/json_schema.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// The published contracts of the plugin types: what goes into each method and what must come out. Immutable.
/// [any-thread]
class Contracts {
 public:
  /// Reads every <type>.json and plugin.schema.json in `directory`. Throws Problem(invalid) naming the file
  /// that is missing or wrong.
  explicit Contracts(const std::string& directory);

  struct Method {
    Effect effect = Effect::atMostOnce;
    std::uint32_t revision = 1;
    bool optional = false;
    std::unique_ptr<JsonSchema> input, output;
  };
  const Method* method(std::string_view type, std::string_view name) const;
  const Json* contract(std::string_view type) const;
  std::vector<std::string> types() const;
  const Json& manifestSchema() const { return _manifestSchema; }

 private:
  struct Type {
    Json contract;
    std::map<std::string, Method, std::less<>> methods;
  };
  std::map<std::string, Type, std::less<>> _types;
  Json _manifestSchema;
};

}  // namespace dispatch::plugin
