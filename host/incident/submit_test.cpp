// dispatch.event/1: what a plugin tells becomes what its actor may do, once per key, with the plugin as
// source.
#include "incident/incident.hpp"

#include "base/base.hpp"
#include "flow/testing/fake_integrations.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace dispatch::incident {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Submissions : public store::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    engine = flow::Engine::open(db(), plugins, {});
    incidents =
        std::make_unique<Incidents>(Context{db(), *engine, plugins, "https://dispatch.example.com", models});
    incidents->defineFlows();
    const std::string at = nowText();
    db().session()->insert("plugin", {{"slug", std::string("hook")},
                                      {"title", std::string("The hook")},
                                      {"version", std::string("1")},
                                      {"type", std::string("webhook")},
                                      {"created_at", at},
                                      {"updated_at", at}});
    scope = {"hook", row(), 1, 1};
    other = {"hook", row(), 1, 1};
    member("ada@example.com", "Member");
    member("root@example.com", "Admin");
  }
  void TearDown() override {
    engine.reset();
    DatabaseTest::TearDown();
  }

  std::int64_t row() {
    const std::string at = nowText();
    return db().session()->insert("plugin_instance", {{"organization_id", std::int64_t{1}},
                                                      {"project_id", std::int64_t{1}},
                                                      {"plugin_slug", std::string("hook")},
                                                      {"enabled", true},
                                                      {"created_at", at},
                                                      {"updated_at", at}});
  }
  void member(const std::string& email, const std::string& role) {
    const std::string at = nowText();
    const auto id = db().session()->insert(
        "dispatch_user", {{"email", email}, {"is_active", true}, {"created_at", at}, {"updated_at", at}});
    db().session()->execute("INSERT INTO user_organization (user_id, organization_id, role) VALUES (?, ?, ?)",
                            {id, std::int64_t{1}, role});
  }

  static plugin::Event report(const std::string& key, const Json& more = Json::object()) {
    plugin::Event event{
        "incident.report", "", "", key, {{"title", "Disk is full"}, {"description", "On db1."}}};
    event.data.update(more);
    return event;
  }
  static plugin::Event about(const std::string& type, const std::string& subject, const std::string& key,
                             Json data, const std::string& actor = "") {
    return {type, actor, subject, key, std::move(data)};
  }
  Json submit(const plugin::Event& event) { return incidents->submit(scope, event); }
  std::optional<Problem> refused(const plugin::Event& event) {
    try {
      submit(event);
    } catch (const Problem& problem) {
      return problem;
    }
    return std::nullopt;
  }
  std::int64_t count(const std::string& table) {
    return db().session()->one("SELECT count(*) AS n FROM " + table)->integer("n");
  }
  store::Row lastEvent() {
    return *db().session()->one("SELECT * FROM event WHERE source = 'The hook' ORDER BY id DESC LIMIT 1");
  }
  std::string status(const Json& answer) {
    return db()
        .session()
        ->one("SELECT status FROM incident WHERE id = ?", {answer["incident"]["id"].get<std::int64_t>()})
        ->text("status");
  }

  flow::testing::Deliveries deliveries;
  flow::testing::FakeIntegrations plugins{deliveries};
  store::Models models;
  std::unique_ptr<flow::Engine> engine;
  std::unique_ptr<Incidents> incidents;
  plugin::Scope scope, other;
};
DISPATCH_TEST_ON_BOTH_DATABASES(Submissions);

TEST_P(Submissions, AnInstantThatIsNoneIsRefusedAtTheFirstReport) {
  const auto problem = refused(report("k", {{"started_at", "yesterday"}}));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->kind(), Problem::Kind::invalid);
  EXPECT_NE(std::string(problem->what()).find("started_at"), std::string::npos) << problem->what();
  EXPECT_EQ(count("incident"), 0);
  EXPECT_FALSE(submit(report("k"))["duplicate"].get<bool>()) << "the key was not used up";
}

TEST_P(Submissions, ThePluginItselfReportsAnIncidentWithItsFlow) {
  const Json answer = submit(report("k"));
  EXPECT_FALSE(answer["duplicate"].get<bool>());
  const auto id = answer["incident"]["id"].get<std::int64_t>();
  const auto row = *db().session()->one("SELECT * FROM incident WHERE id = ?", {id});
  EXPECT_EQ(row.text("name"), "dispatch-default-default-" + std::to_string(id));
  EXPECT_EQ(row.text("title"), "Disk is full");
  EXPECT_FALSE(row.optionalInteger("reporter_id")) << "a plugin is nobody who could be asked";
  EXPECT_EQ(count("flow"), 1);
  const auto event = lastEvent();
  EXPECT_EQ(event.text("description"), "Incident created");
  EXPECT_EQ(event.text("owner"), "The hook");
}

