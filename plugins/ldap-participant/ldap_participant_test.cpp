#include "../ldap-common/testing/directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::Connection;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using ldap::testing::Directory;
using ldap::testing::World;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* high = "cn=dispatch-priority-High,ou=groups,dc=example,dc=com";
constexpr const char* highFilter = "(|(cn=dispatch-type-Default)(cn=dispatch-priority-High))";

std::string person(const std::string& uid) { return "uid=" + uid + ",ou=people,dc=example,dc=com"; }

class LdapParticipant : public testing::Test {
 protected:
  LdapParticipant() {
    host.onConnect = [this](const Connection& connection) {
      return std::make_unique<Directory>(world, connection.tls);
    };
    for (const char* uid : {"ada", "grace", "alan"}) addPerson(uid);
    world.entries.push_back({"ou=groups,dc=example,dc=com", {{"ou", {"groups"}}}});
    addGroup(high, "member", {person("grace"), person("ada")});
    world.matches[highFilter] = {high};
    settings = {{"host", "ldap.example.com"},
                {"port", 636},
                {"security", "tls"},
                {"base_dn", "ou=groups,dc=example,dc=com"},
                {"group_filter",
                 "(|(cn=dispatch-type-{type})(cn=dispatch-priority-{priority})(cn=dispatch-tag-{tags}))"}};
    incident = {{"id", 7},
                {"name", "dispatch-default-default-7"},
                {"title", "t"},
                {"type", "Default"},
                {"priority", "High"},
                {"tags", Json::array()}};
  }
  void addPerson(const std::string& uid) {
    world.entries.push_back({person(uid),
                             {{"objectClass", {"inetOrgPerson"}},
                              {"uid", {uid}},
                              {"cn", {uid + " of Example"}},
                              {"mail", {uid + "@example.com"}}}});
  }
  void addGroup(const std::string& dn, const std::string& attribute, const std::vector<std::string>& members,
                const std::string& objectClass = "groupOfNames") {
    world.entries.push_back({dn, {{"objectClass", {objectClass}}, {"cn", {dn}}, {attribute, members}}});
  }
  ldap::Entry& group(const std::string& dn) { return const_cast<ldap::Entry&>(*world.find(dn)); }
  Outcome get() {
    return host.load(dispatch_plugin_query_v1(), settings).invoke("get", {{"incident", incident}});
  }
  std::vector<std::string> mails(const Outcome& outcome) {
    EXPECT_TRUE(outcome.ok()) << outcome.message;
    std::vector<std::string> out;
    for (const Json& one : outcome.value["individuals"]) out.push_back(one["email"]);
    return out;
  }

  FakeHost host;
  World world;
  Json settings, incident;
};

TEST_F(LdapParticipant, BringsInTheMembersOfTheIncidentsGroups) {
  const Outcome outcome = get();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"individuals",
                                  {{{"email", "grace@example.com"}, {"name", "grace of Example"}},
                                   {{"email", "ada@example.com"}, {"name", "ada of Example"}}}},
                                 {"teams", Json::array()}}));
  EXPECT_EQ(world.asked[0].filter, highFilter);
  EXPECT_EQ(world.asked[0].base, "ou=groups,dc=example,dc=com");
  EXPECT_EQ(world.said.back(), "unbind");
  EXPECT_TRUE(host.logLines.empty());
}

TEST_F(LdapParticipant, ReadsTheThreeKindsOfGroups) {
  group(high).attributes = {{"objectClass", {"groupOfUniqueNames"}},
                            {"uniqueMember", {person("grace") + "#'0101'B", person("GRACE")}}};
  EXPECT_THAT(mails(get()), ElementsAre("grace@example.com")) << "RFC 4517 section 3.3.21";

  group(high).attributes = {{"objectClass", {"posixGroup"}}, {"memberUid", {"ada", "alan", "nobody"}}};
  settings["people_base_dn"] = "ou=people,dc=example,dc=com";
  world.matches["(|(uid=ada)(uid=alan)(uid=nobody))"] = {person("alan"), person("ada")};
  EXPECT_THAT(mails(get()), ElementsAre("alan@example.com", "ada@example.com"));
  EXPECT_EQ(world.asked.back().base, "ou=people,dc=example,dc=com");
  ASSERT_EQ(host.logLines.size(), 1U);
  EXPECT_THAT(host.logLines[0].second, HasSubstr("not there, or may not be read by this login: uid=nobody."));

  world.matches["(|(uid=ada)(uid=alan)(uid=nobody))"].assign(4, person("ada"));
  EXPECT_THAT(get().message, HasSubstr("is that of several people"));
}

