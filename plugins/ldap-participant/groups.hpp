#pragma once

#include "../ldap-common/session.hpp"

#include <dispatch/sdk/participant.hpp>
#include <dispatch/sdk/services.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace ldap {

/// The part of the configuration that says who is in which group.
struct GroupSettings {
  std::string base;
  Scope scope = Scope::subtree;
  Filter filter = Filter::anything();  ///< of groups, with placeholders of an incident
  std::string peopleBase;              ///< of those whom posixGroup names by memberUid
  Filter personFilter = Filter::anything();
  std::string mail, name, uid;  ///< attributes
  int nestingDepth = 0;         ///< groups in groups; 0: none
  std::size_t mostPeople = 0;
  bool groupsAreTeams = false;

  /// Throws Failure(INVALID) with the setting and what to change.
  static GroupSettings read(const dispatch::Config& config);
};

/// What an incident says for the placeholders of the group filter.
Values valuesOf(const dispatch::Incident& incident);

/// Collects the members of groups: member of groupOfNames (RFC 4519 section 3.5), uniqueMember of
/// groupOfUniqueNames (section 3.6), memberUid of posixGroup (RFC 2307), and those of groups among them. For
/// one call.
class GroupMembers {
 public:
  GroupMembers(Session& session, const GroupSettings& settings) : _session(session), _settings(settings) {}

  /// Throws Failure(INVALID) where more people come out than the settings allow.
  void collect(const Values& values);

  const dispatch::Participants& participants() const { return _participants; }
  /// DNs of the groups that matched.
  const std::vector<std::string>& groups() const { return _groups; }
  /// What a person may want to know: members who are gone, have no address, or are nested too deep.
  std::vector<std::string> remarks() const;

 private:
  std::vector<std::string> attributes() const;
  bool isGroup(const Entry& entry) const;
  void visit(const Entry& group, int depth);
  void member(const std::string& dn, int depth);
  void membersByUid(const std::vector<std::string>& uids);
  void person(const Entry& entry);
  void countReading();

  Session& _session;
  const GroupSettings& _settings;
  dispatch::Participants _participants;
  std::vector<std::string> _groups, _gone, _withoutMail, _tooDeep, _references;
  std::set<std::string> _seenGroups, _seenMembers, _seenMails;
  std::size_t _readings = 0;
};

}  // namespace ldap
