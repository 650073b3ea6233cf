#pragma once

#include "plugin/instance.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// A JSON Schema (draft 7), compiled once. [any-thread]
class JsonSchema {
 public:
  /// Throws Problem(invalid) if `schema` is none; `what` names it there ("The contract ticket.create").
  JsonSchema(const Json& schema, const std::string& what);
  ~JsonSchema();
  JsonSchema(const JsonSchema&) = delete;
  JsonSchema& operator=(const JsonSchema&) = delete;

  /// Every violation, sorted by place; the messages name no value of a field that is marked
  /// x-dispatch-secret.
  std::vector<Violation> check(const Json& value) const;

  /// The first violations as one sentence: "host is required; port must be an integer, but is text". "" if
  /// there are none.
  static std::string sentence(const std::vector<Violation>& violations);

 private:
  struct Compiled;
  std::unique_ptr<Compiled> _compiled;
};

/// "configuration.recipients.0": a location for people.
std::string placeText(const std::vector<std::string>& location);

}  // namespace dispatch::plugin
