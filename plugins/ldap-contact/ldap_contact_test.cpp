#include "../ldap-common/testing/directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::CallOptions;
using dispatch::testing::Connection;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using ldap::testing::Directory;
using ldap::testing::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* reader = "cn=dispatch,dc=example,dc=com";
constexpr const char* graceFilter = "(&(objectClass=inetOrgPerson)(mail=grace@example.com))";
constexpr const char* graceDn = "uid=grace,ou=people,dc=example,dc=com";

class LdapContact : public testing::Test {
 protected:
  LdapContact() {
    host.onConnect = [this](const Connection& connection) {
      return std::make_unique<Directory>(world, connection.tls);
    };
    world.passwords[reader] = "pass\xC3\xA9";
    world.entries = {{"ou=people,dc=example,dc=com", {{"ou", {"people"}}}},
                     {graceDn,
                      {{"cn", {"Grace Hopper"}},
                       {"title", {"Rear admiral"}},
                       {"ou", {"Compilers"}},
                       {"departmentNumber", {"Engineering"}},
                       {"l", {"Arlington"}},
                       {"labeledURI", {"ftp://x", "https://people.example.com/grace Her page"}}}},
                     {"uid=adm-grace,ou=people,dc=example,dc=com", {{"cn", {"Grace (admin)"}}}}};
    world.matches[graceFilter] = {graceDn};
    settings = {{"host", "ldap.example.com"},
                {"port", 389},
                {"security", "starttls"},
                {"bind_dn", reader},
                {"password", host.secret("pass\xC3\xA9")},
                {"base_dn", "ou=people,dc=example,dc=com"},
                {"filter", "(&(objectClass=inetOrgPerson)(mail={email}))"}};
  }
  Outcome get(const std::string& email = "grace@example.com", const CallOptions& options = {}) {
    return host.load(dispatch_plugin_query_v1(), settings).invoke("get", {{"email", email}}, options);
  }
  Outcome test(const Json& input = Json::object()) {
    return host.load(dispatch_plugin_query_v1(), settings).test(input);
  }

  FakeHost host;
  World world;
  Json settings;
};

TEST_F(LdapContact, AnswersWhatTheDirectoryKnows) {
  const Outcome outcome = get(" grace@example.com ");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"fullname", "Grace Hopper"},
                                 {"email", "grace@example.com"},
                                 {"title", "Rear admiral"},
                                 {"team", "Compilers"},
                                 {"department", "Engineering"},
                                 {"location", "Arlington"},
                                 {"weblink", "https://people.example.com/grace"}}));
  EXPECT_THAT(world.said, ElementsAre("starttls", "bind cn=dispatch,dc=example,dc=com", "search", "unbind"));
  ASSERT_EQ(world.asked.size(), 1U);
  EXPECT_EQ(world.asked[0].base, "ou=people,dc=example,dc=com");
  EXPECT_EQ(world.asked[0].scope, 2);
  EXPECT_EQ(world.asked[0].timeLimit, 10);
  EXPECT_THAT(world.asked[0].attributes,
              ElementsAre("cn", "title", "ou", "departmentNumber", "l", "labeledURI"));
  EXPECT_TRUE(host.logLines.empty());
}

TEST_F(LdapContact, NamesAStrangerAfterTheAddress) {
  const Outcome outcome = get("ada.lovelace+pager@example.com");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"fullname", "Ada Lovelace"},
                                 {"email", "ada.lovelace+pager@example.com"},
                                 {"team", "Unknown"},
                                 {"department", "Unknown"},
                                 {"location", "Unknown"}}));
}

TEST_F(LdapContact, AnAddressCannotChangeTheFilter) {
  ASSERT_TRUE(get("*)(uid=*@x").ok());
  EXPECT_EQ(world.asked[0].filter, "(&(objectClass=inetOrgPerson)(mail=\\2a\\29\\28uid=\\2a@x))");
}

TEST_F(LdapContact, ReadsOtherAttributesWhereToldTo) {
  settings["attribute_fullname"] = "displayName";
  settings["attribute_team"] = "";
  settings["attribute_department"] = "TITLE";
  settings["attribute_weblink"] = "";
  const Outcome outcome = get();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["fullname"], "Grace") << "from the address";
  EXPECT_EQ(outcome.value["team"], "Unknown");
  EXPECT_EQ(outcome.value["department"], "Rear admiral");
  EXPECT_FALSE(outcome.value.contains("weblink"));
  EXPECT_THAT(world.asked[0].attributes, ElementsAre("displayName", "title", "TITLE", "l"));
}

