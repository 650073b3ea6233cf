// Who should take part: every individual, team and service of the project one of whose search filters matches
// the incident. The host evaluates the filters; a service stands for whoever is on call for it.
#include <dispatch/sdk.hpp>

#include <set>

namespace {

using dispatch::Call;
using dispatch::Json;
using dispatch::Members;
using dispatch::Participants;

constexpr int most = 1000;

class ParticipantResolver : public dispatch::ParticipantPlugin {
 public:
  ParticipantResolver(const dispatch::Host& host, const dispatch::Config&) : ParticipantPlugin(host) {}

  Participants get(const Call& call, const dispatch::ParticipantGet& request) {
    const Json query{{"matching_incident", request.incident.id}, {"limit", most}};
    Participants out;
    std::set<std::string> people;
    const auto add = [&](const Json& person, std::optional<std::int64_t> serviceId) {
      const Members in(person);
      const std::string email(dispatch::trim(in.textOr("email")));
      if (!email.empty() && people.insert(dispatch::lower(email)).second)
        out.individuals.push_back({email, in.textOr("name"), serviceId});
    };

    // Services first: who is both on call and named is there on behalf of the service.
    for (const Json& service : directory().services(call, query)) {
      if (!active(service)) continue;
      const Json oncall = Members(service).object("oncall");
      if (oncall.empty())
        log().info("Nobody is known to be on call for service \"" + Members(service).textOr("name") +
                       "\", which matches incident " + request.incident.name + ".",
                   &call);
      else
        add(oncall, Members(service).integer("id"));
    }
    for (const Json& individual : directory().individuals(call, query))
      if (active(individual)) add(individual, std::nullopt);

    std::set<std::string> teams;
    for (const Json& team : directory().teams(call, query)) {
      const Members in(team);
      const std::string email(dispatch::trim(in.textOr("email")));
      if (active(team) && !email.empty() && teams.insert(dispatch::lower(email)).second)
        out.teams.push_back({email, in.textOr("name")});
    }
    return out;
  }

 private:
  static bool active(const Json& object) { return object.value("is_active", true); }
};

}  // namespace

DISPATCH_PLUGIN(ParticipantResolver)
