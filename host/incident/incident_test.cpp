#include "incident/incident.hpp"

#include "base/base.hpp"
#include "incident/mail.hpp"
#include "incident/testing/incident_room.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace dispatch::incident {
namespace {

using namespace std::chrono_literals;
using flow::testing::answer;
using flow::testing::refusal;
using plugin::Effect;

using testing::IncidentRoom;
DISPATCH_TEST_ON_BOTH_DATABASES(IncidentRoom);

TEST_P(IncidentRoom, HasNameReporterCommanderAndFlowFromTheFirstTransaction) {
  const auto id = incidents->create(ada, report());
  EXPECT_EQ(row(id).text("name"), "dispatch-default-default-" + std::to_string(id));
  EXPECT_EQ(row(id).text("status"), "Active");
  EXPECT_EQ(row(id).text("visibility"), "Open");
  EXPECT_EQ(rolesOf(id, "ada@example.com"), (std::set<std::string>{"Reporter", "Incident Commander"}));
  EXPECT_EQ(timeline(id), std::vector<std::string>{"Incident created"});
  EXPECT_GT(db().session()->one("SELECT count(*) AS n FROM flow_step")->integer("n"), 0);
}

TEST_P(IncidentRoom, RunsToItsEndWithNothingEnabled) {
  const auto id = incidents->create(ada, report());
  engine->run();
  const auto states = settled();
  EXPECT_EQ(states.at("ticket.create"), "skipped");
  EXPECT_EQ(states.at("commander.announce"), "done");
  EXPECT_EQ(states.at("mail.welcome"), "skipped");
  EXPECT_TRUE(onTimeline(id, "has been assigned the role of Incident Commander"));
  EXPECT_EQ(incidents->steps(ada, id)["flows"][0]["state"], "done");
}

TEST_P(IncidentRoom, NamesTheNotificationThatCannotBeSent) {
  enableAll();
  addNotification("Broken one", "not a mail");
  incidents->create(ada, report());
  engine->run();
  EXPECT_EQ(settled().at("mail.notification"), "skipped");
  const auto step = db().session()->one("SELECT reason FROM flow_step WHERE key = 'mail.notification'");
  EXPECT_NE(step->text("reason").find(
                "Notification \"Broken one\" cannot be sent: \"not a mail\" is not an e-mail"),
            std::string::npos)
      << step->text("reason");
}

TEST_P(IncidentRoom, RefusesAReportOnceWithEverythingThatIsWrong) {
  const auto problem = refused([&] {
    incidents->create(ada, Json{{"status", "Odd"},
                                {"description", std::string("a NUL \0 in it", 13)},
                                {"incident_type", {{"name", "Nope"}}},
                                {"incident_severity", "High"},
                                {"tags", "x"}});
  });
  std::set<std::string> fields{problem->location().at(1)};
  for (const auto& other : problem->others()) fields.insert(other.location().at(1));
  EXPECT_EQ(fields, (std::set<std::string>{"title", "description", "status", "incident_type",
                                           "incident_severity", "tags"}));
}

TEST_P(IncidentRoom, CreatesTicketPeopleMailsAndWorkflows) {
  enableAll();
  addNotification("Everybody", "all@example.com");
  addNotification("Low ones", "low@example.com",
                  Json{{{"model", "IncidentPriority"}, {"field", "name"}, {"op", "=="}, {"value", "Low"}}});
  addNotification("High ones", "high@example.com",
                  Json{{{"model", "IncidentPriority"}, {"field", "name"}, {"op", "=="}, {"value", "High"}}});
  const std::string at = nowText();
  db().session()->insert("workflow", {{"organization_id", std::int64_t{1}},
                                      {"project_id", std::int64_t{1}},
                                      {"name", std::string("Diagnose")},
                                      {"resource_id", std::string("diagnose")},
                                      {"parameters", std::string(R"([{"key": "depth", "value": "full"}])")},
                                      {"trigger", std::string("incident.create")},
                                      {"created_at", at},
                                      {"updated_at", at}});
  const auto id = incidents->create(
      ada, report({{"commander_email", "grace@Example.com"}, {"incident_priority", {{"name", "Low"}}}}));
  engine->run();
  const auto states = settled();
  // Nothing is asked of whom no policy, setting or filter names; everything else took place.
  const std::set<std::string> idle{"oncall.roles",
                                   "group.notifications",
                                   "conversation.oncall",
                                   "conversation.description",
                                   "conversation.notification",
                                   "oncall.page"};
  for (const auto& [key, state] : states) EXPECT_EQ(state, idle.contains(key) ? "skipped" : "done") << key;
  const auto ticket = db().session()->one("SELECT * FROM ticket WHERE incident_id = ?", {id});
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->text("resource_id"), "OPS-1");
  EXPECT_NE(ticket->integer("plugin_instance_id"), 0);
  EXPECT_EQ(rolesOf(id, "alan@example.com"), std::set<std::string>{"Observer"});
  EXPECT_EQ(rolesOf(id, "grace@example.com"), std::set<std::string>{"Incident Commander"});
  std::multiset<std::string> recipients;
  for (const auto& one : deliveries.all("email", "send"))
    recipients.insert(one.input.at("to").at(0).at("email").get<std::string>());
  EXPECT_EQ(recipients, (std::multiset<std::string>{"ada@example.com", "alan@example.com", "all@example.com",
                                                    "grace@example.com", "low@example.com"}));
  ASSERT_EQ(deliveries.count("workflow", "run"), 1u);
  EXPECT_EQ(deliveries.all("workflow")[0].input.at("params"), (Json{{"depth", "full"}}));
  EXPECT_EQ(db().session()->one("SELECT status FROM workflow_instance")->text("status"), "Running");
  EXPECT_EQ(deliveries.all("ticket", "create")[0].input.at("commander_email"), "grace@example.com");
  EXPECT_EQ(row(id).text("participants_team"), "Payments");
  EXPECT_EQ(row(id).text("reporters_location"), "Turin");
  for (const char* text :
       {"Ticket OPS-1 created", "Incident participants resolved: 1", "Alan has been added as Observer",
        "Full grace@example.com has been assigned the role of Incident Commander",
        "Incident notification sent to Everybody <all@example.com>", "Workflow \"Diagnose\" is Running"})
    EXPECT_TRUE(onTimeline(id, text)) << text;
}