TEST_F(LdapContact, TakesTheSameOfSeveralEachTimeAndSaysSo) {
  world.matches[graceFilter] = {graceDn, "uid=adm-grace,ou=people,dc=example,dc=com"};
  EXPECT_EQ(get().value["fullname"], "Grace (admin)") << "the first by its DN";
  ASSERT_EQ(host.logLines.size(), 1U);
  EXPECT_THAT(host.logLines[0].second, HasSubstr("Several entries"));
  world.knowsPages = false;
  world.matches[graceFilter].assign(5, graceDn);
  EXPECT_EQ(get().value["fullname"], "Grace Hopper") << "a server that knows no pages and has a size limit";
  EXPECT_THAT(world.asked.back().sizeLimit, 3);
}

TEST_F(LdapContact, DoesNotFollowReferencesButSaysThem) {
  world.references = {"ldap://other.example.com/dc=example,dc=com??sub"};
  EXPECT_TRUE(get().ok());
  EXPECT_TRUE(host.logLines.empty()) << "she was found";
  EXPECT_EQ(get("ada@example.com").value["fullname"], "Ada");
  ASSERT_EQ(host.logLines.size(), 1U);
  EXPECT_THAT(host.logLines[0].second, HasSubstr("refers to ldap://other.example.com/"));
  world.results["search"] = {10, "", "", {"ldap://other.example.com/"}};
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("It refers to ldap://other.example.com/"));
}

TEST_F(LdapContact, SpeaksTlsFromTheFirstByte) {
  settings["security"] = "tls";
  settings["port"] = 636;
  ASSERT_TRUE(get().ok());
  ASSERT_EQ(host.connections.size(), 1U);
  EXPECT_TRUE(host.connections[0].tls);
  EXPECT_FALSE(host.connections[0].allowUntrusted);
  EXPECT_EQ(host.connections[0].port, 636);
  EXPECT_THAT(world.said, ElementsAre("bind cn=dispatch,dc=example,dc=com", "search", "unbind"));
}

TEST_F(LdapContact, SearchesWithoutALoginWhereNoneIsSet) {
  settings.erase("bind_dn");
  settings.erase("password");
  ASSERT_TRUE(get().ok());
  EXPECT_THAT(world.said, ElementsAre("starttls", "search", "unbind"));
}

TEST_F(LdapContact, NeverLogsInWithoutTls) {
  world.results["starttls"] = {2, "", "unsupported extended operation", {}};
  Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("does not offer StartTLS"));
  EXPECT_THAT(outcome.message, HasSubstr("\"unsupported extended operation\""));
  world.results["starttls"] = {52, "", "", {}};
  EXPECT_EQ(get().status, DISPATCH_ERR_UNAVAILABLE);
  world.results.clear();
  world.tlsWorks = false;
  outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("No TLS with ldap.example.com:389"));
  EXPECT_THAT(world.said, Not(testing::Contains(HasSubstr("bind"))));
}

TEST_F(LdapContact, RefusesWhatSomebodyInsertedBeforeTls) {
  world.smuggled = Directory::message(2, ldap::operation::bindResponse, Directory::result({}));
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("more in clear after it had agreed to TLS"));
  EXPECT_FALSE(world.tls);
}

TEST_F(LdapContact, WrongPasswordsAreForAPersonToMend) {
  world.passwords[reader] = "another";
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(outcome.message,
            "ldap.example.com:389 did not accept the login \"cn=dispatch,dc=example,dc=com\": "
            "invalidCredentials (49). "
            "Check \"bind_dn\" and \"password\".");
  EXPECT_THAT(world.said, Not(testing::Contains("search")));
}

