// Who should take part, from the groups of an LDAP directory: the members of those that a filter with the
// incident's type, priority, project or tags finds.
#include "groups.hpp"

#include <dispatch/sdk.hpp>

namespace {

using dispatch::Call;
using dispatch::Failure;
using dispatch::Participants;
using dispatch::quoteLine;
using dispatch::TestReport;

std::string count(std::size_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

class LdapParticipant : public dispatch::ParticipantPlugin {
 public:
  LdapParticipant(const dispatch::Host& host, const dispatch::Config& config)
      : ParticipantPlugin(host),
        _settings(ldap::Settings::read(config)),
        _groups(ldap::GroupSettings::read(config)) {}

  Participants get(const Call& call, const dispatch::ParticipantGet& request) {
    const ldap::Values values = ldap::valuesOf(request.incident);
    if (_groups.filter.fill(values).isNothing()) return {};
    ldap::Session session(host(), call, _settings);
    (void)session.secure();
    (void)session.login();
    ldap::GroupMembers members(session, _groups);
    members.collect(values);
    session.unbind();
    for (const std::string& remark : members.remarks())
      log().warning(remark + " Incident " + request.incident.name + ".", &call);
    return members.participants();
  }

  /// Connects and logs in as for an incident, reads the base, and looks who would come to the incident that
  /// the operator described.
  TestReport test(const Call& call, const dispatch::Json& input) {
    TestReport report;
    const char* step = "Connection";
    try {
      ldap::Session session(host(), call, _settings);
      report.pass(step, "Connected to " + _settings.where() + ".");
      step = "Encryption";
      report.pass(step, session.secure());
      step = "Login";
      report.pass(step, session.login());
      step = "Base DN";
      const auto base =
          session.search({_groups.base, "base_dn", ldap::Scope::base, ldap::Filter::anything(), {"1.1"}, 1});
      if (base.entries.empty())
        throw Failure::notFound("The login may not read " + quoteLine(_groups.base, 200) +
                                ", which \"base_dn\" names: give it the right to, or enter another DN.");
      report.pass(step, quoteLine(base.entries.front().dn, 200) + " is there.");
      step = "Groups";
      ldap::GroupMembers members(session, _groups);
      members.collect(ldap::valuesOf(described(input)));
      session.unbind();
      report.pass(step, groupsDetail(members));
      for (const std::string& remark : members.remarks()) report.pass("Remark", remark);
      report.summary = "Such an incident would bring in " +
                       count(members.participants().individuals.size(), "person", "people") + " from " +
                       count(members.groups().size(), "group", "groups") + ".";
    } catch (const Failure& failure) {
      report.fail(step, failure.message());
      report.summary = failure.message();
    }
    return report;
  }

 private:
  static dispatch::Incident described(const dispatch::Json& input) {
    const dispatch::Members in(input);
    dispatch::Incident out;
    out.type = in.textOr("type");
    out.severity = in.textOr("severity");
    out.priority = in.textOr("priority");
    out.project = in.textOr("project");
    if (const std::string tag = in.textOr("tag"); !tag.empty()) out.tags.push_back(tag);
    return out;
  }

  static std::string groupsDetail(const ldap::GroupMembers& members) {
    constexpr std::size_t shown = 10;
    if (members.groups().empty()) return "No group matches the filter for such an incident.";
    std::string out = "Groups:";
    for (std::size_t i = 0; i < members.groups().size() && i < shown; ++i)
      out += (i > 0 ? "; " : " ") + quoteLine(members.groups()[i], 200);
    out += ". People:";
    const auto& people = members.participants().individuals;
    if (people.empty()) out += " none";
    for (std::size_t i = 0; i < people.size() && i < shown; ++i)
      out += (i > 0 ? ", " : " ") + quoteLine(people[i].email, 100);
    if (people.size() > shown) out += " and " + std::to_string(people.size() - shown) + " more";
    return out + ".";
  }

  ldap::Settings _settings;
  ldap::GroupSettings _groups;
};

}  // namespace

DISPATCH_PLUGIN(LdapParticipant)
