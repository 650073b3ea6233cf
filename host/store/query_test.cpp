#include "store/query.hpp"

#include "base/base.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <map>

namespace dispatch::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Type = Column::Type;
using Names = std::vector<std::string>;

Models describeModels() {
  Models models;
  models.add({"Organization", "organization", {{"id", Type::integer}, {"name"}, {"slug"}}, {}, "", true});
  models.add({"Project",
              "project",
              {{"id", Type::integer},
               {"name", Type::text, true},
               {"display_name"},
               {"default", Type::boolean},
               {"organization_id", Type::integer}},
              {{"organization", "Organization", "organization_id", "", "", "", {}}}});
  models.add({"IncidentType",
              "incident_type",
              {{"id", Type::integer}, {"name"}, {"default", Type::boolean}},
              {{"project", "Project", "project_id", "", "", "", {}}}});
  models.add({"IncidentPriority",
              "incident_priority",
              {{"id", Type::integer}, {"name"}, {"view_order", Type::integer}},
              {}});
  models.add({"TagType", "tag_type", {{"id", Type::integer}, {"name"}}, {}});
  models.add({"Tag",
              "tag",
              {{"id", Type::integer}, {"name"}, {"tag_type_id", Type::integer}},
              {{"project", "Project", "project_id", "", "", "", {}},
               {"tag_type", "TagType", "tag_type_id", "", "", "", {}}}});
  models.add({"IndividualContact", "individual_contact", {{"id", Type::integer}, {"name"}, {"email"}}, {}});
  models.add({"Participant",
              "participant",
              {{"id", Type::integer}, {"team"}},
              {{"individual", "IndividualContact", "individual_contact_id", "", "", "", {}}}});
  models.add({"Plugin", "plugin", {{"id", Type::integer}, {"slug"}, {"title"}}, {}, ""});
  models.add({"PluginInstance",
              "plugin_instance",
              {{"id", Type::integer}, {"enabled", Type::boolean}},
              {{"plugin", "Plugin", "plugin_slug", "", "", "", {}, "slug"}}});
  models.add({"DispatchUser",
              "dispatch_user",
              {{"id", Type::integer}, {"email", Type::text, true}, {"password_hash"}},
              {},
              "",
              false});
  models.add({"SearchFilter",
              "search_filter",
              {{"id", Type::integer}, {"name"}},
              {{"creator", "DispatchUser", "creator_id", "", "", "", {}}}});
  models.add({"Incident",
              "incident",
              {{"id", Type::integer},
               {"name", Type::text, true},
               {"title", Type::text, true},
               {"description", Type::text, true},
               {"resolution"},
               {"status"},
               {"visibility"},
               {"reported_at", Type::instant, false, false},
               {"closed_at", Type::instant},
               {"version", Type::integer}},
              {{"project", "Project", "project_id", "", "", "", {}},
               {"incident_type", "IncidentType", "incident_type_id", "", "", "", {}},
               {"incident_priority", "IncidentPriority", "incident_priority_id", "", "", "", {}},
               {"commander", "Participant", "commander_id", "", "", "", {}},
               {"tags", "Tag", "", "incident_tag", "incident_id", "tag_id", {}},
               {"participants", "Participant", "", "", "", "", {}, "incident_id"}}});
  return models;
}