TEST_P(IncidentRoom, RefusesABodyWithTheFieldAndWhatThereIs) {
  auto problem = refused([&] { incidents->create(ada, {{"description", "d"}}); });
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind(), Problem::Kind::invalid);
  EXPECT_EQ(problem->location(), (std::vector<std::string>{"body", "title"}));
  problem = refused([&] { incidents->create(ada, report({{"title", " \n"}})); });
  EXPECT_EQ(problem->location(), (std::vector<std::string>{"body", "title"}));
  problem = refused([&] { incidents->create(ada, report({{"incident_priority", {{"name", "Urgent"}}}})); });
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->location(), (std::vector<std::string>{"body", "incident_priority", "name"}));
  EXPECT_NE(std::string(problem->what()).find("High, Low, Medium"), std::string::npos) << problem->what();
  EXPECT_TRUE(refused([&] { incidents->create(ada, report({{"project", {{"name", "nowhere"}}}})); }));
  EXPECT_TRUE(refused([&] { incidents->create(ada, report({{"commander_email", "not an address"}})); }));
  EXPECT_TRUE(refused([&] { incidents->create(ada, report({{"status", "Open"}})); }));
  EXPECT_TRUE(refused([&] { incidents->create(ada, Json::array()); }));
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM incident")->integer("n"), 0);
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM individual_contact")->integer("n"), 0)
      << "a refused report leaves nothing behind";
}