TEST_F(LdapParticipant, FollowsGroupsInGroupsAsDeepAsTheSettingSays) {
  const std::string middle = "cn=middle,dc=example,dc=com", inner = "cn=inner,dc=example,dc=com";
  group(high).attributes[2].values = {middle};
  addGroup(middle, "member", {person("ada"), inner});
  addGroup(inner, "uniqueMember", {person("alan"), middle, high}, "groupOfUniqueNames");
  EXPECT_THAT(mails(get()), ElementsAre("ada@example.com", "alan@example.com")) << "in spite of the circle";
  EXPECT_TRUE(host.logLines.empty());
  settings["nesting_depth"] = 1;
  EXPECT_THAT(mails(get()), ElementsAre("ada@example.com"));
  ASSERT_EQ(host.logLines.size(), 1U);
  EXPECT_THAT(host.logLines[0].second,
              HasSubstr("nested deeper than \"nesting_depth\" allows, whose members were left "
                        "out: cn=inner,dc=example,dc=com."));
  settings["nesting_depth"] = 0;
  EXPECT_THAT(mails(get()), ElementsAre());
}

TEST_F(LdapParticipant, EveryTagCounts) {
  incident["tags"] = {"checkout", "search*"};
  world.matches
      ["(|(cn=dispatch-type-Default)(cn=dispatch-priority-High)(|(cn=dispatch-tag-checkout)(cn=dispatch-tag-"
       "search\\2a)))"] = {high};
  EXPECT_THAT(mails(get()), ElementsAre("grace@example.com", "ada@example.com"));
}

TEST_F(LdapParticipant, AnIncidentThatSaysNothingNeedsNoServer) {
  settings["group_filter"] = "(&(objectClass=groupOfNames)(cn=dispatch-tag-{tags}))";
  EXPECT_THAT(mails(get()), ElementsAre());
  EXPECT_TRUE(host.connections.empty());
}

TEST_F(LdapParticipant, NobodyIsAnAnswer) {
  world.matches.clear();
  EXPECT_EQ(get().value, (Json{{"individuals", Json::array()}, {"teams", Json::array()}}));
}

TEST_F(LdapParticipant, SaysWhoIsGoneOrHasNoAddress) {
  group(high).attributes[2].values = {person("gone"), person("alan"), person("hidden"), person("ada")};
  group(person("alan")).attributes[3].values = {"no address"};
  addPerson("hidden");
  world.hidden[person("hidden")] = "";
  EXPECT_THAT(mails(get()), ElementsAre("ada@example.com"));
  ASSERT_EQ(host.logLines.size(), 2U);
  EXPECT_THAT(host.logLines[0].second, HasSubstr("uid=gone,ou=people"));
  EXPECT_THAT(host.logLines[1].second,
              HasSubstr("without an e-mail address in attribute mail: uid=alan,ou=people"));
}

TEST_F(LdapParticipant, OnlyWhoThePersonFilterLetsIn) {
  settings["person_filter"] = "(!(employeeType=left))";
  (void)get();
  EXPECT_EQ(world.asked[1].scope, 0);
  EXPECT_EQ(world.asked[1].filter,
            "(|(!(employeeType=left))(objectClass=groupofnames)(objectClass=groupofuniquenames)(objectClass="
            "posixgroup)"
            "(objectClass=group))");
  group(high).attributes = {{"memberUid", {"ada"}}};
  world.matches["(&(uid=ada)(!(employeeType=left)))"] = {person("ada")};
  EXPECT_THAT(mails(get()), ElementsAre("ada@example.com"));
}

TEST_F(LdapParticipant, NamesGroupsAsTeamsWhereAsked) {
  group(high).attributes.push_back({"mail", {"high@example.com"}});
  EXPECT_TRUE(get().value["teams"].empty());
  settings["groups_are_teams"] = true;
  EXPECT_EQ(get().value["teams"], (Json{{{"email", "high@example.com"}, {"name", high}}}));
}

