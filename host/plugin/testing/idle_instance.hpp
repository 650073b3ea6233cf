// An instance that does nothing and does it well; tests derive from it and override what they are about.
#pragma once

#include "plugin/plugin.hpp"

namespace dispatch::plugin::testing {

class IdleInstance : public Instance {
 public:
  const Manifest& manifest() const override { return _manifest; }
  const Scope& scope() const override { return _scope; }
  std::string home() const override { return "process"; }
  Outcome start() override { return fine(); }
  Outcome reconfigure(Configuration) override { return fine(); }
  void drainAndStop() override {}
  std::vector<Method> methods() const override { return {}; }
  bool has(std::string_view) const override { return true; }
  JsonOutcome invoke(const std::string&, const Json&, const CallOptions&) override { return fine(); }
  JsonOutcome test(const Json&, const CallOptions&) override { return fine(); }
  JsonOutcome describeAuth(const CallOptions&) override { return fine(); }
  JsonOutcome authenticate(const Json&, const CallOptions&) override { return fine(); }
  SecretOutcome decrypt(const std::string&, const std::string&, const CallOptions&) override { return {}; }
  JsonOutcome encrypt(const std::string&, std::string_view, const CallOptions&) override { return fine(); }
  Statistics statistics() const override { return {}; }
  std::vector<Outbound> outbound() const override { return {}; }

 protected:
  static JsonOutcome fine() {
    JsonOutcome outcome;
    outcome.status = DISPATCH_OK;
    return outcome;
  }
  Manifest _manifest;
  Scope _scope;
};

}  // namespace dispatch::plugin::testing