TEST_P(IncidentRoom, FindsOrMakesTags) {
  const auto first = incidents->create(ada, report({{"tags",
                                                     {{{"name", "checkout"}},
                                                      {{"name", "eu"}, {"tag_type", {{"name", "Region"}}}},
                                                      {{"name", "checkout"}}}}}));
  EXPECT_EQ(db().session()
                ->one("SELECT count(*) AS n FROM incident_tag WHERE incident_id = ?", {first})
                ->integer("n"),
            2);
  const auto tag = db().session()->one("SELECT id, tag_type_id FROM tag WHERE name = 'eu'");
  incidents->create(ada, report({{"tags", {{{"id", tag->integer("id")}}, {{"name", "checkout"}}}}}));
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM tag")->integer("n"), 2);
  db().session()->update("tag_type", tag->integer("tag_type_id"), {{"exclusive", true}});
  const auto problem = refused([&] {
    incidents->create(
        ada,
        report({{"tags",
                 {{{"id", tag->integer("id")}}, {{"name", "us"}, {"tag_type", {{"name", "Region"}}}}}}}));
  });
  ASSERT_TRUE(problem);
  EXPECT_NE(std::string(problem->what()).find("exclusive"), std::string::npos);
  EXPECT_TRUE(refused([&] { incidents->create(ada, report({{"tags", {{{"id", 999}}}}})); }));
}

TEST_P(IncidentRoom, MasksWhatIsRestrictedFromPluginsAndNotifications) {
  enableAll();
  addNotification("Everybody", "all@example.com");
  incidents->create(ada, report({{"visibility", "Restricted"}}));
  engine->run();
  const auto states = settled();
  EXPECT_EQ(states.at("participants.resolve"), "skipped");
  EXPECT_EQ(deliveries.all("ticket", "create")[0].input.at("incident").at("title"), "Default");
  EXPECT_EQ(deliveries.all("ticket", "create")[0].input.at("incident").at("description"), "Default");
  for (const auto& one : deliveries.all("email", "send"))
    EXPECT_EQ(one.input.dump().find("Checkout") == std::string::npos,
              one.input.at("to").at(0).at("email") == "all@example.com");
}

TEST_P(IncidentRoom, UpdatesOnlyWhatChangesWithOneEventEach) {
  const auto id = incidents->create(ada, report());
  engine->run();
  settled();
  const auto before = timeline(id).size();
  const Json body = report({{"title", "Checkout is down"},
                            {"incident_priority", {{"name", "High"}}},
                            {"incident_severity", {{"name", "Undetermined"}}},
                            {"tags", {{{"name", "eu"}}}},
                            {"status", "Active"}});
  incidents->update(ada, id, body);
  EXPECT_EQ(row(id).text("title"), "Checkout is down");
  EXPECT_EQ(row(id).integer("version"), 2);
  EXPECT_TRUE(onTimeline(id, "changed the priority from Low to High"));
  EXPECT_TRUE(onTimeline(id, "changed the tags"));
  settled("incident.update");
  const auto flows = db().session()->one("SELECT count(*) AS n FROM flow")->integer("n");
  incidents->update(ada, id, body);
  EXPECT_EQ(row(id).integer("version"), 2) << "the same again is no change";
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM flow")->integer("n"), flows);
  EXPECT_EQ(timeline(id).size(), before + 3);
}