/// Four incidents, told apart by their names:
///   a  Active  "Router down"            tags red, hot   commander ann, participant bob   High  closed NULL
///   b  Stable  "Start of the outage"    tag  red        commander bob                    Low   closed
///   2024-03-01 c  Closed  "Über-Störung: 100% CPU" no tag          nobody                           Low
///   closed 2024-02-01 x  as a, in another organization
class QueryOn : public testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    db().transact([this](Session& session) {
      ours = fill(session, session.one("SELECT id FROM organization")->integer("id"), "default");
      const auto other = session.insert("organization", {{"name", std::string("other")},
                                                         {"slug", std::string("other")},
                                                         {"created_at", now},
                                                         {"updated_at", now}});
      createProject(session, other, "other");
      const auto otherProject =
          session.one("SELECT id FROM project WHERE organization_id = ?", {other})->integer("id");
      incident(session, other, otherProject, "x", "Active", "Router down", "", "High", "2024-01-01", {});
    });
  }

  std::int64_t fill(Session& session, std::int64_t organization, const std::string& projectName) {
    const auto project =
        session
            .one("SELECT id FROM project WHERE organization_id = ? AND name = ?", {organization, projectName})
            ->integer("id");
    const auto type = session.insert("tag_type", {{"organization_id", organization},
                                                  {"project_id", project},
                                                  {"name", std::string("colour")},
                                                  {"created_at", now},
                                                  {"updated_at", now}});
    for (const char* name : {"red", "hot"})
      tags[name] = session.insert("tag", {{"organization_id", organization},
                                          {"project_id", project},
                                          {"tag_type_id", type},
                                          {"name", std::string(name)},
                                          {"created_at", now},
                                          {"updated_at", now}});
    for (const char* name : {"ann", "bob"})
      people[name] = session.insert("individual_contact", {{"organization_id", organization},
                                                           {"project_id", project},
                                                           {"name", std::string(name)},
                                                           {"email", std::string(name) + "@example.com"},
                                                           {"created_at", now},
                                                           {"updated_at", now}});
    const auto a = incident(session, organization, project, "a", "Active", "Router down",
                            "Nobody's phone works", "High", "2024-01-15", {});
    const auto b = incident(session, organization, project, "b", "Stable", "Start of the outage",
                            "see router 7", "Low", "2024-01-20", "2024-03-01");
    incident(session, organization, project, "c", "Closed", "Über-Störung: 100% CPU", "", "Low", "2024-02-01",
             "2024-02-01");
    session.execute("INSERT INTO incident_tag (incident_id, tag_id) VALUES (?, ?), (?, ?), (?, ?)",
                    {a, tags["red"], a, tags["hot"], b, tags["red"]});
    commander(session, organization, a, "ann");
    participant(session, organization, a, "bob");
    commander(session, organization, b, "bob");
    return organization;
  }

  std::int64_t incident(Session& session, std::int64_t organization, std::int64_t project,
                        const std::string& name, const std::string& status, const std::string& title,
                        const std::string& description, const std::string& priority,
                        const std::string& reported, const std::string& closed) {
    const auto find = [&](const std::string& table, const std::string& wanted) {
      return session.one("SELECT id FROM " + table + " WHERE project_id = ? AND name = ?", {project, wanted})
          ->integer("id");
    };
    return session.insert("incident",
                          {{"organization_id", organization},
                           {"project_id", project},
                           {"name", name},
                           {"status", status},
                           {"title", title},
                           {"description", description},
                           {"incident_type_id", find("incident_type", "Default")},
                           {"incident_priority_id", find("incident_priority", priority)},
                           {"incident_severity_id", find("incident_severity", "Low")},
                           {"reported_at", toText(*parseInstant(reported))},
                           {"closed_at", closed.empty() ? Value{} : Value(toText(*parseInstant(closed)))},
                           {"created_at", now},
                           {"updated_at", now}});
  }

  std::int64_t participant(Session& session, std::int64_t organization, std::int64_t incident,
                           const std::string& person) {
    return session.insert("participant", {{"organization_id", organization},
                                          {"incident_id", incident},
                                          {"individual_contact_id", people[person]},
                                          {"created_at", now},
                                          {"updated_at", now}});
  }
  void commander(Session& session, std::int64_t organization, std::int64_t incident,
                 const std::string& person) {
    session.update("incident", incident,
                   {{"commander_id", participant(session, organization, incident, person)}});
  }

  /// Names of the incidents that a request finds, in order.
  Names list(const ListRequest& request, const std::string& model = "Incident") {
    const Model& listed = *models.find(model);
    std::vector<Condition> conditions;
    if (!listed.organizationColumn.empty())
      conditions.push_back({listed.table + ".organization_id = ?", {ours}});
    const ListQuery query = buildList(models, listed, request, conditions, GetParam());
    auto session = db().session();
    const auto total = session->query(query.countSql, query.parameters).at(0).at(0);
    Values parameters = query.parameters;
    parameters.emplace_back(std::int64_t{100});
    parameters.emplace_back(std::int64_t{0});
    Names names;
    for (const Row& row : session->query(query.idsSql, parameters))
      names.push_back(session->one("SELECT * FROM " + listed.table + " WHERE id = ?", {row.at(0)})
                          ->text(model == "DispatchUser"     ? "email"
                                 : model == "PluginInstance" ? "plugin_slug"
                                                             : "name"));
    EXPECT_EQ(std::get<std::int64_t>(total), static_cast<std::int64_t>(names.size()));
    return names;
  }
  Names filter(const Json& filter, const std::string& model = "Incident") {
    ListRequest request;
    request.filter = filter;
    return list(request, model);
  }
  Names filterText(const std::string& text) { return filter(parseJson(text, "the filter")); }
  Names search(const std::string& q) {
    ListRequest request;
    request.q = q;
    request.sort = {{"name", false}};
    return list(request);
  }
  Names sorted(const std::vector<std::pair<std::string, bool>>& sort) {
    ListRequest request;
    request.sort = sort;
    return list(request);
  }
  Problem refused(const Json& wrong) {
    try {
      ListRequest request;
      request.filter = wrong;
      buildList(models, *models.find("Incident"), request, {}, GetParam());
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.kind(), Problem::Kind::invalid);
      return problem;
    }
    ADD_FAILURE() << "taken: " << wrong.dump().substr(0, 200);
    return {Problem::Kind::internal, ""};
  }

  const std::string now = nowText();
  const Models models = describeModels();
  std::int64_t ours = 0;
  std::map<std::string, std::int64_t> tags, people;
};
DISPATCH_TEST_ON_BOTH_DATABASES(QueryOn);

