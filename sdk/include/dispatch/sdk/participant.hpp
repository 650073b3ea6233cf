#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

struct Participants {
  struct Individual {
    std::string email, name;
    std::optional<std::int64_t> serviceId;  ///< the on-call service that brought them in
  };
  std::vector<Individual> individuals;
  std::vector<Mailbox> teams;
};
inline Json toJson(const Participants& participants) {
  Json out{{"individuals", Json::array()}, {"teams", Json::array()}};
  for (const auto& individual : participants.individuals) {
    Json item{{"email", individual.email}};
    sdk::put(item, "name", individual.name);
    if (individual.serviceId) item["service_id"] = *individual.serviceId;
    out["individuals"].push_back(std::move(item));
  }
  for (const auto& team : participants.teams) {
    Json item{{"email", team.email}};
    sdk::put(item, "name", team.name);
    out["teams"].push_back(std::move(item));
  }
  return out;
}

struct ParticipantGet {
  Incident incident;
  static ParticipantGet fromJson(const Json& value) {
    return {Incident::fromJson(Members(value).object("incident"))};
  }
};

/// Who should take part in an incident: contracts/participant.json.
class ParticipantPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Get, get, "get", ParticipantGet, Participants, 1, Effect::read, true,
                      "Participants get(const Call&, const ParticipantGet&)");
  using Methods = sdk::MethodList<Get>;

 protected:
  ~ParticipantPlugin() = default;
};

}  // namespace dispatch
