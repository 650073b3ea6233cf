#include "fake_xmpp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::CallOptions;
using dispatch::testing::Connection;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using xmpp::testing::World;

const std::string roomJid = "dispatch-default-default-12@rooms.example.com";
const std::string me = "dispatch@example.com";

class XmppConversation : public testing::Test {
 protected:
  XmppConversation() {
    host.onConnect = [this](const Connection& connection) {
      return std::make_unique<xmpp::testing::Server>(world, connection.tls);
    };
    settings = {{"account", me},
                {"password", host.secret("s3cret")},
                {"host", "xmpp.example.com"},
                {"port", 5222},
                {"auth", "plain"},  // the others cost thousands of MACs
                {"room_domain", "rooms.example.com"}};
  }
  Outcome invoke(const std::string& method, Json input, const CallOptions& options = {}) {
    return host.load(dispatch_plugin_query_v1(), settings).invoke(method, input, options);
  }
  /// With the room as "conversation".
  Outcome inRoom(const std::string& method, Json input, const CallOptions& options = {}) {
    input["conversation"] = {{"resource_id", roomJid}, {"name", "x"}, {"weblink", "x"}};
    return invoke(method, input, options);
  }
  Outcome create(bool restricted = false) {
    return invoke("create", {{"incident",
                              {{"id", 12},
                               {"name", "dispatch-default-default-12"},
                               {"title", "Checkout answers 503"},
                               {"weblink", "https://dispatch.example.com/12"}}},
                             {"name", "dispatch-default-default-12"},
                             {"restricted", restricted}});
  }
  Outcome find() {
    return invoke("find",
                  {{"incident", {{"id", 12}, {"name", "dispatch-default-default-12"}, {"title", "x"}}},
                   {"name", "dispatch-default-default-12"}});
  }
  Outcome test() { return host.load(dispatch_plugin_query_v1(), settings).test(); }
  World::Room& room() { return world.rooms[roomJid]; }
  /// A room of ours, as create makes it.
  void given() {
    room().affiliation[me] = "owner";
    room().form = {{"muc#roomconfig_persistentroom", "1"},
                   {"muc#roomconfig_publicroom", "1"},
                   {"muc#roomconfig_roomname", "dispatch-default-default-12"}};
  }
  static Json person(const std::string& email) { return {{"email", email}}; }
  static Json message(const std::string& text) { return {{"kind", "status-changed"}, {"text", text}}; }

  FakeHost host;
  World world;
  Json settings;
};

TEST_F(XmppConversation, MakesAPersistentRoomWithTitleAndDescription) {
  const Outcome outcome = create();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"resource_id", roomJid},
                                 {"weblink", "xmpp:" + roomJid + "?join"},
                                 {"name", "dispatch-default-default-12"},
                                 {"resource_type", "xmpp-room"}}));
  EXPECT_EQ(room().form["muc#roomconfig_persistentroom"], "1");
  EXPECT_EQ(room().form["muc#roomconfig_membersonly"], "0");
  EXPECT_EQ(room().form["muc#roomconfig_publicroom"], "1");
  EXPECT_EQ(room().form["muc#roomconfig_whois"], "anyone");
  EXPECT_EQ(room().form["muc#roomconfig_roomname"], "dispatch-default-default-12");
  EXPECT_EQ(room().form["muc#roomconfig_roomdesc"],
            "Checkout answers 503 | Incident: https://dispatch.example.com/12");
  EXPECT_TRUE(room().occupants.empty());
}

TEST_F(XmppConversation, HidesTheRoomOfARestrictedIncident) {
  ASSERT_TRUE(create(true).ok());
  EXPECT_EQ(room().form["muc#roomconfig_membersonly"], "1");
  EXPECT_EQ(room().form["muc#roomconfig_publicroom"], "0");
}

TEST_F(XmppConversation, HidesEveryRoomWhereTheOperatorSaysSo) {
  settings["members_only"] = "always";
  ASSERT_TRUE(create().ok());
  EXPECT_EQ(room().form["muc#roomconfig_membersonly"], "1");
  EXPECT_EQ(room().form["muc#roomconfig_publicroom"], "0");
}