TEST_P(Submissions, TheProjectsOwnerCommandsWhatNobodyReported) {
  db().session()->execute("UPDATE project SET owner_email = 'owner@example.com' WHERE id = 1");
  const Json answer = submit(report("k"));
  const auto row = db().session()->one(
      "SELECT c.email FROM incident i JOIN participant p ON p.id = i.commander_id JOIN individual_contact c "
      "ON "
      "c.id = p.individual_contact_id WHERE i.id = ?",
      {answer["incident"]["id"].get<std::int64_t>()});
  ASSERT_TRUE(row);
  EXPECT_EQ(row->text("email"), "owner@example.com");
}

TEST_P(Submissions, TheSameKeyOnceMoreIsTheFirst) {
  const Json first = submit(report("k")), second = submit(report("k", {{"title", "Other words"}}));
  EXPECT_TRUE(second["duplicate"].get<bool>());
  EXPECT_EQ(second["id"], first["id"]);
  EXPECT_EQ(second["incident"], first["incident"]);
  EXPECT_EQ(count("incident"), 1);
  EXPECT_NE(incidents->submit(other, report("k"))["id"], first["id"]) << "another instance has its own keys";
}

TEST_P(Submissions, ManyAtOnceWithOneKeyAreOneIncident) {
  std::atomic<int> fresh{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      if (!submit(report("k"))["duplicate"].get<bool>()) ++fresh;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(fresh, 1);
  EXPECT_EQ(count("incident"), 1);
}

TEST_P(Submissions, WhatBeganAfterTheIncidentWasClosedIsAnotherIncident) {
  const Json first = submit(report("k"));
  submit(about("incident.update", "k", "close", {{"status", "Closed"}}));
  EXPECT_TRUE(submit(report("k"))["duplicate"].get<bool>()) << "without an instant the key stands for ever";
  EXPECT_TRUE(submit(report("k", {{"started_at", "2020-01-01T00:00:00Z"}}))["duplicate"].get<bool>());
  const Json anew = submit(report("k", {{"started_at", toText(now() + 1h)}}));
  EXPECT_FALSE(anew["duplicate"].get<bool>());
  EXPECT_NE(anew["incident"]["id"], first["incident"]["id"]);
  submit(about("incident.update", "k", "stable", {{"status", "Stable"}}));
  EXPECT_EQ(status(anew), "Stable") << "the key stands for the new one";
  EXPECT_EQ(status(first), "Closed");
}

TEST_P(Submissions, StatusByKeyAndWhatIsClosedStaysClosed) {
  const Json made = submit(report("k"));
  EXPECT_EQ(submit(about("incident.update", "k", "1", {{"status", "Stable"}}))["incident"]["status"],
            "Stable");
  EXPECT_EQ(lastEvent().text("description"), "The hook changed the status from Active to Stable");
  submit(about("incident.update", "k", "2", {{"status", "Closed"}}));
  EXPECT_EQ(submit(about("incident.update", "k", "3", {{"status", "Active"}}))["incident"]["status"],
            "Closed");
  EXPECT_EQ(status(made), "Closed");
}

TEST_P(Submissions, NotesStandOnTheTimelineWithThePluginAsSource) {
  submit(report("k"));
  submit(about("timeline.note", "k", "n",
               {{"description", "It got worse."}, {"started_at", "2026-03-01T10:00:00Z"}}));
  submit(about("timeline.note", "k", "n", {{"description", "It got worse."}}));
  const auto event = lastEvent();
  EXPECT_EQ(event.text("description"), "It got worse.");
  EXPECT_EQ(event.text("started_at"), "2026-03-01T10:00:00.000000Z");
  EXPECT_EQ(db().session()
                ->one("SELECT count(*) AS n FROM event WHERE description = 'It got worse.'")
                ->integer("n"),
            1);
}

TEST_P(Submissions, PeopleComeAndGo) {
  submit(report("k"));
  submit(about("participant.join", "k", "j", {{"email", "grace@example.com"}}));
  EXPECT_THAT(lastEvent().text("description"), HasSubstr("grace@example.com has been added as Participant"));
  submit(about("participant.leave", "k", "l", {{"email", "grace@example.com"}}));
  EXPECT_THAT(lastEvent().text("description"), HasSubstr("grace@example.com has been removed"));
  submit(about("participant.leave", "k", "l2", {{"email", "nobody@example.com"}}));
}

TEST_P(Submissions, AnActorMayDoWhatTheyCouldDoThemselvesAndNoMore) {
  const Json made = submit(report("k"));
  const std::string name = made["incident"]["name"];
  const auto refusal =
      refused(about("incident.update", name, "1", {{"status", "Stable"}}, "ada@example.com"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), Problem::Kind::forbidden);
  EXPECT_EQ(status(made), "Active");
  submit(about("incident.update", name, "1", {{"status", "Stable"}}, "root@example.com"));
  EXPECT_EQ(status(made), "Stable") << "the refused one did not use up the key";
  submit(about("participant.join", name, "2", {{"email", "ada@example.com"}}, "ada@example.com"));
  EXPECT_THAT(lastEvent().text("description"), HasSubstr("ada@example.com has been added as Observer"));
  EXPECT_EQ(
      refused(about("participant.join", name, "3", {{"email", "x@example.com"}}, "ada@example.com"))->kind(),
      Problem::Kind::forbidden);
  EXPECT_EQ(refused(report("r", Json::object())), std::nullopt);
  plugin::Event byStranger = report("s");
  byStranger.actor = "stranger@example.com";
  EXPECT_EQ(refused(byStranger)->kind(), Problem::Kind::forbidden);
}

TEST_P(Submissions, WhatAnActorMayNotSeeIsNotThere) {
  const Json made = submit(report("k"));
  const std::string name = made["incident"]["name"];
  db().session()->execute("UPDATE incident SET visibility = 'Restricted'", {});
  const auto leave = [&](const std::string& subject) {
    return refused(
        about("participant.leave", subject, "l", {{"email", "ada@example.com"}}, "ada@example.com"));
  };
  const auto hidden = leave(name), missing = leave("dispatch-default-default-999");
  ASSERT_TRUE(hidden && missing);
  EXPECT_EQ(hidden->kind(), missing->kind());
  EXPECT_EQ(hidden->kind(), Problem::Kind::notFound);
}

TEST_P(Submissions, APersonWhoReportsThroughAPluginIsTheReporter) {
  plugin::Event event = report("k");
  event.actor = "Ada@example.com";
  const Json made = submit(event);
  EXPECT_TRUE(
      db().session()
          ->one("SELECT reporter_id FROM incident WHERE id = ?", {made["incident"]["id"].get<std::int64_t>()})
          ->optionalInteger("reporter_id"));
  EXPECT_EQ(lastEvent().text("owner"), "ada@example.com");
}

TEST_P(Submissions, ThePluginItselfReachesOnlyWhatItReported) {
  const Json made = submit(report("k"));
  for (const std::string& subject :
       {std::string("unknown"), made["incident"]["name"].get<std::string>(), std::string()})
    EXPECT_EQ(refused(about("incident.update", subject, "1", {{"status", "Closed"}}))->kind(),
              Problem::Kind::notFound)
        << subject;
  EXPECT_THROW(incidents->submit(other, about("incident.update", "k", "1", {{"status", "Closed"}})), Problem);
  EXPECT_EQ(status(made), "Active");
}

TEST_P(Submissions, NothingElseIsPossible) {
  submit(report("k"));
  const std::pair<const char*, plugin::Event> all[] = {
      {"another type", about("incident.delete", "k", "1", Json::object())},
      {"another member", about("incident.update", "k", "1", {{"status", "Stable"}, {"title", "x"}})},
      {"visibility of a report", report("2", {{"visibility", "Open"}})},
      {"another status", about("incident.update", "k", "1", {{"status", "Gone"}})},
      {"no status", about("incident.update", "k", "1", Json::object())},
      {"blank note", about("timeline.note", "k", "1", {{"description", " "}})},
      {"no address", about("participant.join", "k", "1", {{"email", "nobody"}})},
      {"no key", about("timeline.note", "k", "", {{"description", "x"}})},
      {"another's key", about("timeline.note", "k", "k", {{"description", "x"}})},
      {"unknown type of incident", report("3", {{"incident_type", "No such type"}})}};
  for (const auto& [what, event] : all) {
    const auto refusal = refused(event);
    ASSERT_TRUE(refusal) << what;
    EXPECT_EQ(refusal->kind(), Problem::Kind::invalid) << what << ": " << refusal->what();
  }
  EXPECT_EQ(count("incident"), 1);
  EXPECT_EQ(count("plugin_event"), 1);
}

}  // namespace
}  // namespace dispatch::incident
