// What an incident has on the outside, over the contracts of its plugins: made in order, kept in line, ended.
#include "incident/testing/incident_room.hpp"

#include <gmock/gmock.h>

namespace dispatch::incident {
namespace {

using namespace std::chrono_literals;
using flow::testing::answer;
using flow::testing::refusal;
using plugin::Effect;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class Outside : public testing::IncidentRoom {
 protected:
  std::int64_t reported(const Json& more = Json::object()) {
    const auto id = incidents->create(ada, report(more));
    engine->run();
    settled();
    return id;
  }
  std::vector<std::string> names(const std::string& type, const std::string& method, const char* member) {
    std::vector<std::string> all;
    for (const auto& one : deliveries.all(type, method)) all.push_back(one.input.at(member));
    return all;
  }
  std::vector<std::string> emails(const Json& list) {
    std::vector<std::string> all;
    for (const Json& one : list) all.push_back(one.at("email"));
    return all;
  }
  /// A service with an on-call rotation that fills `role` in every incident.
  void policy(const std::string& role, bool engageNext = false) {
    const std::string at = nowText();
    auto session = db().session();
    const auto service = session->insert("service", {{"organization_id", std::int64_t{1}},
                                                     {"project_id", std::int64_t{1}},
                                                     {"name", "Checkout"},
                                                     {"external_id", "PIJ90N7"},
                                                     {"created_at", at},
                                                     {"updated_at", at}});
    const auto id = session->insert("incident_role", {{"organization_id", std::int64_t{1}},
                                                      {"project_id", std::int64_t{1}},
                                                      {"role", role},
                                                      {"service_id", service},
                                                      {"engage_next_oncall", engageNext},
                                                      {"created_at", at},
                                                      {"updated_at", at}});
    session->execute("INSERT INTO incident_role_incident_type SELECT ?, id FROM incident_type", {id});
    session->execute("INSERT INTO incident_role_incident_priority SELECT ?, id FROM incident_priority", {id});
  }
  std::string reason(const std::string& key) {
    return db()
        .session()
        ->one("SELECT reason FROM flow_step WHERE \"key\" = ? ORDER BY id DESC LIMIT 1", {key})
        ->text("reason");
  }
};
DISPATCH_TEST_ON_BOTH_DATABASES(Outside);

TEST_P(Outside, EveryResourceIsMadeAndRecordedWithWhoMadeIt) {
  enableAll();
  const auto id = reported();
  const std::string name = "dispatch-default-default-" + std::to_string(id);
  EXPECT_THAT(names("storage", "create", "name"),
              UnorderedElementsAre(name, "Logs", "Screengrabs", name + " - Incident Document"));
  EXPECT_EQ(deliveries.all("storage", "create")[0].input.at("name"), name) << "the folder comes first";
  for (const auto& one : deliveries.all("storage", "create")) {
    if (one.input.at("name") == name) continue;
    EXPECT_EQ(one.input.at("parent").at("resource_id"), "s-" + name) << one.input;
  }
  auto session = db().session();
  for (const char* table : {"conversation", "conference", "storage", "document", "incident_group"}) {
    const auto kept = session->one(std::string("SELECT resource_type, weblink, plugin_instance_id FROM ") +
                                       table + " WHERE incident_id = ?",
                                   {id});
    ASSERT_TRUE(kept) << table;
    EXPECT_THAT(kept->text("resource_type"), HasSubstr("fake-")) << table;
    EXPECT_THAT(kept->text("weblink"), HasSubstr("https://")) << table;
    EXPECT_NE(kept->integer("plugin_instance_id"), 0) << table;
  }
  EXPECT_EQ(session->one("SELECT conference_challenge AS c FROM conference")->text("c"), "4711");
  EXPECT_EQ(session->one("SELECT g.email FROM incident i JOIN incident_group g ON g.id = i.tactical_group_id")
                ->text("email"),
            name + "@lists.example.com");
  for (const char* text : {"Storage folder created", "Incident document created", "Conference room created",
                           "Conversation created: inc-1", "Tactical group created"})
    EXPECT_TRUE(onTimeline(id, text)) << text;
}

TEST_P(Outside, WhatComesLaterKnowsWhatCameBefore) {
  enableAll();
  reported({{"commander_email", "grace@example.com"}});
  const Json links = deliveries.all("ticket", "update").back().input.at("links");
  EXPECT_EQ(links.at("conversation"), "https://chat/C1");
  EXPECT_EQ(links.at("conference"), "https://meet/1");
  EXPECT_THAT(links.at("storage").get<std::string>(), HasSubstr("https://s/"));
  const Json placeholders = deliveries.all("document", "update").back().input.at("placeholders");
  EXPECT_EQ(placeholders.at("ticket_weblink"), "https://t/OPS-1");
  EXPECT_EQ(placeholders.at("conference_challenge"), "4711");
  EXPECT_EQ(placeholders.at("commander_fullname"), "Full grace@example.com");
  EXPECT_EQ(placeholders.at("resolution"), "N/A");
  EXPECT_THAT(names("conversation", "add_bookmark", "title"),
              ElementsAre("Ticket", "Incident document", "Conference", "Storage"));
  EXPECT_THAT(emails(deliveries.all("conversation", "add")[0].input.at("participants")),
              UnorderedElementsAre("ada@example.com", "grace@example.com", "alan@example.com"));
  EXPECT_EQ(deliveries.count("conversation", "send_ephemeral"), 3u);
  EXPECT_THAT(deliveries.all("conversation", "set_topic")[0].input.at("topic").get<std::string>(),
              HasSubstr("Full grace@example.com | Status: Active"));
}

TEST_P(Outside, ARestrictedIncidentIsMaskedEverywhere) {
  enableAll();
  reported(
      {{"visibility", "Restricted"}, {"title", "The board is on fire"}, {"description", "Secret thing"}});
  for (const auto& one : deliveries.all()) {
    if (one.type == "email") continue;  // to those who take part, as before
    const std::string sent = dumpJson(one.input);
    EXPECT_EQ(sent.find("on fire"), std::string::npos) << one.type << "." << one.method << sent;
    EXPECT_EQ(sent.find("Secret thing"), std::string::npos) << one.type << "." << one.method << sent;
  }
  EXPECT_EQ(deliveries.all("conversation", "create")[0].input.at("restricted"), true);
}

TEST_P(Outside, OneThatFailsHoldsBackOnlyWhatNeedsIt) {
  enableAll();
  plugins.enable("conversation", plugin("conversation-other"))
      .on("create", Effect::findable, [](const Json&, const plugin::CallOptions&) {
        return refusal(DISPATCH_ERR_INVALID, "No such workspace.");
      });
  const auto id = incidents->create(ada, report());
  engine->run();
  const auto states = settled();
  EXPECT_EQ(states.at("conversation.create"), "failed");
  for (const char* key : {"conversation.topic", "conversation.add", "conversation.bookmarks"})
    EXPECT_EQ(states.at(key), "waiting") << key;
  for (const char* key : {"ticket.update", "document.update", "mail.welcome", "conference.create"})
    EXPECT_EQ(states.at(key), "done") << key;
  EXPECT_TRUE(onTimeline(id, "\"Create the conversation\" failed. Reason: "));
}

TEST_P(Outside, WhoIsOnCallCommandsAndIsPaged) {
  enableAll();
  policy("Incident Commander", true);
  db().session()->execute("UPDATE incident_priority SET page_commander = ?", {true});
  const auto id = reported();
  EXPECT_EQ(rolesOf(id, "oncall@example.com"), std::set<std::string>{"Incident Commander"});
  EXPECT_EQ(rolesOf(id, "next@example.com"), std::set<std::string>{"Observer"});
  EXPECT_EQ(rolesOf(id, "ada@example.com"), std::set<std::string>{"Reporter"});
  const Json page = deliveries.all("oncall", "page").at(0).input;
  EXPECT_EQ(page.at("service").at("external_id"), "PIJ90N7");
  EXPECT_EQ(page.at("recipient").at("email"), "oncall@example.com");
  EXPECT_TRUE(onTimeline(id, "Paged who is on call for Checkout"));
}

TEST_P(Outside, EverybodyIsLookedUpOnce) {
  enableAll();
  policy("Incident Commander", true);
  const auto id = reported();
  EXPECT_THAT(names("contact", "get", "email"), UnorderedElementsAre("ada@example.com", "oncall@example.com",
                                                                     "next@example.com", "alan@example.com"));
  incidents->update(ada, id, {{"title", "Another title"}});
  const auto states = settled("incident.update");
  EXPECT_EQ(states.at("contact.people"), "skipped") << "nobody joined";
}

TEST_P(Outside, SomebodyNamedCommandsWhateverThePolicySays) {
  enableAll();
  policy("Incident Commander");
  const auto id = reported({{"commander_email", "grace@example.com"}});
  EXPECT_EQ(deliveries.count("oncall", "get"), 0u);
  EXPECT_EQ(rolesOf(id, "grace@example.com"), std::set<std::string>{"Incident Commander"});
}

TEST_P(Outside, WithoutAnOnCallPluginTheTimelineSaysSo) {
  policy("Incident Commander");
  const auto id = reported();
  EXPECT_TRUE(onTimeline(id, "would be on call for service \"Checkout\", which no on-call plugin"));
  EXPECT_EQ(rolesOf(id, "ada@example.com"), (std::set<std::string>{"Reporter", "Incident Commander"}));
}

TEST_P(Outside, ClosingArchivesAndReopeningOpensAgain) {
  enableAll();
  const auto id = reported();
  incidents->update(ada, id, {{"status", "Stable"}});
  settled("incident.status");
  EXPECT_THAT(names("storage", "create", "name"),
              ::testing::Contains(HasSubstr("Post-Incident Review Document")));
  EXPECT_EQ(deliveries.all("conversation", "send").back().input.at("message").at("kind"), "incident-review");
  EXPECT_EQ(deliveries.count("conversation", "archive"), 0u);
  EXPECT_EQ(deliveries.count("storage", "open"), 0u);

  incidents->update(ada, id, {{"status", "Closed"}});
  auto states = settled("incident.status");
  EXPECT_EQ(deliveries.count("conversation", "archive"), 1u);
  EXPECT_EQ(deliveries.count("storage", "open"), 2u) << "incident and review document";
  EXPECT_EQ(deliveries.count("storage", "mark_readonly"), 2u);
  EXPECT_EQ(states.at("review.create"), "skipped");
  EXPECT_EQ(states.at("conversation.review"), "skipped") << "it was announced once";

  incidents->update(ada, id, {{"status", "Active"}});
  states = settled("incident.status");
  EXPECT_EQ(deliveries.count("conversation", "unarchive"), 1u);
  EXPECT_EQ(states.at("conversation.archive"), "skipped");
}

TEST_P(Outside, PeopleComeAndGoEverywhere) {
  enableAll();
  const auto id = reported();
  incidents->addParticipant(ada, id, "barbara@example.com");
  settled("incident.participant");
  EXPECT_EQ(emails(deliveries.all("participant-group", "add").at(0).input.at("participants")),
            std::vector<std::string>{"barbara@example.com"});
  EXPECT_EQ(emails(deliveries.all("conversation", "add").back().input.at("participants")),
            std::vector<std::string>{"barbara@example.com"});
  EXPECT_EQ(deliveries.all("conversation", "send_ephemeral").back().input.at("recipient").at("email"),
            "barbara@example.com");
  incidents->removeParticipant(ada, id, "barbara@example.com");
  settled("incident.leave");
  for (const char* type : {"participant-group", "conversation"})
    EXPECT_EQ(deliveries.all(type, "remove").at(0).input.at("participant").at("email"), "barbara@example.com")
        << type;
}

TEST_P(Outside, WhoCouldNotBeBroughtInStandsOnTheTimeline) {
  enableAll();
  plugins.enable("conversation", plugin("conversation-other"))
      .on("create", Effect::findable,
          plugins.counted("conversation", "create",
                          Json{{"resource_id", "C1"}, {"name", "inc-1"}, {"weblink", "https://chat/C1"}}))
      .on("add", Effect::idempotent, [](const Json&, const plugin::CallOptions&) {
        return answer({{"rejected", {{{"email", "ada@example.com"}, {"reason", "no such user"}}}}});
      });
  const auto id = reported();
  EXPECT_TRUE(onTimeline(id, "ada@example.com could not be added to the conversation. Reason: no such user"));
  EXPECT_THAT(reason("conversation.topic"), HasSubstr("does not offer \"set_topic\""));
}

TEST_P(Outside, WhoHasNoAccountThereIsNoFailure) {
  enableAll();
  plugins.enable("conversation", plugin("conversation-other"))
      .on("create", Effect::findable,
          plugins.counted("conversation", "create",
                          Json{{"resource_id", "C1"}, {"name", "inc-1"}, {"weblink", "https://chat/C1"}}))
      .on("send_ephemeral", Effect::atMostOnce, [](const Json& input, const plugin::CallOptions&) {
        return input.at("recipient").at("email") == "ada@example.com"
                   ? refusal(DISPATCH_ERR_NOT_FOUND, "ada@example.com has no account here.")
                   : refusal(DISPATCH_ERR_DENIED, "The token was revoked.");
      });
  reported();
  const auto stateOf = [&](const char* title) {
    return db().session()->one("SELECT state, reason FROM flow_step WHERE title = ?", {std::string(title)});
  };
  EXPECT_EQ(stateOf("Welcome Full ada@example.com")->text("state"), "skipped");
  EXPECT_EQ(stateOf("Welcome Full ada@example.com")->text("reason"), "ada@example.com has no account here.");
  EXPECT_EQ(stateOf("Welcome Alan")->text("state"), "failed");
}

TEST_P(Outside, DeletingTakesEverythingWithIt) {
  enableAll();
  const auto id = reported();
  const std::string name = row(id).text("name");
  incidents->remove(ada, id);
  const auto states = settled("incident.delete");
  EXPECT_EQ(deliveries.all("participant-group", "delete").at(0).input.at("group").at("resource_id"),
            "g-" + name);
  EXPECT_EQ(deliveries.all("storage", "delete").at(0).input.at("resource").at("resource_id"), "s-" + name);
  EXPECT_EQ(deliveries.all("conversation", "rename").at(0).input.at("name"), "inc-1-deleted");
  EXPECT_EQ(deliveries.count("conversation", "archive"), 1u);
  EXPECT_EQ(states.at("notifications.delete"), "skipped") << "no team was concerned";
}

TEST_P(Outside, ATemplateOfTheTypeIsCopied) {
  enableAll();
  const std::string at = nowText();
  const auto document = db().session()->insert("document", {{"organization_id", std::int64_t{1}},
                                                            {"project_id", std::int64_t{1}},
                                                            {"name", "Incident template"},
                                                            {"resource_id", "templates/incident.md"},
                                                            {"created_at", at},
                                                            {"updated_at", at}});
  db().session()->execute("UPDATE incident_type SET incident_template_document_id = ?", {document});
  reported();
  std::string copied;
  for (const auto& one : deliveries.all("storage", "create"))
    if (one.input.contains("template")) copied = one.input.at("template").at("resource_id");
  EXPECT_EQ(copied, "templates/incident.md");
}

TEST_P(Outside, ConversationsThatChooseItAreTold) {
  enableAll();
  addNotification("Everybody", "#incidents", nullptr, "conversation");
  addNotification("High ones", "#high",
                  Json{{{"model", "IncidentPriority"}, {"field", "name"}, {"op", "=="}, {"value", "High"}}},
                  "conversation");
  const auto id = reported({{"incident_priority", {{"name", "Low"}}}});
  EXPECT_THAT(names("conversation", "announce", "target"), ElementsAre("#incidents"));
  EXPECT_TRUE(onTimeline(id, "Incident notification sent to #incidents"));
}

}  // namespace
}  // namespace dispatch::incident
