#include "base/base.hpp"
#include "store/store.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <sstream>

namespace dispatch::store {
namespace {

using testing::Content;
using ::testing::HasSubstr;
using testing::TestDatabase;

/// Rows that refer to each other in circles, of every kind of value.
void fill(Database& database) {
  database.transact([](Session& session) {
    const std::string now = nowText();
    const auto id = [&](const std::string& table) {
      return session.one("SELECT min(id) AS id FROM " + table)->integer("id");
    };
    const auto organization = id("organization"), project = id("project");
    const auto person = session.insert("individual_contact", {{"organization_id", organization},
                                                              {"project_id", project},
                                                              {"email", std::string("ann@example.com")},
                                                              {"name", std::string("Ann \"漢\" O'Hara\n🚒")},
                                                              {"created_at", now},
                                                              {"updated_at", now}});
    std::int64_t incident = 0;
    for (int i = 0; i < 120; ++i)
      incident = session.insert("incident", {{"organization_id", organization},
                                             {"project_id", project},
                                             {"name", "dispatch-default-default-" + std::to_string(i)},
                                             {"title", std::string("t")},
                                             {"description", std::string("d")},
                                             {"reported_at", now},
                                             {"incident_type_id", id("incident_type")},
                                             {"incident_priority_id", id("incident_priority")},
                                             {"incident_severity_id", id("incident_severity")},
                                             {"created_at", now},
                                             {"updated_at", now}});
    const auto participant = session.insert("participant", {{"organization_id", organization},
                                                            {"incident_id", incident},
                                                            {"individual_contact_id", person},
                                                            {"created_at", now},
                                                            {"updated_at", now}});
    session.update("incident", incident, {{"commander_id", participant}});
    session.update("incident", incident - 100, {{"duplicate_id", incident}});  // refers ahead
    session.insert("plugin", {{"slug", std::string("p")},
                              {"title", std::string("P")},
                              {"version", std::string("1")},
                              {"type", std::string("ticket")},
                              {"created_at", now},
                              {"updated_at", now}});
    session.insert("plugin_instance", {{"organization_id", organization},
                                       {"project_id", project},
                                       {"plugin_slug", std::string("p")},
                                       {"enabled", true},
                                       {"configuration", std::string("{\"a\":[1,null]}")},
                                       {"created_at", now},
                                       {"updated_at", now}});
    const auto last = session.insert("tag_type", {{"organization_id", organization},
                                                  {"project_id", project},
                                                  {"name", std::string("gone")},
                                                  {"created_at", now},
                                                  {"updated_at", now}});
    session.execute("INSERT INTO host (id, started_at, seen_at) VALUES ('x', ?, ?)", {now, now});
    session.execute("DELETE FROM tag_type WHERE id = ?", {last});
  });
}

std::string dumped(Database& database) {
  std::ostringstream out;
  dump(database, out);
  return out.str();
}

/// The dump without what differs by time and place.
std::string body(const std::string& text) {
  return text.substr(text.find('\n'), text.rfind("{\"digest\"") - text.find('\n'));
}

std::string refusal(Database& database, const std::string& text) {
  std::istringstream in(text);
  try {
    restore(database, in);
  } catch (const Problem& problem) {
    return problem.what();
  }
  return "it was taken";
}

class DumpOn : public testing::DatabaseTest {};
DISPATCH_TEST_ON_BOTH_DATABASES(DumpOn);

TEST_P(DumpOn, ComesBackTheSameOnEitherDatabase) {
  fill(db());
  const std::string text = dumped(db());
  for (const Dialect dialect : testing::dialects())
    for (const Content content : {Content::nothing, Content::schema}) {
      TestDatabase other(dialect, content);
      std::istringstream in(text);
      const Restored restored = restore(*other, in);
      EXPECT_EQ(restored.schema, migrations().back().version);
      EXPECT_GT(restored.rows, 120);
      EXPECT_EQ(body(dumped(*other)), body(text));
      // New rows go on counting, also past a row that was deleted.
      auto session = other->session();
      const auto tagType = session->insert("tag_type", {{"organization_id", std::int64_t{1}},
                                                        {"project_id", std::int64_t{1}},
                                                        {"name", std::string("new")},
                                                        {"created_at", nowText()},
                                                        {"updated_at", nowText()}});
      EXPECT_EQ(tagType, 2);
      EXPECT_NO_THROW(session->insert("organization", {{"name", std::string("o")},
                                                       {"slug", std::string("o")},
                                                       {"created_at", nowText()},
                                                       {"updated_at", nowText()}}));
      // Foreign keys hold again at once.
      EXPECT_THROW(session->execute("UPDATE incident SET commander_id = 4711"), Problem);
    }
}

TEST_P(DumpOn, IsRefusedByADatabaseThatHoldsData) {
  const std::string text = dumped(db());
  EXPECT_THAT(refusal(db(), text), HasSubstr("expected an empty database"));
}

TEST_P(DumpOn, IsRefusedWhereverItIsCutOff) {
  fill(db());
  const std::string text = dumped(db());
  TestDatabase other(GetParam(), Content::schema);
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, text.find('\n') + 1, text.size() / 2,
                                   text.rfind("{\"digest"), text.size() - 1}) {
    const std::string reason = refusal(*other, text.substr(0, length));
    EXPECT_THAT(reason, HasSubstr("the dump, line ")) << length;
    EXPECT_EQ(other->session()->one("SELECT count(*) AS n FROM organization")->integer("n"), 0);
  }
  EXPECT_EQ(refusal(*other, text), "it was taken");
}