TEST_F(XmppConversation, TakesDownARoomThatTheServerDidNotMakeAsAsked) {
  for (const char* lacking :
       {"muc_membersonly", "muc_hidden", "muc_persistent", "muc#roomconfig_membersonly"}) {
    world.lacking = {lacking};
    const Outcome outcome = create(true);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_UNSUPPORTED) << lacking;
    EXPECT_THAT(outcome.message, HasSubstr("server's configuration"));
    EXPECT_TRUE(world.rooms.empty());
  }
}

TEST_F(XmppConversation, GoesOnWithARoomOfItsOwnAndLeavesThoseOfOthers) {
  room().affiliation[me] = "owner";  // made, and then the connection was lost
  EXPECT_EQ(find().value, (Json{{"found", false}}));
  ASSERT_TRUE(create().ok());
  EXPECT_EQ(find().value["found"], true);
  EXPECT_EQ(find().value["resource_id"], roomJid);
  room().affiliation[me] = "member";
  EXPECT_EQ(find().value, (Json{{"found", false}}));
  const Outcome outcome = create();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("which should be its owner: forbidden"));
  EXPECT_EQ(world.rooms.size(), 1U);
}

TEST_F(XmppConversation, AnUnknownOutcomeOfCreateIsUncertain) {
  world.hangUpAt = "type=\"submit\"";  // nothing like that is sent
  EXPECT_TRUE(create().ok());
  world.rooms.clear();
  world.hangUpAt = "type='submit'";
  EXPECT_EQ(create().status, DISPATCH_ERR_UNCERTAIN);
  world.rooms.clear();
  world.hangUpAt = "<presence";
  EXPECT_EQ(create().status, DISPATCH_ERR_UNCERTAIN);
  world.hangUpAt = "disco#info";
  EXPECT_EQ(create().status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(XmppConversation, SaysWhatRepeatingMayDo) {
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  EXPECT_EQ(plugin.effect("create"), DISPATCH_EFFECT_FINDABLE);
  EXPECT_EQ(plugin.effect("find"), DISPATCH_EFFECT_READ);
  EXPECT_EQ(plugin.effect("add"), DISPATCH_EFFECT_IDEMPOTENT);
  for (const char* method : {"send", "announce", "send_direct", "send_ephemeral"})
    EXPECT_EQ(plugin.effect(method), DISPATCH_EFFECT_AT_MOST_ONCE) << method;
  settings["use_archive"] = true;
  auto archiving = host.load(dispatch_plugin_query_v1(), settings);
  EXPECT_EQ(archiving.effect("send"), DISPATCH_EFFECT_IDEMPOTENT);
  EXPECT_EQ(archiving.effect("announce"), DISPATCH_EFFECT_IDEMPOTENT);
  EXPECT_EQ(archiving.effect("send_direct"), DISPATCH_EFFECT_AT_MOST_ONCE);
}

TEST_F(XmppConversation, BringsPeopleInOnceAndTellsWhoIsUnknown) {
  given();
  room().affiliation["alan@example.com"] = "admin";
  const Outcome outcome = inRoom("add", {{"participants",
                                          {person("grace@example.com"), person("alan@example.com"),
                                           person("nobody@example.com"), person("no address")}}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  ASSERT_EQ(outcome.value["rejected"].size(), 2U);
  EXPECT_EQ(outcome.value["rejected"][0]["email"], "no address");
  EXPECT_EQ(outcome.value["rejected"][1]["email"], "nobody@example.com");
  EXPECT_THAT(outcome.value["rejected"][1]["reason"].get<std::string>(), HasSubstr("service-unavailable"));
  EXPECT_EQ(room().affiliation["grace@example.com"], "member");
  EXPECT_EQ(room().affiliation["alan@example.com"], "admin");
  EXPECT_EQ(room().affiliation["nobody@example.com"], "");
  EXPECT_THAT(world.messages, ElementsAre("grace@example.com: "));
  EXPECT_THAT(world.stanzas, Contains(HasSubstr("<x xmlns='jabber:x:conference' jid='" + roomJid + "'")));
  ASSERT_TRUE(inRoom("add", {{"participants", {person("grace@example.com")}}}).ok());
  EXPECT_EQ(world.messages.size(), 1U);  // no second invitation
}

TEST_F(XmppConversation, FailsWhereNobodyCouldBeBroughtIn) {
  given();
  const Outcome outcome = inRoom("add", {{"participants", {person("nobody@example.com")}}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("nobody@example.com"));
}

TEST_F(XmppConversation, FindsPeopleByRuleAndByList) {
  given();
  world.people = {"o\\27brien@chat.example.com", "g.hopper@other.example.com"};
  settings["address_pattern"] = "{local}@chat.example.com";
  settings["addresses"] = {"Grace@example.com = g.hopper@other.example.com"};
  const Outcome outcome =
      inRoom("add", {{"participants", {person("O'Brien@example.com"), person("grace@EXAMPLE.com")}}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["rejected"], Json::array());
  EXPECT_EQ(room().affiliation["o\\27brien@chat.example.com"], "member");
  EXPECT_EQ(room().affiliation["g.hopper@other.example.com"], "member");
}

TEST_F(XmppConversation, TakesPeopleOut) {
  given();
  room().affiliation["grace@example.com"] = "member";
  room().occupants = {{"Grace", {"grace@example.com", "participant"}},
                      {"Alan", {"alan@example.com", "participant"}}};
  ASSERT_TRUE(inRoom("remove", {{"participant", person("grace@example.com")}}).ok());
  EXPECT_EQ(room().affiliation["grace@example.com"], "");
  EXPECT_FALSE(room().occupants.contains("Grace"));
  EXPECT_TRUE(room().occupants.contains("Alan"));
  EXPECT_TRUE(inRoom("remove", {{"participant", person("grace@example.com")}}).ok());
  EXPECT_TRUE(inRoom("remove", {{"participant", person("no address")}}).ok());
  EXPECT_EQ(inRoom("remove", {{"participant", person(me)}}).status, DISPATCH_ERR_INVALID);
}

TEST_F(XmppConversation, SaysWhatIsToBeSaidAndNothingElse) {
  given();
  const Outcome outcome = inRoom("send",
                                 {{"message",
                                   {{"kind", "x"},
                                    {"title", "Status"},
                                    {"text", "</body><x/> & 'so'"},
                                    {"links", {{{"title", "Ticket"}, {"weblink", "https://t/1"}}}}}}},
                                 {.idempotencyKey = "step-41"});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["message_id"], "archived-0");
  EXPECT_THAT(world.messages, ElementsAre(roomJid + ": Status\n</body><x/> & 'so'\nTicket: https://t/1"));
  EXPECT_THAT(world.stanzas, Contains(HasSubstr("<origin-id xmlns='urn:xmpp:sid:0' id='step-41'/>")));
  EXPECT_TRUE(room().occupants.empty());
}

TEST_F(XmppConversation, ARoomThatKeepsNoIdsTakesMessagesToo) {
  given();
  world.reflectsIds = false;
  EXPECT_EQ(inRoom("send", {{"message", message("x")}}, {.idempotencyKey = "step-41"}).value["message_id"],
            "step-41");
}

TEST_F(XmppConversation, NeverMakesARoomByTalkingInIt) {
  for (const char* method : {"send", "set_topic"})
    EXPECT_EQ(inRoom(method, {{"message", message("x")}, {"topic", "x"}}).status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(invoke("announce", {{"target", "nowhere"}, {"message", message("x")}}).status,
            DISPATCH_ERR_NOT_FOUND);
  EXPECT_TRUE(world.rooms.empty());
}

TEST_F(XmppConversation, TakesAnotherNicknameWhereItsOwnIsTaken) {
  given();
  room().occupants = {{"Dispatch", {"grace@example.com", "participant"}}};
  ASSERT_TRUE(inRoom("send", {{"message", message("x")}}).ok());
  EXPECT_THAT(world.stanzas, Contains(HasSubstr(roomJid + "/Dispatch 2")));
  room().occupants.clear();
  for (const char* nick : {"Dispatch", "Dispatch 2", "Dispatch 3", "Dispatch 4", "Dispatch 5"})
    room().occupants[nick] = {"grace@example.com", "participant"};
  EXPECT_THAT(inRoom("send", {{"message", message("x")}}).message, HasSubstr("conflict"));
}

TEST_F(XmppConversation, ALostAnswerToAMessageIsUncertain) {
  given();
  world.hangUpAt = "<body>";
  EXPECT_EQ(inRoom("send", {{"message", message("x")}}).status, DISPATCH_ERR_UNCERTAIN);
  const Outcome direct =
      invoke("send_direct", {{"recipient", person("grace@example.com")}, {"message", message("x")}});
  EXPECT_EQ(direct.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(direct.message, HasSubstr("It may have happened"));
  world.hangUpAt = "<presence";
  EXPECT_EQ(inRoom("send", {{"message", message("x")}}).status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(XmppConversation, ARepeatedMessageIsFoundInTheArchive) {
  given();
  settings["use_archive"] = true;
  const Json input{{"message", message("x")}};
  EXPECT_EQ(inRoom("send", input, {.idempotencyKey = "step-41"}).value["message_id"], "archived-0");
  EXPECT_EQ(inRoom("send", input, {.idempotencyKey = "step-41"}).value["message_id"], "archived-0");
  EXPECT_EQ(world.messages.size(), 1U);
  EXPECT_EQ(inRoom("send", input, {.idempotencyKey = "step-42"}).value["message_id"], "archived-1");
  world.archives = false;
  const Outcome outcome = inRoom("send", input, {.idempotencyKey = "step-43"});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("\"use_archive\" off"));
  EXPECT_EQ(world.messages.size(), 2U);
}

TEST_F(XmppConversation, WhispersToWhoIsInTheRoomAndWritesToWhoIsNot) {
  given();
  room().occupants = {{"Amazing Grace", {"grace@example.com", "participant"}}};
  const auto tell = [&](const char* email) {
    return inRoom("send_ephemeral", {{"recipient", person(email)}, {"message", message("psst")}}).status;
  };
  EXPECT_EQ(tell("grace@example.com"), DISPATCH_OK);
  EXPECT_EQ(tell("alan@example.com"), DISPATCH_OK);
  EXPECT_EQ(tell("nobody@example.com"), DISPATCH_ERR_NOT_FOUND);
  world.refuse[roomJid + "/Amazing Grace'"] = "item-not-found";  // left a moment ago
  EXPECT_EQ(tell("grace@example.com"), DISPATCH_OK);
  EXPECT_THAT(world.messages, ElementsAre(roomJid + "/Amazing Grace: psst", "alan@example.com: psst",
                                          "grace@example.com: psst"));
}

TEST_F(XmppConversation, WritesToOnePerson) {
  EXPECT_TRUE(
      invoke("send_direct", {{"recipient", person("grace@example.com")}, {"message", message("hi")}}).ok());
  EXPECT_THAT(world.messages, ElementsAre("grace@example.com: hi"));
  const Outcome unknown =
      invoke("send_direct", {{"recipient", person("nobody@example.com")}, {"message", message("hi")}});
  EXPECT_EQ(unknown.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_THAT(unknown.message, HasSubstr("\"address_pattern\""));
}

TEST_F(XmppConversation, AnnouncesInARoomByNameOrAddress) {
  given();
  for (const std::string target :
       {"dispatch-default-default-12", "#Dispatch-Default-Default-12", roomJid.c_str()})
    EXPECT_TRUE(invoke("announce", {{"target", target}, {"message", message("x")}}).ok()) << target;
  EXPECT_EQ(world.messages.size(), 3U);
  EXPECT_EQ(invoke("announce", {{"target", "two words"}, {"message", message("x")}}).status,
            DISPATCH_ERR_INVALID);
}

TEST_F(XmppConversation, SetsTopicDescriptionLinksAndName) {
  given();
  room().form["muc#roomconfig_roomdesc"] = "Old | Incident: https://i/12";
  ASSERT_TRUE(inRoom("set_topic", {{"topic", "Grace / Status:\nActive"}}).ok());
  EXPECT_EQ(room().subject, "Grace / Status: Active");
  ASSERT_TRUE(inRoom("add_bookmark", {{"title", "Ticket"}, {"weblink", "https://t/1"}}).ok());
  ASSERT_TRUE(inRoom("add_bookmark", {{"title", "Ticket"}, {"weblink", "https://t/1"}}).ok());
  ASSERT_TRUE(inRoom("set_description", {{"description", "New"}}).ok());
  EXPECT_EQ(room().form["muc#roomconfig_roomdesc"], "New | Incident: https://i/12 | Ticket: https://t/1");
  ASSERT_TRUE(inRoom("rename", {{"name", "another"}}).ok());
  EXPECT_EQ(room().form["muc#roomconfig_roomname"], "another");
  EXPECT_EQ(room().form["muc#roomconfig_persistentroom"], "1");  // and nothing else has changed
  world.lacking = {"muc#roomconfig_roomdesc"};
  EXPECT_EQ(inRoom("set_description", {{"description", "x"}}).status, DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(XmppConversation, ClosesAndOpensARoom) {
  given();
  room().affiliation["grace@example.com"] = "member";
  room().occupants = {{"Grace", {"grace@example.com", "participant"}}};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(inRoom("archive", Json::object()).ok());
    EXPECT_EQ(room().form["muc#roomconfig_moderatedroom"], "1");
    EXPECT_EQ(room().form["muc#roomconfig_roomname"], "[archived] dispatch-default-default-12");
    EXPECT_EQ(room().affiliation["grace@example.com"], "");  // a member would have a voice
    EXPECT_EQ(room().occupants["Grace"].role, "visitor");
  }
  ASSERT_TRUE(inRoom("rename", {{"name", "another"}}).ok());
  EXPECT_EQ(room().form["muc#roomconfig_roomname"], "[archived] another");
  ASSERT_TRUE(inRoom("unarchive", Json::object()).ok());
  EXPECT_EQ(room().form["muc#roomconfig_moderatedroom"], "0");
  EXPECT_EQ(room().form["muc#roomconfig_roomname"], "another");
  EXPECT_EQ(room().occupants["Grace"].role, "participant");
}

TEST_F(XmppConversation, KeepsTheMembersOfAClosedRoomInIt) {
  given();
  room().form["muc#roomconfig_membersonly"] = "1";
  room().affiliation["grace@example.com"] = "member";
  ASSERT_TRUE(inRoom("archive", Json::object()).ok());
  EXPECT_EQ(room().affiliation["grace@example.com"], "member");
}

TEST_F(XmppConversation, SendsNothingThatMattersBeforeTls) {
  world.offersTls = false;
  const Outcome outcome = create();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("does not offer STARTTLS"));
  EXPECT_TRUE(world.stanzas.empty());
  world.offersTls = true;
  world.tlsWorks = false;
  EXPECT_EQ(create().status, DISPATCH_ERR_DENIED);
  world.tlsWorks = true;
  world.smuggled = "<message/>";
  EXPECT_THAT(create().message, HasSubstr("somebody may be tampering"));
  for (const auto& stanza : world.stanzas) EXPECT_THAT(stanza, HasSubstr("starttls"));
}

TEST_F(XmppConversation, SpeaksTlsFromTheFirstByte) {
  settings["security"] = "tls";
  ASSERT_TRUE(create().ok());
  EXPECT_TRUE(host.connections.at(0).tls);
  EXPECT_FALSE(host.connections[0].allowUntrusted);
}

TEST_F(XmppConversation, PrefersALoginThatDoesNotShowThePassword) {
  settings["auth"] = "auto";
  const Outcome outcome = test();
  ASSERT_EQ(outcome.value["ok"], true) << outcome.value;
  EXPECT_THAT(outcome.value["checks"][2]["detail"].get<std::string>(), HasSubstr("SCRAM-SHA-256"));
  world.mechanisms = "DIGEST-MD5 PLAIN";
  EXPECT_THAT(test().value["checks"][2]["detail"].get<std::string>(), HasSubstr("PLAIN, inside of TLS"));
  settings["auth"] = "scram";
  EXPECT_THAT(test().value["summary"].get<std::string>(), HasSubstr("may use SCRAM-SHA-256 or SCRAM-SHA-1"));
}

TEST_F(XmppConversation, ShowsThePasswordToNobodyUnchecked) {
  settings["accept_any_certificate"] = true;
  EXPECT_EQ(host.tryLoad(dispatch_plugin_query_v1(), settings).status, DISPATCH_ERR_INVALID);
  settings["auth"] = "auto";
  world.mechanisms = "PLAIN";
  EXPECT_EQ(create().status, DISPATCH_ERR_DENIED);
  for (const auto& stanza : world.stanzas) EXPECT_THAT(stanza, Not(HasSubstr("<auth")));
}

TEST_F(XmppConversation, ARefusedLoginIsForAPersonToMend) {
  for (const char* login : {"plain", "scram"}) {
    settings["auth"] = login;
    world.password = "another";
    const Outcome outcome = create();
    EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
    EXPECT_THAT(outcome.message, HasSubstr("did not accept dispatch@example.com: not-authorized (No.)"));
  }
  world.failure = "temporary-auth-failure";
  EXPECT_EQ(create().status, DISPATCH_ERR_UNAVAILABLE);
  world.failure = "account-disabled";
  EXPECT_EQ(create().status, DISPATCH_ERR_DENIED);
}

TEST_F(XmppConversation, AnAccountOfAnotherNameIsToldAtOnce) {
  world.jid = "somebody@example.com/xyz";
  EXPECT_THAT(create().message, HasSubstr("Enter the account's full XMPP address"));
}

TEST_F(XmppConversation, WhatIsNoXmppServerIsNamed) {
  world.instead = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_THAT(create().message, HasSubstr("bytes that are no XML"));
  world.instead = "<html><head/></html>";
  EXPECT_THAT(create().message, HasSubstr("does not speak XMPP 1.0; it began with <html>"));
  world.instead =
      "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:error>"
      "<host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
  EXPECT_EQ(create().status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(create().message, HasSubstr("setting \"account\""));
  world.instead = world.instead.replace(world.instead.find("host-unknown"), 12, "system-shutdown");
  EXPECT_EQ(create().status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(XmppConversation, TheServersConditionsTellWhatToDo) {
  given();
  const std::vector<std::pair<std::string, dispatch_status>> all{
      {"forbidden auth", DISPATCH_ERR_DENIED},
      {"registration-required auth", DISPATCH_ERR_DENIED},
      {"not-allowed cancel", DISPATCH_ERR_DENIED},
      {"resource-constraint wait", DISPATCH_ERR_UNAVAILABLE},
      {"service-unavailable wait", DISPATCH_ERR_UNAVAILABLE},
      {"internal-server-error cancel", DISPATCH_ERR_UNAVAILABLE},
      {"gone cancel", DISPATCH_ERR_NOT_FOUND},
      {"remote-server-not-found cancel", DISPATCH_ERR_NOT_FOUND},
      {"feature-not-implemented cancel", DISPATCH_ERR_UNSUPPORTED},
      {"bad-request modify", DISPATCH_ERR_INVALID}};
  for (const auto& [condition, status] : all) {
    world.refuse = {{"<presence", condition}};
    const Outcome outcome = inRoom("send", {{"message", message("x")}});
    EXPECT_EQ(outcome.status, status) << condition;
    EXPECT_THAT(outcome.message, HasSubstr(condition.substr(0, condition.find(' '))));
  }
}

/// Whatever breaks on the wire, a method that may be repeated never says that something may have happened.
TEST_F(XmppConversation, AFaultOnTheWireIsUnavailable) {
  given();
  for (const char* side : {"dispatch.stream/1 read", "dispatch.stream/1 write", "dispatch.stream/1"}) {
    host.fail(side, DISPATCH_ERR_TIMEOUT, "The cable was cut.");
    const Outcome outcome = inRoom("set_description", {{"description", "x"}});
    EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << side;
    EXPECT_THAT(outcome.message, HasSubstr("The cable was cut."));
  }
}

TEST_F(XmppConversation, ATestMakesAndTakesDownARoomAndSaysNothing) {
  const Outcome outcome = test();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  EXPECT_EQ(outcome.value["checks"].size(), 5U);
  EXPECT_TRUE(world.rooms.empty());
  EXPECT_TRUE(world.messages.empty());
}

TEST_F(XmppConversation, ATestThatFailsSaysWhereAndWhy) {
  world.lacking = {"muc#roomconfig_persistentroom"};
  EXPECT_THAT(test().value["summary"].get<std::string>(),
              HasSubstr("does not let dispatch@example.com make persistent"));
  EXPECT_TRUE(world.rooms.empty());
  world.refuse = {{"<presence", "not-allowed"}};
  EXPECT_THAT(test().value["summary"].get<std::string>(), HasSubstr("not-allowed"));
  settings["room_domain"] = "example.com";
  EXPECT_THAT(test().value["summary"].get<std::string>(), HasSubstr("is no multi-user chat service"));
  settings["room_domain"] = "nothing.example.com";
  EXPECT_EQ(test().value["checks"].back()["name"], "Rooms");
  host.onConnect = nullptr;
  EXPECT_EQ(test().value["checks"].back()["name"], "Connection");
}

TEST_F(XmppConversation, RefusesSettingsThatCannotWork) {
  const auto refusal = [&](const Json& change) {
    Json changed = settings;
    changed.merge_patch(change);
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), changed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << change;
    return outcome.message;
  };
  EXPECT_THAT(refusal({{"account", "dispatch"}}), HasSubstr("e.g. dispatch@example.com"));
  EXPECT_THAT(refusal({{"account", "dispatch@example.com/x"}}), HasSubstr("without a resource"));
  EXPECT_THAT(refusal({{"password", nullptr}}), HasSubstr("\"password\" is missing"));
  EXPECT_THAT(refusal({{"password", "clear text"}}), HasSubstr("x-dispatch-secret"));
  EXPECT_THAT(refusal({{"port", 70000}}), HasSubstr("between 1 and 65535"));
  EXPECT_THAT(refusal({{"security", "plain"}}), HasSubstr("one of starttls, tls"));
  EXPECT_THAT(refusal({{"auth", "md5"}}), HasSubstr("one of auto, scram, plain"));
  EXPECT_THAT(refusal({{"room_domain", "room@rooms.example.com"}}),
              HasSubstr("domain of the server's rooms"));
  EXPECT_THAT(refusal({{"nick", "a/b"}}), HasSubstr("without a slash"));
  EXPECT_THAT(refusal({{"address_pattern", "chat.example.com"}}), HasSubstr("{local}"));
  EXPECT_THAT(refusal({{"address_pattern", "{local}@{host}"}}), HasSubstr("{domain}"));
  EXPECT_THAT(refusal({{"addresses", {"grace@example.com"}}}),
              HasSubstr("has the line \"grace@example.com\""));
  EXPECT_THAT(refusal({{"weblink_pattern", "https://chat.example.com"}}), HasSubstr("{room}"));
  EXPECT_THAT(refusal({{"members_only", "never"}}), HasSubstr("one of restricted, always"));
}

TEST_F(XmppConversation, LinksToAWebClient) {
  settings["weblink_pattern"] = "https://chat.example.com/#converse/room?jid={room}";
  EXPECT_EQ(create().value["weblink"], "https://chat.example.com/#converse/room?jid=" + roomJid);
}

}  // namespace