TEST_P(IncidentRoom, RefusesAnEditOfAnOlderVersion) {
  const auto id = incidents->create(ada, report());
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      try {
        incidents->update(ada, id, {{"title", "Title " + std::to_string(i)}}, 1);
        ++won;
      } catch (const Problem& problem) {
        if (problem.kind() == Problem::Kind::conflict) ++lost;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
  EXPECT_EQ(row(id).integer("version"), 2);
}

TEST_P(IncidentRoom, FollowsTheStatusWithInstantsAndRoles) {
  enableAll();
  addNotification("Everybody", "all@example.com");
  const auto id = incidents->create(ada, report());
  incidents->addParticipant(ada, id, "alan@example.com", "Observer");
  engine->run();
  settled();
  const auto sent = deliveries.count("email", "send");
  incidents->update(ada, id, {{"status", "Stable"}});
  EXPECT_FALSE(row(id).text("stable_at").empty());
  incidents->update(ada, id, {{"status", "Closed"}});
  EXPECT_FALSE(row(id).text("closed_at").empty());
  EXPECT_TRUE(rolesOf(id, "ada@example.com").empty());
  EXPECT_TRUE(rolesOf(id, "alan@example.com").empty());
  EXPECT_TRUE(onTimeline(id, "changed the status from Stable to Closed"));
  EXPECT_TRUE(incidents->mayEdit(*db().session(), ada, id)) << "who had it may still reopen it";
  settled("incident.status");
  EXPECT_EQ(deliveries.count("email", "send"), sent + 2);
  incidents->update(ada, id, {{"status", "Active"}});
  EXPECT_TRUE(row(id).text("closed_at").empty());
  EXPECT_TRUE(row(id).text("stable_at").empty());
  EXPECT_EQ(rolesOf(id, "ada@example.com"), (std::set<std::string>{"Reporter", "Incident Commander"}));
  EXPECT_EQ(rolesOf(id, "alan@example.com"), std::set<std::string>{"Observer"});
  const auto problem = refused([&] { incidents->update(ada, id, {{"status", "Gone"}}); });
  EXPECT_NE(std::string(problem->what()).find("Active, Stable, Closed"), std::string::npos);
}

TEST_P(IncidentRoom, AReportOfAClosedIncidentRunsTheShortFlow) {
  enableAll();
  const auto id = incidents->create(ada, report({{"status", "Closed"}}));
  EXPECT_FALSE(row(id).text("closed_at").empty());
  EXPECT_TRUE(rolesOf(id, "ada@example.com").empty());
  engine->run();
  EXPECT_EQ(settled("incident.create.closed").at("ticket.update"), "done");
  EXPECT_EQ(deliveries.count("email", "send"), 0u);
}

TEST_P(IncidentRoom, KeepsItsCommanderUntilSomebodyElseIs) {
  enableAll();
  const auto id = incidents->create(ada, report());
  auto problem = refused([&] { incidents->removeParticipant(ada, id, "ada@example.com"); });
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind(), Problem::Kind::conflict);
  EXPECT_NE(std::string(problem->what()).find("Give the role of Incident Commander"), std::string::npos);
  incidents->assignRole(ada, id, "grace@example.com", "Incident Commander");
  EXPECT_EQ(rolesOf(id, "ada@example.com"), std::set<std::string>{"Reporter"});
  EXPECT_EQ(rolesOf(id, "grace@example.com"), std::set<std::string>{"Incident Commander"});
  EXPECT_TRUE(onTimeline(id, "grace@example.com has been assigned the role of Incident Commander"));
  incidents->assignRole(ada, id, "grace@example.com", "Incident Commander");
  incidents->update(ada, id, {{"commander", {{"individual", {{"email", "alan@example.com"}}}}}});
  EXPECT_EQ(rolesOf(id, "alan@example.com"), std::set<std::string>{"Incident Commander"});
  EXPECT_EQ(rolesOf(id, "grace@example.com"), std::set<std::string>{"Participant"});
  incidents->removeParticipant(ada, id, "grace@example.com");
  EXPECT_TRUE(rolesOf(id, "grace@example.com").empty());
  incidents->addParticipant(ada, id, "grace@example.com", "Participant");
  EXPECT_EQ(rolesOf(id, "grace@example.com"), std::set<std::string>{"Participant"});
  EXPECT_TRUE(onTimeline(id, "grace@example.com takes part again"));
  problem = refused([&] { incidents->assignRole(ada, id, "grace@example.com", "King"); });
  EXPECT_NE(std::string(problem->what()).find("Scribe"), std::string::npos);
  engine->run();
  settled("incident.role");
  EXPECT_EQ(settled("incident.participant").at("mail.welcome"), "done");
}