TEST_P(QueryOn, FindsWhatTheClientAsksForInEveryFormItSends) {
  EXPECT_THAT(filterText(R"({"and":[{"or":[{"model":"Project","field":"name","op":"==","value":"default"}]},
                                   {"or":[{"model":"Incident","field":"status","op":"==","value":"Active"}]},
                                   {"and":[{"model":"Incident","field":"reported_at","op":">=","value":"2024-01-01"},
                                           {"model":"Incident","field":"reported_at","op":"<=","value":"2024-02-01"}]}]})"),
              ElementsAre("a"));
  EXPECT_THAT(filterText(R"([{"and":[{"model":"Incident","field":"name","op":"==","value":"b"}]}])"),
              ElementsAre("b"));
  EXPECT_THAT(filterText(R"([{"model":"Organization","field":"slug","op":"==","value":"default"}])"),
              ElementsAre("a", "b", "c"));
  EXPECT_THAT(filter({{"field", "default"}, {"op", "=="}, {"value", true}}, "IncidentType"),
              ElementsAre("Default"));
  EXPECT_THAT(filterText("null"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(filterText("[]"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(filterText("{}"), ElementsAre("a", "b", "c"));
}

TEST_P(QueryOn, KnowsEveryOperator) {
  const auto by = [this](const Json& op, const Json& value, const std::string& field = "status") {
    return filter({{"field", field}, {"op", op}, {"value", value}});
  };
  EXPECT_THAT(filter({{"field", "status"}, {"value", "Active"}}),
              ElementsAre("a"));  // "==" unless said otherwise
  EXPECT_THAT(by("eq", "Active"), ElementsAre("a"));
  EXPECT_THAT(by("!=", "Active"), ElementsAre("b", "c"));
  EXPECT_THAT(by("ne", "Active"), ElementsAre("b", "c"));
  EXPECT_THAT(by(">", "Active"), ElementsAre("b", "c"));
  EXPECT_THAT(by("ge", "Closed"), ElementsAre("b", "c"));
  EXPECT_THAT(by("<", "Closed"), ElementsAre("a"));
  EXPECT_THAT(by("le", "Closed"), ElementsAre("a", "c"));
  EXPECT_THAT(by("in", {"Active", "Stable"}), ElementsAre("a", "b"));
  EXPECT_THAT(by("not_in", {"Active", "Stable"}), ElementsAre("c"));
  EXPECT_THAT(by("any", {"Active"}), ElementsAre("a"));
  EXPECT_THAT(by("not_any", {"Active"}), ElementsAre("b", "c"));
  EXPECT_THAT(by("in", Json::array()), IsEmpty());
  EXPECT_THAT(by("not_in", Json::array()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(by("like", "%ct%"), ElementsAre("a"));
  EXPECT_THAT(by("like", "%CT%"), IsEmpty());
  EXPECT_THAT(by("like", "Activ_"), ElementsAre("a"));
  EXPECT_THAT(by("ilike", "%CT%"), ElementsAre("a"));
  EXPECT_THAT(by("ilike", "%STÖR%", "title"), ElementsAre("c"));
  EXPECT_THAT(by("not_ilike", "%CT%"), ElementsAre("b", "c"));
  EXPECT_THAT(by("like", "%100\\%%", "title"), ElementsAre("c"));
  EXPECT_THAT(by("like", "%[1]*%", "title"), IsEmpty());
  EXPECT_THAT(by("ilike", "%\\", "title"), IsEmpty());
  EXPECT_THAT(filter({{"field", "closed_at"}, {"op", "is_null"}}), ElementsAre("a"));
  EXPECT_THAT(filter({{"field", "closed_at"}, {"op", "is_not_null"}}), ElementsAre("b", "c"));
  EXPECT_THAT(filter({{"field", "closed_at"}, {"op", "=="}, {"value", nullptr}}), ElementsAre("a"));
  EXPECT_THAT(filter({{"field", "closed_at"}, {"op", "!="}, {"value", nullptr}}), ElementsAre("b", "c"));
}

TEST_P(QueryOn, NegatesAlsoWhatIsUnknown) {
  EXPECT_THAT(filterText(R"({"not":[{"field":"closed_at","op":">","value":"2024-02-15"}]})"),
              ElementsAre("a", "c"));
  EXPECT_THAT(
      filterText(
          R"({"not":[{"or":[{"field":"status","value":"Active"},{"field":"status","value":"Closed"}]}]})"),
      ElementsAre("b"));
}

TEST_P(QueryOn, ReachesOtherModelsAndTheirAliases) {
  const auto by = [this](const std::string& model, const std::string& field, const Json& value) {
    return filter({{"model", model}, {"field", field}, {"value", value}});
  };
  EXPECT_THAT(by("Tag", "name", "red"), ElementsAre("a", "b"));  // once each, though a has two tags
  EXPECT_THAT(by("TagType", "name", "colour"), ElementsAre("a", "b"));
  EXPECT_THAT(by("IncidentPriority", "view_order", 3), ElementsAre("a"));
  EXPECT_THAT(by("Commander", "email", "bob@example.com"), ElementsAre("b"));
  EXPECT_THAT(by("Participant", "email", "bob@example.com"), ElementsAre("a", "b"));
  EXPECT_THAT(by("IndividualContact", "email", "bob@example.com"), ElementsAre("a", "b"));
  EXPECT_THAT(by("Individual", "email", "ann@example.com"),
              ElementsAre("a"));  // a name the client's pickers make up
  EXPECT_THAT(by("incidenttype", "name", "Default"), ElementsAre("a", "b", "c"));
}

TEST_P(QueryOn, TakesTagAllForAllOfThemAndNotForNoneOfThem) {
  const auto tag = [this](const char* model, const char* name) {
    return Json{{"model", model}, {"field", "id"}, {"op", "=="}, {"value", tags[name]}};
  };
  const auto withEither = filter({{"and", {{{"or", {tag("Tag", "red"), tag("Tag", "hot")}}}}}});
  EXPECT_THAT(withEither, ElementsAre("a", "b"));
  EXPECT_THAT(filter({{"and", {{{"or", {tag("TagAll", "red"), tag("TagAll", "hot")}}}}}}), ElementsAre("a"));
  EXPECT_THAT(filter({{"and", {{{"or", {tag("NotTag", "hot")}}}}}}), ElementsAre("b", "c"));
  EXPECT_THAT(
      filterText(
          R"({"and":[{"or":[{"model":"NotIncidentPriority","field":"name","op":"==","value":"Low"}]}]})"),
      ElementsAre("a"));
}

TEST_P(QueryOn, FollowsReferencesByOtherColumnsThanIds) {
  db().transact([this](Session& session) {
    const auto project =
        session.one("SELECT id FROM project WHERE organization_id = ?", {ours})->integer("id");
    for (const char* slug : {"b-plugin", "a-plugin"}) {
      session.insert("plugin", {{"slug", std::string(slug)},
                                {"title", std::string("t")},
                                {"version", std::string("1")},
                                {"type", std::string("t")},
                                {"created_at", now},
                                {"updated_at", now}});
      session.insert("plugin_instance", {{"organization_id", ours},
                                         {"project_id", project},
                                         {"plugin_slug", std::string(slug)},
                                         {"created_at", now},
                                         {"updated_at", now}});
    }
  });
  EXPECT_THAT(filter({{"model", "Plugin"}, {"field", "slug"}, {"value", "a-plugin"}}, "PluginInstance"),
              ElementsAre("a-plugin"));
  ListRequest request;
  request.sort = {{"Plugin.slug", false}};
  EXPECT_THAT(list(request, "PluginInstance"), ElementsAre("a-plugin", "b-plugin"));
}

TEST_P(QueryOn, IsHeldToTheOrganizationAlsoInWhatItJoins) {
  // A tag of our organization that was hung on a foreign incident must not be found through ours, nor the
  // reverse.
  db().transact([this](Session& session) {
    const auto foreign =
        session.one("SELECT organization_id AS o, project_id AS p FROM incident WHERE name = 'x'");
    const auto type = session.insert("tag_type", {{"organization_id", foreign->integer("o")},
                                                  {"project_id", foreign->integer("p")},
                                                  {"name", std::string("t")},
                                                  {"created_at", now},
                                                  {"updated_at", now}});
    const auto tag = session.insert("tag", {{"organization_id", foreign->integer("o")},
                                            {"project_id", foreign->integer("p")},
                                            {"tag_type_id", type},
                                            {"name", std::string("foreign")},
                                            {"created_at", now},
                                            {"updated_at", now}});
    session.execute(
        "INSERT INTO incident_tag (incident_id, tag_id) SELECT id, ? FROM incident WHERE name = 'c'", {tag});
  });
  EXPECT_THAT(filterText(R"({"model":"Tag","field":"name","value":"foreign"})"), IsEmpty());
  EXPECT_THAT(filterText(R"({"not":[{"not":[{"field":"name","value":"x"}]}]})"), IsEmpty());
  EXPECT_THAT(
      filterText(R"({"or":[{"field":"status","op":"!=","value":"none"},{"field":"name","value":"x"}]})"),
      ElementsAre("a", "b", "c"));
}

TEST_P(QueryOn, TellsNothingOfModelsWhoseRowsAreHiddenFromSome) {
  EXPECT_THAT(
      refused(
          {{"model", "DispatchUser"}, {"field", "password_hash"}, {"op", "like"}, {"value", "$argon2id$%"}})
          .what(),
      HasSubstr("DispatchUser"));
  ListRequest request;
  request.filter = {{"model", "DispatchUser"}, {"field", "email"}, {"value", "x"}};
  EXPECT_THROW(buildList(models, *models.find("SearchFilter"), request, {}, GetParam()), Problem);
  request.filter = {{"model", "creator"}, {"field", "email"}, {"value", "x"}};
  EXPECT_THROW(buildList(models, *models.find("SearchFilter"), request, {}, GetParam()), Problem);
  request.filter = nullptr;
  request.sort = {{"creator.password_hash", false}};
  EXPECT_THAT(buildList(models, *models.find("SearchFilter"), request, {}, GetParam()).idsSql,
              ::testing::Not(HasSubstr("password_hash")));
}

TEST_P(QueryOn, TakesValuesAsLaxlyAsTheOriginal) {
  const auto by = [this](const std::string& field, const Json& value, const std::string& model = "Incident") {
    return filter({{"field", field}, {"value", value}}, model);
  };
  EXPECT_THAT(by("version", "1"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(by("version", 1.0), ElementsAre("a", "b", "c"));
  EXPECT_THAT(by("default", "true", "IncidentType"), ElementsAre("Default"));
  EXPECT_THAT(by("reported_at", "2024-01-15T01:00:00+01:00"), ElementsAre("a"));
  EXPECT_THAT(by("reported_at", 1705276800), ElementsAre("a"));
  EXPECT_THAT(by("name", 5), IsEmpty());
}

TEST_P(QueryOn, RefusesWhatItDoesNotUnderstandAndSaysWhere) {
  const auto unknownField =
      refused({{"and", {{{"or", {{{"model", "Incident"}, {"field", "titel"}, {"value", "x"}}}}}}}});
  EXPECT_THAT(unknownField.what(), HasSubstr("expected a field of Incident, found \"titel\""));
  EXPECT_THAT(unknownField.location(), ElementsAre("filter", "and", "0", "or", "0", "field"));
  EXPECT_THAT(refused({{"field", "id; DROP TABLE incident"}, {"value", 1}}).location(),
              ElementsAre("filter", "field"));
  EXPECT_THAT(refused({{"model", "Nothing"}, {"field", "id"}, {"value", 1}}).location(),
              ElementsAre("filter", "model"));
  EXPECT_THAT(refused({{"model", "Plugin"}, {"field", "id"}, {"value", 1}}).location(),
              ElementsAre("filter", "model"));  // no path
  EXPECT_THAT(refused({{"field", "id"}, {"op", "~"}, {"value", 1}}).location(), ElementsAre("filter", "op"));
  EXPECT_THAT(refused({{"field", "id"}, {"value", "seven"}}).location(), ElementsAre("filter", "value"));
  EXPECT_THAT(refused({{"field", "id"}, {"op", "in"}, {"value", {1, "x"}}}).location(),
              ElementsAre("filter", "value", "1"));
  for (const Json& wrong :
       {Json{{"field", "id"}}, Json{{"field", "id"}, {"value", true}},
        Json{{"field", "reported_at"}, {"value", "yesterday"}}, Json{{"field", 7}, {"value", 1}},
        Json{{"field", "version"}, {"op", "like"}, {"value", "1%"}},
        Json{{"field", "name"}, {"value", Json::object()}}, Json{{"and", Json::array()}}, Json{{"and", "x"}},
        Json{{"not", {{{"field", "id"}, {"value", 1}}, {{"field", "id"}, {"value", 2}}}}}, Json{{"and", {1}}},
        Json("x"), Json(7),
        Json{{"and", {{{"field", "id"}, {"value", 1}}}}, {"or", {{{"field", "id"}, {"value", 1}}}}}})
    refused(wrong);
}

TEST_P(QueryOn, BoundsWhatACallerCanMakeItDo) {
  Json deep = {{"field", "id"}, {"value", 1}};
  for (int i = 0; i < 20; ++i) deep = {{"and", Json::array({deep})}};
  EXPECT_THAT(refused(deep).what(), HasSubstr("levels"));
  EXPECT_THAT(refused({{"or", Json::array_t(300, {{"field", "id"}, {"value", 1}})}}).what(),
              HasSubstr("nodes"));
  EXPECT_THAT(refused({{"field", "id"}, {"op", "in"}, {"value", Json::array_t(1001, 1)}}).what(),
              HasSubstr("1000"));
  EXPECT_THROW(search(std::string(2000, 'x')), Problem);
  std::string words;
  for (int i = 0; i < 40; ++i) words += "w ";
  EXPECT_THROW(search(words), Problem);
  EXPECT_NO_THROW(search(std::string(500, '(')));
  EXPECT_NO_THROW(search(std::string(500, '-')));
}

TEST_P(QueryOn, FindsWordsByTheirBeginnings) {
  EXPECT_THAT(search("rout"), ElementsAre("a", "b"));
  EXPECT_THAT(search("ROUTER"), ElementsAre("a", "b"));
  EXPECT_THAT(search("art"), IsEmpty());  // not in the middle of "Start"
  EXPECT_THAT(search("router phone"), ElementsAre("a"));
  EXPECT_THAT(search("phone or start"), ElementsAre("a", "b"));
  EXPECT_THAT(search("router -phone"), ElementsAre("b"));
  EXPECT_THAT(search("-router"), ElementsAre("c"));
  EXPECT_THAT(search("\"of the out\""), ElementsAre("b"));
  EXPECT_THAT(search("\"the of\""), IsEmpty());
  EXPECT_THAT(search("(phone or start) -see"), ElementsAre("a"));
  EXPECT_THAT(search("stör"), ElementsAre("c"));
  EXPECT_THAT(search("ÜBER"), ElementsAre("c"));
  EXPECT_THAT(search("100%"), ElementsAre("c"));
  EXPECT_THAT(search("%"), ElementsAre("c"));
  EXPECT_THAT(search("   "), ElementsAre("a", "b", "c"));
}

TEST_P(QueryOn, TakesAnySearchAsTextNeverAsAPattern) {
  for (const char* odd : {"(",    ")",    "\"", "-",   "or",  "or or", "a or",
                          "((a)", "a) b", ".*", "\\m", "[a",  "a{2}",  "'; DROP TABLE incident",
                          "\\",   "a\\",  "?",  "$1",  "- -", "\"\"",  "()"})
    EXPECT_NO_THROW(search(odd)) << odd;
  EXPECT_THAT(search("r.uter"), IsEmpty());
  EXPECT_THAT(search("r_uter"), IsEmpty());
}

TEST_P(QueryOn, PutsTheBestMatchFirst) {
  db().transact([this](Session& session) {
    const auto project =
        session.one("SELECT project_id FROM incident WHERE name = 'a'")->integer("project_id");
    for (const char* name : {"the router 2", "router 2", "router"})
      incident(session, ours, project, name, "Active", "t", "", "Low", "2024-01-01", "");
  });
  ListRequest request;
  request.q = "Router";
  EXPECT_THAT(list(request), ElementsAre("router", "router 2", "the router 2", "b", "a"));
}

TEST_P(QueryOn, SortsByColumnsAndRelations) {
  EXPECT_THAT(sorted({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(sorted({{"name", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(sorted({{"reported_at", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(sorted({{"closed_at", false}}), ElementsAre("c", "b", "a"));  // NULLs last
  EXPECT_THAT(sorted({{"closed_at", true}}), ElementsAre("a", "b", "c"));   // NULLs first
  // The steps of a scale sort by the scale, not by the alphabet.
  EXPECT_THAT(sorted({{"incident_priority.name", false}, {"name", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(sorted({{"x.IncidentPriority.view_order", false}, {"name", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(sorted({{"commander.name", false}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(sorted({{"commander", true}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(sorted({{"tags.name", false}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(sorted({{"no_such", false}, {"nothing.name", true}, {"name\" --", false}}),
              ElementsAre("a", "b", "c"));
}

TEST_P(QueryOn, SortsTextWithoutRegardToCaseTheSameOnBothDatabases) {
  db().transact([this](Session& session) {
    const auto project =
        session.one("SELECT project_id FROM incident WHERE name = 'a'")->integer("project_id");
    for (const char* name : {"B-2", "_d", "b-10", "A 1", "é"})
      incident(session, ours, project, name, "Active", "t", "", "Low", "2024-01-01", "");
  });
  EXPECT_THAT(sorted({{"name", false}}), ElementsAre("_d", "a", "A 1", "b", "b-10", "B-2", "c", "é"));
}

TEST_P(QueryOn, MatchesOneRowForASavedFilter) {
  auto session = db().session();
  const auto id = session->one("SELECT id FROM incident WHERE name = 'a'")->integer("id");
  const auto matches = [&](const Json& saved) {
    const ListQuery query = buildMatch(models, *models.find("Incident"), saved, id, GetParam());
    return session->query(query.countSql, query.parameters).at(0).integer("total") == 1;
  };
  EXPECT_TRUE(
      matches(parseJson(R"([{"or":[{"model":"Tag","field":"name","op":"==","value":"hot"}]}])", "filter")));
  EXPECT_FALSE(matches(parseJson(
      R"([{"or":[{"model":"IncidentPriority","field":"name","op":"==","value":"Low"}]}])", "filter")));
}

// PostgreSQL chooses its plan by the number of rows; SQLite's depends on the statement alone.
TEST(SqliteQuery, UsesTheIndexForTheOrdinaryPage) {
  testing::TestDatabase database(Dialect::sqlite);
  const Models models = describeModels();
  ListRequest request;
  request.sort = {{"reported_at", true}};
  const ListQuery query = buildList(models, *models.find("Incident"), request,
                                    {{"incident.organization_id = ?", {std::int64_t{1}}}}, Dialect::sqlite);
  Values parameters = query.parameters;
  parameters.emplace_back(std::int64_t{25});
  parameters.emplace_back(std::int64_t{0});
  std::string plan;
  for (const Row& row : database->session()->query("EXPLAIN QUERY PLAN " + query.idsSql, parameters))
    plan += row.text("detail") + "\n";
  EXPECT_THAT(plan, HasSubstr("incident_organization_id_reported_at_visibility"));
  EXPECT_THAT(plan, ::testing::Not(HasSubstr("TEMP B-TREE FOR ORDER BY")));
}

}  // namespace
}  // namespace dispatch::store
