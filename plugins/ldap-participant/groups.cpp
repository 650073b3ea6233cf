#include "groups.hpp"

#include <algorithm>
#include <array>

namespace ldap {

using dispatch::Failure;
using dispatch::lower;
using dispatch::quoteLine;

namespace {

constexpr std::size_t mostGroups = 100;
constexpr std::size_t mostReadings = 2000;
constexpr std::size_t uidsAtOnce = 50;
constexpr std::array memberAttributes{"member", "uniqueMember", "memberUid"};
/// In lower case. "group" is Active Directory's.
constexpr std::array groupClasses{"groupofnames", "groupofuniquenames", "posixgroup", "group"};

/// A value of uniqueMember without its optional bit string: "cn=x,dc=y#'0101'B" (RFC 4517 section 3.3.21).
std::string dnOf(const std::string& value) {
  const auto hash = value.rfind("#'");
  return hash != std::string::npos && value.ends_with("'B") ? value.substr(0, hash) : value;
}

std::string list(const std::vector<std::string>& items) {
  constexpr std::size_t shown = 5;
  std::string out;
  for (std::size_t i = 0; i < items.size() && i < shown; ++i)
    out += (i > 0 ? "; " : "") + quoteLine(items[i], 200);
  if (items.size() > shown) out += "; and " + std::to_string(items.size() - shown) + " more";
  return out;
}

}  // namespace

GroupSettings GroupSettings::read(const dispatch::Config& config) {
  GroupSettings out;
  out.base = std::string(dispatch::trim(config.text("base_dn")));
  out.scope = readScope(config, "scope");
  std::set<std::string> known;
  for (const auto& [name, values] : valuesOf({})) known.insert(name);
  out.filter = readFilter(config, "group_filter", known);
  out.peopleBase = std::string(dispatch::trim(config.text("people_base_dn", "")));
  if (out.peopleBase.empty()) out.peopleBase = out.base;
  if (config.has("person_filter")) out.personFilter = readFilter(config, "person_filter", {});
  out.mail = readAttribute(config, "attribute_mail", "mail");
  out.name = readAttribute(config, "attribute_name", "cn");
  out.uid = readAttribute(config, "attribute_uid", "uid");
  for (const auto& [setting, value] : {std::pair("attribute_mail", &out.mail), {"attribute_uid", &out.uid}})
    if (value->empty())
      throw Failure::invalid("Setting \"" + std::string(setting) +
                             "\" is empty: people cannot be found without it.");
  out.nestingDepth = static_cast<int>(config.integer("nesting_depth", 3));
  out.mostPeople = static_cast<std::size_t>(std::max<std::int64_t>(config.integer("most_people", 100), 0));
  if (out.nestingDepth < 0 || out.nestingDepth > 10)
    throw Failure::invalid("Setting \"nesting_depth\" should be between 0 and 10.");
  if (out.mostPeople < 1 || out.mostPeople > 1000)
    throw Failure::invalid("Setting \"most_people\" should be between 1 and 1000.");
  out.groupsAreTeams = config.boolean("groups_are_teams", false);
  return out;
}

Values valuesOf(const dispatch::Incident& incident) {
  return {{"type", {incident.type}},
          {"severity", {incident.severity}},
          {"priority", {incident.priority}},
          {"project", {incident.project}},
          {"organization", {incident.organization}},
          {"status", {incident.status}},
          {"visibility", {incident.visibility}},
          {"tags", incident.tags}};
}

std::vector<std::string> GroupMembers::attributes() const {
  std::vector<std::string> out{"objectClass", _settings.mail};
  if (!_settings.name.empty()) out.push_back(_settings.name);
  out.insert(out.end(), memberAttributes.begin(), memberAttributes.end());
  return out;
}

bool GroupMembers::isGroup(const Entry& entry) const {
  for (const std::string& one : entry.values("objectClass"))
    if (std::find(groupClasses.begin(), groupClasses.end(), lower(one)) != groupClasses.end()) return true;
  return std::any_of(memberAttributes.begin(), memberAttributes.end(),
                     [&](const char* name) { return !entry.values(name).empty(); });
}

void GroupMembers::collect(const Values& values) {
  const Filter filter = _settings.filter.fill(values);
  Found found =
      _session.search({_settings.base, "base_dn", _settings.scope, filter, attributes(), mostGroups});
  if (found.more)
    throw Failure::invalid("More than " + std::to_string(mostGroups) + " groups match " +
                           quoteLine(filter.text(), 300) + ". Narrow setting \"group_filter\".");
  _references = std::move(found.references);
  // In the same order each time.
  std::sort(found.entries.begin(), found.entries.end(),
            [](const Entry& a, const Entry& b) { return a.dn < b.dn; });
  for (const Entry& group : found.entries) _groups.push_back(group.dn);
  for (const Entry& group : found.entries) {
    const std::string mail = group.value(_settings.mail);
    if (_settings.groupsAreTeams && mail.find('@') != std::string::npos &&
        _seenMails.insert(lower(mail)).second)
      _participants.teams.push_back({mail, _settings.name.empty() ? "" : group.value(_settings.name)});
    visit(group, 0);
  }
}

void GroupMembers::visit(const Entry& group, int depth) {
  if (!_seenGroups.insert(lower(group.dn)).second) return;
  // Active Directory gives no more than 1,500 values of an attribute at once.
  for (const Entry::Attribute& attribute : group.attributes)
    if (lower(attribute.description).starts_with("member;range="))
      throw Failure::invalid(
          "Group " + quoteLine(group.dn, 200) +
          " has more members than the server tells at once. Choose smaller groups by \"group_filter\".");
  for (const char* name : {"member", "uniqueMember"})
    for (const std::string& value : group.values(name)) member(dnOf(value), depth);
  const std::vector<std::string> uids = group.values("memberUid");
  for (auto at = uids.begin(); at != uids.end();) {
    const auto end = at + std::min<std::ptrdiff_t>(uidsAtOnce, uids.end() - at);
    membersByUid({at, end});
    at = end;
  }
}

void GroupMembers::countReading() {
  if (++_readings > mostReadings)
    throw Failure::invalid("The groups that match have more than " + std::to_string(mostReadings) +
                           " members. Narrow setting \"group_filter\": " + list(_groups) + ".");
}

void GroupMembers::member(const std::string& dn, int depth) {
  if (dn.empty() || !_seenMembers.insert(lower(dn)).second) return;
  countReading();
  std::vector<Filter> wanted{_settings.personFilter};
  for (const char* name : groupClasses) wanted.push_back(Filter::equal("objectClass", name));
  Found found;
  try {
    found =
        _session.search({dn, "group_filter", Scope::base, Filter::anyOf(std::move(wanted)), attributes(), 1});
  } catch (const Failure& failure) {
    if (failure.status() != DISPATCH_ERR_NOT_FOUND) throw;
    _gone.push_back(dn);
    return;
  }
  if (found.entries.empty()) return;  // not somebody that person_filter lets in
  const Entry& entry = found.entries.front();
  if (!isGroup(entry))
    person(entry);
  else if (depth < _settings.nestingDepth)
    visit(entry, depth + 1);
  else if (!_seenGroups.contains(lower(entry.dn)))
    _tooDeep.push_back(entry.dn);
}

void GroupMembers::membersByUid(const std::vector<std::string>& uids) {
  std::vector<Filter> any;
  for (const std::string& uid : uids)
    if (!uid.empty()) any.push_back(Filter::equal(_settings.uid, uid));
  if (any.empty()) return;
  countReading();
  // One more than there are names, to notice a name of two people.
  const Found found =
      _session.search({_settings.peopleBase,
                       "people_base_dn",
                       Scope::subtree,
                       Filter::allOf({Filter::anyOf(std::move(any)), _settings.personFilter}),
                       {_settings.mail, _settings.name.empty() ? "1.1" : _settings.name, _settings.uid},
                       uids.size()});
  if (found.more)
    throw Failure::invalid("In " + quoteLine(_settings.peopleBase, 200) + ", some value of " + _settings.uid +
                           " that a group names is that of several people. Narrow \"people_base_dn\" or "
                           "\"person_filter\".");
  std::set<std::string> there;
  for (const Entry& entry : found.entries) {
    for (const std::string& uid : entry.values(_settings.uid)) there.insert(lower(uid));
    person(entry);
  }
  for (const std::string& uid : uids)
    if (!there.contains(lower(uid))) _gone.push_back(_settings.uid + "=" + uid);
}

void GroupMembers::person(const Entry& entry) {
  const std::string mail = entry.value(_settings.mail);
  if (mail.find('@') == std::string::npos) {
    _withoutMail.push_back(entry.dn);
    return;
  }
  if (!_seenMails.insert(lower(mail)).second) return;
  if (_participants.individuals.size() >= _settings.mostPeople)
    throw Failure::invalid("The groups that match bring more than " + std::to_string(_settings.mostPeople) +
                           " people into the incident: " + list(_groups) +
                           ". Narrow setting \"group_filter\", or raise \"most_people\" if that is meant.");
  _participants.individuals.push_back(
      {mail, _settings.name.empty() ? "" : entry.value(_settings.name), std::nullopt});
}

std::vector<std::string> GroupMembers::remarks() const {
  std::vector<std::string> out;
  const auto add = [&](const std::vector<std::string>& items, const std::string& what) {
    if (!items.empty()) out.push_back(what + ": " + list(items) + ".");
  };
  add(_gone, "Members of groups that are not there, or may not be read by this login");
  add(_withoutMail, "Members of groups without an e-mail address in attribute " + _settings.mail);
  add(_tooDeep, "Groups nested deeper than \"nesting_depth\" allows, whose members were left out");
  add(_references, "Other servers that may have more groups, and are not asked");
  return out;
}

}  // namespace ldap