TEST_P(IncidentRoom, LetsPeopleInByTheRules) {
  const auto open = incidents->create(ada, report());
  const auto hidden = incidents->create(ada, report({{"visibility", "Restricted"}}));
  auto session = db().session();
  EXPECT_TRUE(incidents->mayView(*session, grace, open));
  EXPECT_FALSE(incidents->mayEdit(*session, grace, open));
  EXPECT_FALSE(incidents->mayView(*session, grace, hidden));
  EXPECT_TRUE(incidents->mayView(*session, admin, hidden));
  EXPECT_FALSE(incidents->mayView(*session, principal("root@example.com", auth::Role::owner, 2), open))
      << "another organization";
  const auto kindOf = [&](const std::function<void()>& work) {
    auto problem = refused(work);
    return problem ? std::optional(problem->kind()) : std::nullopt;
  };
  using Kind = Problem::Kind;
  EXPECT_EQ(kindOf([&] { incidents->update(grace, open, {{"title", "mine"}}); }), Kind::forbidden);
  EXPECT_EQ(kindOf([&] { incidents->join(grace, hidden); }), Kind::forbidden);
  EXPECT_EQ(kindOf([&] { incidents->steps(grace, hidden); }), Kind::forbidden);
  EXPECT_EQ(kindOf([&] { incidents->steps(admin, 999); }), Kind::forbidden);
  EXPECT_EQ(kindOf([&] { incidents->update(admin, 999, {{"title", "x"}}); }), Kind::notFound);
  EXPECT_EQ(kindOf([&] { incidents->update(grace, 999, {{"title", "x"}}); }), Kind::forbidden);
  const Json event{{"started_at", "2026-03-01T14:05:00Z"}, {"description", "Somebody pulled the plug"}};
  EXPECT_EQ(kindOf([&] { incidents->addEvent(grace, open, event); }), Kind::forbidden);
  incidents->join(grace, open);
  EXPECT_EQ(rolesOf(open, "grace@example.com"), std::set<std::string>{"Observer"});
  incidents->assignRole(ada, open, "grace@example.com", "Scribe");
  EXPECT_EQ(kindOf([&] { incidents->addEvent(grace, open, event); }), std::nullopt);
  incidents->addParticipant(ada, hidden, "grace@example.com");
  EXPECT_TRUE(incidents->mayView(*session, grace, hidden));
  incidents->removeParticipant(ada, hidden, "grace@example.com");
  EXPECT_FALSE(incidents->mayView(*session, grace, hidden)) << "who was removed sees it no more";
  const auto visible = Incidents::visibility(grace);
  EXPECT_EQ(session->query("SELECT id FROM incident WHERE " + visible.sql, visible.parameters).size(), 1u);
  session->execute("UPDATE project SET allow_self_join = ?", {false});
  EXPECT_EQ(kindOf([&] { incidents->join(principal("eve@example.com"), open); }), Kind::forbidden);
}

