// Integrations in which nothing is enabled; tests derive from it and override what they are about.
#pragma once

#include "base/problem.hpp"
#include "integrations/integrations.hpp"

namespace dispatch::integrations::testing {

class IdleIntegrations : public Integrations {
 public:
  void start() override {}
  void stop() override {}
  void initProject(store::Session&, std::int64_t, std::int64_t) override {}
  std::vector<Enablement> list(std::int64_t, std::optional<std::int64_t>) override { return {}; }
  Enablement get(std::int64_t) override { throw Problem(Problem::Kind::notFound, "none"); }
  Enablement change(std::int64_t, std::optional<bool>, const Json&, const std::string&) override {
    return get(0);
  }
  Enablement add(std::int64_t, std::int64_t, const std::string&, bool, const Json&,
                 const std::string&) override {
    return get(0);
  }
  void remove(std::int64_t, const std::string&) override {}
  plugin::JsonOutcome test(std::int64_t, const Json&, const Json&) override { return {}; }
  Serving serving(std::int64_t, const std::string&) override { return {}; }
  Serving byId(std::int64_t) override { return {}; }
  std::vector<Serving> allServing(std::int64_t, const std::string&) override { return {}; }
  std::vector<Serving> running(std::string_view) override { return {}; }
  std::map<std::string, std::string> ailing() override { return {}; }
  std::vector<Serving> authProviders() override { return {}; }
  Json reload(const std::string&, const std::string&) override { return Json::object(); }
  Json tryOut(const std::string&, const TrialPlan&, const std::string&) override { return Json::object(); }
  Json endTrial(const std::string&, bool, const std::string&) override { return Json::object(); }
};

}  // namespace dispatch::integrations::testing
