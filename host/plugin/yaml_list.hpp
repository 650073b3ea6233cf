#pragma once

#include "base/json.hpp"

#include <cstddef>
#include <string>

namespace dispatch::plugin {

/// A list of mappings in dispatch.yaml. What is wrong with it is thrown as Problem(invalid), with the entry
/// and an example of a right one.
class YamlList {
 public:
  /// `key` and `example` outlive it. Without the key: an empty list.
  YamlList(const Json& yaml, const char* key, const char* example);

  std::size_t size() const noexcept { return _entries.size(); }
  const Json& entry(std::size_t index) const;  ///< a mapping
  [[noreturn]] void refuse(std::size_t index, const std::string& what, const std::string& member = "") const;

 private:
  const char* _key;
  const char* _example;
  Json _entries = Json::array();
};

}  // namespace dispatch::plugin