TEST_P(IncidentRoom, KeepsCustomEventsWithinTheirIncident) {
  const auto one = incidents->create(ada, report()), other = incidents->create(ada, report());
  incidents->addEvent(ada, one,
                      {{"started_at", "2026-03-01T14:05:00Z"},
                       {"description", "Plug pulled"},
                       {"source", "me"},
                       {"owner", "somebody else"},
                       {"details", {{"room", 5}}}});
  const auto event = *db().session()->one("SELECT * FROM event WHERE type = 'Custom event'");
  EXPECT_EQ(event.text("owner"), "ada@example.com");
  EXPECT_EQ(event.json("details").at("created_by"), "ada@example.com");
  EXPECT_EQ(event.json("details").at("room"), 5);
  const std::string uuid = event.text("uuid");
  EXPECT_EQ(refused([&] {
              incidents->updateEvent(ada, other, {{"uuid", uuid}, {"description", "x"}});
            })->kind(),
            Problem::Kind::notFound);
  EXPECT_EQ(refused([&] { incidents->removeEvent(ada, other, uuid); })->kind(), Problem::Kind::notFound);
  incidents->updateEvent(ada, one, {{"uuid", uuid}, {"description", "Plug pulled twice"}, {"pinned", true}});
  EXPECT_TRUE(onTimeline(one, "Plug pulled twice"));
  const std::string created =
      db().session()
          ->one("SELECT uuid FROM event WHERE incident_id = ? AND description = 'Incident created'", {one})
          ->text("uuid");
  EXPECT_EQ(refused([&] { incidents->removeEvent(ada, one, created); })->kind(), Problem::Kind::conflict);
  incidents->updateEvent(ada, one,
                         {{"uuid", created}, {"description", "Nothing happened"}, {"pinned", false}});
  EXPECT_TRUE(onTimeline(one, "Incident created")) << "what was recorded cannot be rewritten";
  incidents->removeEvent(ada, one, uuid);
  EXPECT_FALSE(onTimeline(one, "Plug pulled"));
}

TEST_P(IncidentRoom, DeletingTakesTheTicketAlong) {
  enableAll();
  const auto id = incidents->create(ada, report());
  engine->run();
  settled();
  EXPECT_TRUE(refused([&] { incidents->remove(grace, id); }));
  incidents->remove(ada, id);
  EXPECT_FALSE(db().session()->one("SELECT id FROM incident WHERE id = ?", {id}));
  EXPECT_EQ(settled("incident.delete").at("ticket.delete"), "done");
  ASSERT_EQ(deliveries.count("ticket", "delete"), 1u);
  EXPECT_EQ(deliveries.all("ticket", "delete")[0].input.at("ticket").at("resource_id"), "OPS-1");
}

TEST_P(IncidentRoom, RetriesWhatWasMissingOnceItIsEnabled) {
  const auto id = incidents->create(ada, report());
  engine->run();
  settled();
  enableAll();
  incidents->recreateResources(grace, id);
  const auto states = settled();
  EXPECT_EQ(states.at("ticket.create"), "done");
  EXPECT_EQ(states.at("ticket.update"), "done");
  EXPECT_EQ(states.at("mail.welcome/1"), "done");
  EXPECT_TRUE(onTimeline(id, "retried the step \"Create the ticket\""));
}

TEST_P(IncidentRoom, StepsAreDecidedByThoseWhoMayEditTheirIncident) {
  plugins.enable("ticket").on("create", Effect::findable, [](const Json&, const plugin::CallOptions&) {
    return refusal(DISPATCH_ERR_DENIED, "The token was refused.");
  });
  const auto id = incidents->create(ada, report()), other = incidents->create(ada, report());
  engine->run();
  settled();
  EXPECT_TRUE(onTimeline(id, "\"Create the ticket\" failed. Reason: The token was refused."));
  Json step;
  const Json shown = incidents->steps(ada, id);
  for (const Json& one : shown["flows"][0]["steps"])
    if (one["key"] == "ticket.create") step = one;
  EXPECT_EQ(step["state"], "failed");
  EXPECT_EQ(step["actions"], (Json{"retry", "skip"}));
  const auto stepId = step["id"].get<std::int64_t>();
  EXPECT_EQ(refused([&] { incidents->retryStep(grace, id, stepId); })->kind(), Problem::Kind::forbidden);
  EXPECT_EQ(refused([&] { incidents->retryStep(ada, other, stepId); })->kind(), Problem::Kind::notFound);
  EXPECT_EQ(refused([&] { incidents->confirmStep(ada, id, stepId); })->kind(), Problem::Kind::conflict);
  incidents->skipStep(ada, id, stepId);
  EXPECT_EQ(settled().size(), engine->definition("incident.create").steps.size());
  EXPECT_TRUE(onTimeline(id, "skipped the step \"Create the ticket\""));
}