TEST_F(LdapParticipant, ReadsGroupsInPages) {
  std::vector<std::string> dns;
  for (int i = 0; i < 100; ++i) {
    dns.push_back("cn=" + std::to_string(i));
    addGroup(dns.back(), "member", {person("ada")});
  }
  world.matches[highFilter] = dns;
  EXPECT_THAT(mails(get()), ElementsAre("ada@example.com"));
  EXPECT_EQ(world.asked[0].pageSize, 50);
  EXPECT_EQ(world.asked[1].cookie, "50");
  dns.push_back(high);
  world.matches[highFilter] = dns;
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("More than 100 groups match"));
  world.knowsPages = false;
  EXPECT_THAT(get().message, HasSubstr("More than 100 groups match"));
}

TEST_F(LdapParticipant, ReadsUidsOfALargeGroupFiftyAtATime) {
  std::vector<std::string> uids;
  for (int i = 0; i < 120; ++i) uids.push_back("u" + std::to_string(i));
  group(high).attributes = {{"memberUid", uids}};
  settings["attribute_name"] = "";
  EXPECT_THAT(mails(get()), ElementsAre());
  EXPECT_EQ(world.asked.size(), 4U);
  EXPECT_THAT(host.logLines.at(0).second, HasSubstr("uid=u4; and 115 more."));
}

TEST_F(LdapParticipant, TooManyPeopleAreAMistake) {
  settings["most_people"] = 1;
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("more than 1 people into the incident: " + std::string(high)));
  settings["most_people"] = 100;
  group(high).attributes.push_back({"member;range=0-1499", {}});
  EXPECT_THAT(get().message, HasSubstr("more members than the server tells at once"));
  group(high).attributes.pop_back();
  group(high).attributes[2].values.clear();
  for (int i = 0; i < 2001; ++i)
    group(high).attributes[2].values.push_back(person("gone" + std::to_string(i)));
  EXPECT_THAT(get().message, HasSubstr("more than 2000 members"));
}

TEST_F(LdapParticipant, PassesOnWhatTheServerAnswers) {
  world.results["search"] = {50, "", "no search for you", {}};
  Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("Nobody is logged in: enter \"bind_dn\" and \"password\"."));
  world.results["search"] = {4, "", "", {}};
  EXPECT_EQ(get().status, DISPATCH_ERR_INVALID);
  world.results["search"] = {51, "", "", {}};
  EXPECT_EQ(get().status, DISPATCH_ERR_UNAVAILABLE);
  host.onConnect = nullptr;
  EXPECT_EQ(get().status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(LdapParticipant, ATestTellsWhomAnIncidentWouldBringIn) {
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  Outcome outcome = plugin.test({{"type", "Default"}, {"priority", "High"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  EXPECT_EQ(outcome.value["summary"], "Such an incident would bring in 2 people from 1 group.");
  EXPECT_EQ(outcome.value["checks"].back()["detail"],
            "Groups: cn=dispatch-priority-High,ou=groups,dc=example,dc=com. People: grace@example.com, "
            "ada@example.com.");
  outcome = plugin.test();
  EXPECT_EQ(outcome.value["ok"], true);
  EXPECT_EQ(outcome.value["checks"].back()["detail"], "No group matches the filter for such an incident.");
  world.hidden["ou=groups,dc=example,dc=com"] = "";
  outcome = plugin.test();
  EXPECT_EQ(outcome.value["ok"], false);
  EXPECT_EQ(outcome.value["checks"].back()["name"], "Base DN");
}

TEST_F(LdapParticipant, RefusesSettingsThatCannotWork) {
  const auto refusal = [&](const Json& change) {
    Json changed = settings;
    changed.merge_patch(change);
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), changed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << change;
    return outcome.message;
  };
  EXPECT_THAT(
      refusal({{"group_filter", "(cn={tag})"}}),
      HasSubstr(
          "placeholder {tag}, and known are {organization}, {priority}, {project}, {severity}, {status}, "
          "{tags}, {type}, {visibility}"));
  EXPECT_THAT(refusal({{"person_filter", "(cn={type})"}}), HasSubstr("and known are none here"));
  EXPECT_THAT(refusal({{"nesting_depth", 11}}), HasSubstr("between 0 and 10"));
  EXPECT_THAT(refusal({{"most_people", 0}}), HasSubstr("between 1 and 1000"));
  EXPECT_THAT(refusal({{"attribute_mail", " "}}), HasSubstr("\"attribute_mail\" is empty"));
  EXPECT_THAT(refusal({{"host", nullptr}}), HasSubstr("\"host\" is missing"));
}

}  // namespace