TEST_F(LdapContact, PassesOnWhatTheServerAnswers) {
  const auto searched = [&](int code, const std::string& diagnostic = "") {
    world.results["search"] = {code, "", diagnostic, {}};
    return get();
  };
  EXPECT_EQ(searched(51, "too many").status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(searched(51, "too many").retryAfterMs, 15000U);
  EXPECT_THAT(searched(51, "too\nmany").message, HasSubstr("busy (51), \"too many\""));
  EXPECT_EQ(searched(52).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(searched(32).status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(searched(50).status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(searched(4).status, DISPATCH_ERR_INVALID) << "the server's own limit, with nobody found";
  EXPECT_THAT(searched(3).message, HasSubstr("Raise \"time_limit\""));
  world.results.clear();
  world.results["bind"] = {13, "", "TLS required", {}};
  EXPECT_EQ(get().status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(get().message, HasSubstr("set \"security\" to starttls"));
}

TEST_F(LdapContact, ANoticeOfDisconnectionIsUnderstood) {
  world.transform = [](const std::string&) {
    return Directory::message(0, ldap::operation::extendedResponse,
                              Directory::result({52, "", "shutting down", {}}) +
                                  ldap::ber::encode(0x8A, ldap::noticeOfDisconnectionOid));
  };
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("ended the connection: unavailable (52), \"shutting down\""));
}

TEST_F(LdapContact, AnswersToOtherRequestsAreLeftAside) {
  world.transform = [this](const std::string& usual) {
    return Directory::message(99, ldap::operation::searchDone, Directory::result({32, "", "", {}})) +
           Directory::message(world.lastId, ldap::operation::intermediateResponse, "") + usual;
  };
  settings["security"] = "tls";
  EXPECT_EQ(get().value["fullname"], "Grace Hopper");
}

TEST_F(LdapContact, WhatIsNoLdapServerIsNamed) {
  world.transform = [](const std::string&) {
    return std::string("HTTP/1.1 400 Bad Request\r\n") + std::string(200, 'x');
  };
  settings["security"] = "tls";
  Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("does not speak LDAP"));
  settings["security"] = "starttls";
  world.transform = [](const std::string&) { return std::string("\x15\x03\x01\x00\x02\x02\x28", 7); };
  outcome = get();
  EXPECT_THAT(outcome.message, HasSubstr("speaks TLS from the first byte: set \"security\" to tls"));
  world.transform = [](const std::string& usual) { return usual.substr(0, 1) + "\x80" + usual.substr(2); };
  EXPECT_THAT(get().message, HasSubstr("indefinite length"));
  world.transform = [](const std::string&) { return std::string("\x30\x84\x7F\xFF\xFF\xFF", 6); };
  EXPECT_THAT(get().message, HasSubstr("the most is 4194304 bytes"));
  world.transform = [this](const std::string&) {
    return Directory::message(world.lastId, ldap::operation::searchDone, Directory::result({}));
  };
  EXPECT_THAT(get().message, HasSubstr("answers StartTLS with operation 101"));
}

/// Whatever a byte becomes of all that the server says, the call ends in time, with a sentence or an answer.
TEST_F(LdapContact, SurvivesEveryGarbledAnswer) {
  settings["security"] = "tls";
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  std::size_t size = 0, failed = 0;
  world.transform = [&](const std::string& usual) {
    size += usual.size();
    return usual;
  };
  ASSERT_TRUE(plugin.invoke("get", {{"email", "grace@example.com"}}).ok());
  ASSERT_GT(size, 200U);
  for (const char value : {'\0', '\x80', '\xFF'})
    for (std::size_t at = 0; at < size; ++at) {
      std::size_t seen = 0;
      world.transform = [&](std::string out) {
        if (at >= seen && at < seen + out.size()) out[at - seen] = value;
        seen += out.size();
        return out;
      };
      const Outcome outcome = plugin.invoke("get", {{"email", "grace@example.com"}});
      if (outcome.ok()) continue;
      ++failed;
      EXPECT_NE(outcome.status, DISPATCH_ERR_INTERNAL) << at << ": " << outcome.message;
      EXPECT_NE(outcome.status, DISPATCH_ERR_UNCERTAIN) << at;
      EXPECT_NE(outcome.message, "") << at;
    }
  EXPECT_GT(failed, 50U);
}

TEST_F(LdapContact, AFaultOnTheWireIsNeverUncertain) {
  for (const char* side : {"dispatch.stream/1 read", "dispatch.stream/1 write", "dispatch.stream/1"})
    for (const auto status :
         {DISPATCH_ERR_TIMEOUT, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_CANCELLED}) {
      host.fail(side, status, "The cable was cut.");
      const Outcome outcome = get();
      EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << side;
      EXPECT_THAT(outcome.message, HasSubstr("The cable was cut."));
    }
  for (const char* step : {"starttls", "bind", "search"}) {
    world.hangUpAt = step;
    const Outcome outcome = get();
    EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << step;
    EXPECT_THAT(outcome.message, HasSubstr("closed the connection"));
  }
}

TEST_F(LdapContact, AsksTheServerForNoMoreTimeThanTheCallHas) {
  CallOptions options;
  options.deadlineNs = host.monotonicNs + 4'500'000'000;
  ASSERT_TRUE(get("grace@example.com", options).ok());
  EXPECT_EQ(world.asked.back().timeLimit, 4);
  settings["time_limit"] = 2;
  ASSERT_TRUE(get("grace@example.com", options).ok());
  EXPECT_EQ(world.asked.back().timeLimit, 2);
}

TEST_F(LdapContact, SaysThatAnOldHostCannotSendThePassword) {
  host.fail("dispatch.stream/1 write", DISPATCH_ERR_UNSUPPORTED, "The host does not know this encoder.");
  settings["security"] = "tls";
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNSUPPORTED);
  EXPECT_THAT(outcome.message, HasSubstr("does not know this encoder"));
}

TEST_F(LdapContact, RefusesAnEmptyAddress) { EXPECT_EQ(get("  ").status, DISPATCH_ERR_INVALID); }

TEST_F(LdapContact, ReportsEachStepOfATest) {
  Outcome outcome = test();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  std::vector<std::string> names;
  for (const Json& check : outcome.value["checks"]) names.push_back(check["name"]);
  EXPECT_THAT(names, ElementsAre("Connection", "Encryption", "Login", "Base DN", "Search"));
  outcome = test({{"email", "grace@example.com"}});
  EXPECT_THAT(outcome.value["summary"].get<std::string>(), HasSubstr("Grace Hopper, title Rear admiral"));
  outcome = test({{"email", "ada@example.com"}});
  EXPECT_EQ(outcome.value["ok"], true);
  EXPECT_THAT(outcome.value["summary"].get<std::string>(),
              HasSubstr("Nobody is found by (&(objectClass=inetOrgPerson)(mail=ada@example.com))"));
}

TEST_F(LdapContact, ATestThatFailsSaysWhereAndWhy) {
  const auto failed = [&](const std::string& step, const std::string& why) {
    const Outcome outcome = test();
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value["ok"], false);
    EXPECT_EQ(outcome.value["checks"].back()["name"], step);
    EXPECT_THAT(outcome.value["summary"].get<std::string>(), HasSubstr(why));
  };
  settings["base_dn"] = "ou=poeple,dc=example,dc=com";
  failed("Base DN", "The nearest entry that is there is dc=example,dc=com. Change \"base_dn\"");
  world.entries.push_back({"ou=poeple,dc=example,dc=com", {}});
  world.hidden["ou=poeple,dc=example,dc=com"] = "";
  failed("Base DN", "The login may not read ou=poeple,dc=example,dc=com");
  world.passwords.clear();
  failed("Login", "invalidCredentials (49)");
  world.tlsWorks = false;
  failed("Encryption", "certificate is not trusted");
  host.onConnect = nullptr;
  const Outcome outcome = test();
  EXPECT_EQ(outcome.value["checks"].back()["name"], "Connection");
  EXPECT_THAT(outcome.value["summary"].get<std::string>(),
              HasSubstr("Connection to ldap.example.com:389 refused."));
}

TEST_F(LdapContact, RefusesSettingsThatCannotWork) {
  const auto refusal = [&](const Json& change) {
    Json changed = settings;
    changed.merge_patch(change);
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), changed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << change;
    return outcome.message;
  };
  EXPECT_THAT(refusal({{"filter", "mail={email}"}}),
              HasSubstr("\"filter\" is no LDAP filter (RFC 4515): it lacks a \"(\""));
  EXPECT_THAT(refusal({{"filter", "(mail={mail})"}}), HasSubstr("placeholder {mail}, and known are {email}"));
  EXPECT_THAT(refusal({{"filter", "(objectClass=person)"}}), HasSubstr("should hold {email}"));
  EXPECT_THAT(refusal({{"password", nullptr}}), HasSubstr("\"password\" is empty"));
  EXPECT_THAT(refusal({{"bind_dn", nullptr}}), HasSubstr("\"bind_dn\" is empty"));
  EXPECT_THAT(refusal({{"security", "ldaps"}}), HasSubstr("one of starttls, tls, plain"));
  EXPECT_THAT(refusal({{"security", "plain"}}), HasSubstr("for everybody to read"));
  EXPECT_THAT(refusal({{"port", 70000}}), HasSubstr("between 1 and 65535"));
  EXPECT_THAT(refusal({{"scope", "tree"}}), HasSubstr("one of subtree, one, base"));
  EXPECT_THAT(refusal({{"attribute_title", "title, cn"}}),
              HasSubstr("the name of one attribute, such as title"));
  EXPECT_THAT(refusal({{"time_limit", 60}}), HasSubstr("between 1 and 25 seconds"));
  EXPECT_THAT(refusal({{"password", "clear text"}}), HasSubstr("x-dispatch-secret"));
  settings["security"] = "plain";
  settings["allow_auth_without_tls"] = true;
  EXPECT_TRUE(get().ok());
  EXPECT_THAT(world.said, ElementsAre("bind cn=dispatch,dc=example,dc=com", "search", "unbind"));
}

}  // namespace