TEST_P(IncidentRoom, FiftyReportsAtOnceAreAllWhole) {
  std::vector<std::thread> threads;
  std::atomic<int> made{0};
  for (int t = 0; t < 10; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        incidents->create(principal("person" + std::to_string(i) + "@example.com"),
                          report({{"title", "Report " + std::to_string(t)},
                                  {"tags", {{{"name", "tag" + std::to_string(i)}}}}}));
        ++made;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 50);
  auto session = db().session();
  EXPECT_EQ(session
                ->one("SELECT count(DISTINCT name) AS n FROM incident WHERE commander_id IS NOT NULL AND "
                      "reporter_id IS NOT NULL")
                ->integer("n"),
            50);
  EXPECT_EQ(session->one("SELECT count(*) AS n FROM individual_contact")->integer("n"), 5);
  EXPECT_EQ(session->one("SELECT count(*) AS n FROM tag")->integer("n"), 5);
  EXPECT_EQ(session->one("SELECT count(DISTINCT subject_id) AS n FROM flow")->integer("n"), 50);
}

TEST_P(IncidentRoom, APolicyNamesTheCommander) {
  const std::string at = nowText();
  auto session = db().session();
  const auto person = session->insert("individual_contact", {{"organization_id", std::int64_t{1}},
                                                             {"project_id", std::int64_t{1}},
                                                             {"email", std::string("duty@example.com")},
                                                             {"created_at", at},
                                                             {"updated_at", at}});
  const auto policy = session->insert("incident_role", {{"organization_id", std::int64_t{1}},
                                                        {"project_id", std::int64_t{1}},
                                                        {"role", std::string("Incident Commander")},
                                                        {"order", std::int64_t{1}},
                                                        {"individual_id", person},
                                                        {"created_at", at},
                                                        {"updated_at", at}});
  EXPECT_EQ(rolesOf(incidents->create(ada, report()), "duty@example.com").size(), 0u)
      << "a policy that names no type and priority matches nothing";
  session->execute(
      "INSERT INTO incident_role_incident_type (incident_role_id, incident_type_id) SELECT ?, id FROM "
      "incident_type",
      {policy});
  session->execute(
      "INSERT INTO incident_role_incident_priority (incident_role_id, incident_priority_id) SELECT ?, id "
      "FROM incident_priority WHERE name = 'Low'",
      {policy});
  EXPECT_EQ(rolesOf(incidents->create(ada, report()), "duty@example.com"),
            std::set<std::string>{"Incident Commander"});
  EXPECT_EQ(
      rolesOf(incidents->create(ada, report({{"incident_priority", {{"name", "High"}}}})), "duty@example.com")
          .size(),
      0u);
}

TEST(Mail, EscapesWhatPeopleWrote) {
  Subject subject;
  subject.name = "dispatch-default-default-1";
  subject.title = "<script>alert('x')</script>\r\nBcc: eve@example.com";
  subject.description = "a & b\n\"quoted\"";
  subject.status = "Active";
  subject.visibility = "Open";
  const Mail mail = welcomeMail(subject, "https://d/x", "Reporter");
  EXPECT_EQ(mail.html.find("<script>"), std::string::npos);
  EXPECT_NE(mail.html.find("&lt;script&gt;"), std::string::npos);
  EXPECT_NE(mail.html.find("a &amp; b<br>&quot;quoted&quot;"), std::string::npos);
  EXPECT_EQ(mail.subject.find('\n'), std::string::npos);
  EXPECT_EQ(mail.subject.find('\r'), std::string::npos);
  EXPECT_NE(mail.text.find("a & b"), std::string::npos);
  const Json one = mailInput(mail, "ada@example.com", "Ada", "", "https://dispatch.example.com:8443/x"),
             two = mailInput(mail, "ada@example.com", "Ada", "", "");
  EXPECT_NE(one.at("message_id"), two.at("message_id"));
  EXPECT_TRUE(one.at("message_id").get<std::string>().ends_with("@dispatch.example.com>"));
}

}  // namespace
}  // namespace dispatch::incident
