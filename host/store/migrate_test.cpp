#include "store/migrate.hpp"

#include "base/base.hpp"
#include "store/defaults.hpp"
#include "store/schema.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <future>

namespace dispatch::store {
namespace {

using testing::Content;
using ::testing::HasSubstr;

class SchemaOn : public testing::DatabaseTest {
 protected:
  SchemaOn() : DatabaseTest(Content::nothing) {}

  std::int64_t count(const std::string& table) {
    return db().session()->one("SELECT count(*) AS n FROM " + table)->integer("n");
  }
};
DISPATCH_TEST_ON_BOTH_DATABASES(SchemaOn);

TEST_P(SchemaOn, IsMadeOnceAndThenLeftAlone) {
  EXPECT_EQ(schemaVersion(db()), 0);
  EXPECT_EQ(upgrade(db()).size(), migrations().size());
  EXPECT_EQ(schemaVersion(db()), migrations().back().version);
  EXPECT_TRUE(upgrade(db()).empty());
}

TEST_P(SchemaOn, IsMadeOnceByTwoHostsThatStartAtOnce) {
  auto second = Database::open(testDatabase().options());
  db().ping();
  auto other = std::async(std::launch::async, [&] { return upgrade(*second).size(); });
  const std::size_t mine = upgrade(db()).size();
  EXPECT_EQ(mine + other.get(), migrations().size());
}

TEST_P(SchemaOn, RefusesADatabaseOfALaterRelease) {
  upgrade(db());
  db().session()->execute("INSERT INTO schema_version (version, name, applied_at) VALUES (99, 'later', '')");
  try {
    upgrade(db());
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("version 99"));
    EXPECT_THAT(problem.what(), HasSubstr("version " + std::to_string(migrations().back().version)));
  }
}

TEST_P(SchemaOn, RefusesADatabaseOfAnotherProgram) {
  db().session()->execute("CREATE TABLE alembic_version (n BIGINT)");
  try {
    upgrade(db());
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("alembic_version"));
  }
  EXPECT_EQ(schemaVersion(db()), 0);
}

TEST_P(SchemaOn, IsDroppedWithAllThatReferToEachOtherAndNothingElse) {
  upgrade(db());
  ensureDefaults(db());
  db().session()->execute("CREATE TABLE somebody_elses (n BIGINT)");
  db().session()->execute("UPDATE project SET stable_priority_id = (SELECT min(id) FROM incident_priority)");
  drop(db());
  EXPECT_EQ(schemaVersion(db()), 0);
  EXPECT_EQ(count("somebody_elses"), 0);
  db().session()->execute("DROP TABLE somebody_elses");
  EXPECT_FALSE(upgrade(db()).empty());
}

TEST_P(SchemaOn, HasAnIndexForEveryForeignKey) {
  upgrade(db());
  auto session = db().session();
  for (const std::string& table : schemaTables(99)) {
    std::vector<std::string> keys, indexed;
    if (GetParam() == Dialect::sqlite) {
      for (const Row& key : session->query("SELECT \"from\" AS c FROM pragma_foreign_key_list(?)", {table}))
        keys.push_back(key.text("c"));
      for (const Row& index : session->query("SELECT x.name AS c FROM pragma_index_list(?) AS l, "
                                             "pragma_index_info(l.name) AS x WHERE x.seqno = 0",
                                             {table}))
        indexed.push_back(index.text("c"));
    } else {
      const std::string first = "SELECT CAST(a.attname AS TEXT) AS c FROM ";
      const std::string column = " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ";
      for (const Row& key : session->query(first + "pg_constraint k JOIN pg_class t ON t.oid = k.conrelid" +
                                               column + "k.conkey[1] WHERE k.contype = 'f' AND t.relname = ?",
                                           {table}))
        keys.push_back(key.text("c"));
      for (const Row& index : session->query(first + "pg_index i JOIN pg_class t ON t.oid = i.indrelid" +
                                                 column + "i.indkey[0] WHERE t.relname = ?",
                                             {table}))
        indexed.push_back(index.text("c"));
    }
    for (const std::string& key : keys) EXPECT_THAT(indexed, ::testing::Contains(key)) << table;
  }
}

TEST_P(SchemaOn, BeginsWithWhatAFirstIncidentNeedsAndAddsNothingTheSecondTime) {
  upgrade(db());
  ensureDefaults(db());
  ensureDefaults(db());
  EXPECT_EQ(count("organization"), 1);
  EXPECT_EQ(count("project"), 1);
  EXPECT_EQ(count("incident_type"), 1);
  EXPECT_EQ(count("incident_priority"), 3);
  EXPECT_EQ(count("incident_severity"), 5);
  auto session = db().session();
  EXPECT_EQ(session->one("SELECT name FROM incident_priority WHERE \"default\"")->text("name"), "Low");
  EXPECT_EQ(session->one("SELECT name FROM incident_severity WHERE \"default\"")->text("name"),
            "Undetermined");
  EXPECT_EQ(session->one("SELECT slug FROM project")->text("slug"), "default");
}

TEST_P(SchemaOn, RefusesAProjectNameThatIsTaken) {
  upgrade(db());
  ensureDefaults(db());
  const auto organization = db().session()->one("SELECT id FROM organization")->integer("id");
  const auto create = [&](const std::string& name) {
    db().transact([&](Session& session) {
      createProject(session, organization, name, {{"color", std::string("#fff")}});
    });
  };
  create("Équipe Süd");
  EXPECT_EQ(db().session()->one("SELECT slug FROM project WHERE color = '#fff'")->text("slug"), "equipe-sud");
  try {
    create("default");
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.type(), "unique:project_organization_id_name");
  }
  EXPECT_EQ(count("incident_type"), 2);
}

TEST(Slug, IsPlainLettersAndOneSeparatorBetweenWords) {
  EXPECT_EQ(slugOf("Default"), "default");
  EXPECT_EQ(slugOf("  Site  Reliability / Team 7! "), "site-reliability-team-7");
  EXPECT_EQ(slugOf("Ann's Straße", '_'), "anns_strasse");
  EXPECT_EQ(slugOf("Łódź – Ørsted Æon Žižkov ŉ"), "lodz-orsted-aeon-zizkov-n");
  EXPECT_EQ(slugOf("漢字"), "x");
  EXPECT_EQ(slugOf(""), "x");
}

}  // namespace
}  // namespace dispatch::store