TEST_P(DumpOn, IsRefusedWithTheLineThatIsWrong) {
  fill(db());
  const std::string text = dumped(db());
  TestDatabase other(GetParam(), Content::schema);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_THAT(refusal(*other, "-- PostgreSQL database dump\n"), HasSubstr("line 1: expected JSON"));
  EXPECT_THAT(refusal(*other, replaced("\"dispatch_dump\":1", "\"dispatch_dump\":2")),
              HasSubstr("line 1: expected the header"));
  EXPECT_THAT(refusal(*other, replaced("\"schema\":" + std::to_string(migrations().back().version),
                                       "\"schema\":999")),
              HasSubstr("found version 999"));
  EXPECT_THAT(refusal(*other, replaced("\"table\":\"organization\"", "\"table\":\"sqlite_sequence\"")),
              HasSubstr("line 2: expected a table"));
  EXPECT_THAT(refusal(*other, replaced("\"columns\":[\"id\"", "\"columns\":[\"id; DROP\"")),
              HasSubstr("line 2: expected columns"));
  EXPECT_THAT(refusal(*other, replaced("\n[1,", "\n[1,1,")), HasSubstr("line 3: expected a row of"));
  EXPECT_THAT(refusal(*other, replaced("\n[1,", "\n[{},")), HasSubstr("line 3: expected plain values"));
  EXPECT_THAT(refusal(*other, replaced("ann@example.com", "eve@example.com")), HasSubstr("altered"));
  EXPECT_THAT(refusal(*other, replaced("dispatch-default-default-1\"", "dispatch-default-default-2\"")),
              HasSubstr("must be unique"));
  EXPECT_THAT(refusal(*other, text + "{}\n"), HasSubstr("found more"));
  EXPECT_EQ(other->session()->one("SELECT count(*) AS n FROM incident")->integer("n"), 0);
}

TEST_P(DumpOn, IsRefusedIfItRefersToWhatItDoesNotHold) {
  fill(db());
  TestDatabase other(GetParam(), Content::schema);
  // A whole dump of a database whose foreign keys were switched off once.
  TestDatabase broken(Dialect::sqlite, Content::defaults);
  broken->session()->script(
      "PRAGMA foreign_keys = OFF; UPDATE project SET stable_priority_id = 4711; PRAGMA foreign_keys = ON");
  EXPECT_THAT(refusal(*other, dumped(*broken)), HasSubstr("refers to"));
  EXPECT_EQ(other->session()->one("SELECT count(*) AS n FROM project")->integer("n"), 0);
}

TEST_P(DumpOn, SaysThatTheDiskIsFull) {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  EXPECT_THROW(dump(db(), out), Problem);
}

}  // namespace
}  // namespace dispatch::store
