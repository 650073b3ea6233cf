#include "base/base.hpp"
#include "cli/commands.hpp"

#include <array>

namespace dispatch::cli {

namespace {

struct Person {
  const char* name;
  const char* email;
  const char* title;
  const char* team;
};

constexpr std::array<Person, 8> people{
    {{"Morgan Reyes", "morgan.reyes@example.com", "Site Reliability Engineer", "Platform"},
     {"Priya Nair", "priya.nair@example.com", "Security Engineer", "Security Response"},
     {"Jonas Weber", "jonas.weber@example.com", "Database Administrator", "Data"},
     {"Aiko Tanaka", "aiko.tanaka@example.com", "Engineering Manager", "Platform"},
     {"Samuel Okafor", "samuel.okafor@example.com", "Network Engineer", "Network"},
     {"Elena Rossi", "elena.rossi@example.com", "Communications Lead", "Communications"},
     {"Chloe Martin", "chloe.martin@example.com", "Support Lead", "Support"},
     {"David Kim", "david.kim@example.com", "Security Analyst", "Security Response"}}};

constexpr std::array<std::pair<const char*, const char*>, 6> teams{
    {{"Platform", "platform@example.com"},
     {"Security Response", "security@example.com"},
     {"Data", "data@example.com"},
     {"Network", "network@example.com"},
     {"Communications", "communications@example.com"},
     {"Support", "support@example.com"}}};

constexpr std::array<std::pair<const char*, const char*>, 4> services{
    {{"Payments", "Card processing and refunds"},
     {"Checkout", "The shop's basket and order pages"},
     {"Identity", "Logins of customers and staff"},
     {"Data Warehouse", "Nightly loads and reports"}}};

struct Kind {
  const char* name;
  const char* description;
  const char* visibility;
};
constexpr std::array<Kind, 5> types{
    {{"Vulnerability", "A weakness that somebody could use", "Open"},
     {"Denial of Service", "A service is flooded or overloaded", "Open"},
     {"Malware", "Hostile software on a machine of ours", "Open"},
     {"Customer Data", "Data of customers may have been seen or lost", "Restricted"},
     {"Outage", "Something that should answer does not", "Open"}}};

constexpr std::array<std::pair<const char*, const char*>, 6> tags{{{"region", "eu-central"},
                                                                   {"region", "us-east"},
                                                                   {"cause", "deployment"},
                                                                   {"cause", "hardware"},
                                                                   {"cause", "third party"},
                                                                   {"cause", "human error"}}};

struct Example {
  const char* title;
  const char* description;
  const char* type;
  const char* priority;
  const char* severity;
  const char* tag;
  std::size_t reporter, commander;
  const char* status;
};
constexpr std::array<Example, 6> examples{{
    {"Checkout answers with errors in Europe",
     "About one in five orders fails since 09:40. The new basket release went out at 09:35.", "Outage",
     "High", "High", "deployment", 6, 0, "Active"},
    {"Payment provider is slow",
     "Card authorisations take ten seconds and more. Their status page says nothing yet.", "Outage", "Medium",
     "Medium", "third party", 6, 3, "Stable"},
    {"Outdated TLS library on the mail relays",
     "A scan found a version with a published weakness on both relays.", "Vulnerability", "Low", "Low",
     "human error", 7, 1, "Active"},
    {"Traffic flood on the login page",
     "300,000 requests a second from a few thousand addresses; logins time out.", "Denial of Service", "High",
     "Critical", "us-east", 4, 4, "Closed"},
    {"Suspicious attachment opened on a support laptop",
     "The machine was taken off the network within minutes. Its user had no access to production.", "Malware",
     "Medium", "Medium", "human error", 6, 1, "Closed"},
    {"Export with customer addresses sent to the wrong partner",
     "A nightly export went to a partner who should not have it. They confirmed deletion.", "Customer Data",
     "High", "High", "human error", 2, 1, "Stable"},
}};

std::int64_t ensure(store::Session& session, int& added, const char* table, const std::string& condition,
                    const store::Values& values,
                    const std::vector<std::pair<std::string, store::Value>>& columns) {
  if (const auto row = session.one(std::string("SELECT id FROM ") + table + " WHERE " + condition, values))
    return row->integer("id");
  ++added;
  auto all = columns;
  all.emplace_back("created_at", nowText());
  all.emplace_back("updated_at", nowText());
  return session.insert(table, all);
}

int fillCatalogues(store::Session& session, std::int64_t organization, std::int64_t project) {
  int added = 0;
  const auto make = [&](const char* table, const std::string& key, const store::Value& value,
                        std::vector<std::pair<std::string, store::Value>> columns) {
    columns.emplace_back("organization_id", organization);
    columns.emplace_back("project_id", project);
    return ensure(session, added, table, "project_id = ? AND " + key + " = ?", {project, value}, columns);
  };
  std::map<std::string, std::int64_t> teamIds, typeIds;
  for (const auto& [name, email] : teams)
    teamIds[name] = make("team_contact", "email", email, {{"name", name}, {"email", email}});
  for (const auto& person : people)
    make("individual_contact", "email", person.email,
         {{"name", person.name},
          {"email", person.email},
          {"title", person.title},
          {"company", "Example"},
          {"team_contact_id", teamIds[person.team]}});
  for (const auto& [name, description] : services)
    make("service", "name", name,
         {{"name", name}, {"description", description}, {"external_id", "demo-" + std::string(name)}});
  for (const auto& type : types)
    make("incident_type", "name", type.name,
         {{"name", type.name}, {"description", type.description}, {"visibility", type.visibility}});
  for (const auto& [type, name] : tags) {
    if (!typeIds.contains(type)) typeIds[type] = make("tag_type", "name", type, {{"name", type}});
    std::vector<std::pair<std::string, store::Value>> columns{
        {"name", name}, {"tag_type_id", typeIds[type]}, {"source", "demo"}};
    make("tag", "name", name, columns);
  }
  return added;
}

}  // namespace

Json loadDemo(CommandContext& context) {
  auto& database = context.installation.database();
  const auto home = database.session()->one(
      "SELECT project.id AS id, organization_id, project.name AS name FROM project JOIN organization"
      " ON organization.id = organization_id WHERE organization.slug = 'default'"
      " ORDER BY CASE WHEN project.\"default\" THEN 0 ELSE 1 END, project.id LIMIT 1");
  if (!home)
    throw Problem(
        Problem::Kind::conflict,
        "The organization default has no project; prepare the database with: dispatch database init");
  const auto organization = home->integer("organization_id"), project = home->integer("id");
  const int added = database.transactReturning<int>(
      [&](store::Session& session) { return fillCatalogues(session, organization, project); });

  auto& incidents = context.rooms().incidents();
  auth::Principal who;
  who.organizationId = organization;
  who.organizationSlug = "default";
  who.role = auth::Role::owner;
  int reported = 0;
  for (const auto& example : examples) {
    if (database.session()->one("SELECT id FROM incident WHERE organization_id = ? AND title = ?",
                                {organization, example.title}))
      continue;
    const auto person = [](std::size_t index) {
      return Json{{"individual", {{"email", people[index].email}, {"name", people[index].name}}}};
    };
    who.email = people[example.reporter].email;
    const auto tag = database.session()->one("SELECT id, name FROM tag WHERE project_id = ? AND name = ?",
                                             {project, example.tag});
    Json body{{"title", example.title},
              {"description", example.description},
              {"project", {{"name", home->text("name")}}},
              {"incident_type", {{"name", example.type}}},
              {"incident_priority", {{"name", example.priority}}},
              {"incident_severity", {{"name", example.severity}}},
              {"reporter", person(example.reporter)},
              {"commander", person(example.commander)},
              {"tags", Json::array({{{"id", tag->integer("id")}, {"name", tag->text("name")}}})}};
    const auto id = incidents.create(who, body);
    for (const char* status : {"Stable", "Closed"}) {
      if (example.status == std::string("Active")) break;
      incidents.update(who, id, {{"status", status}});
      if (example.status == std::string(status)) break;
    }
    ++reported;
  }
  return {{"catalogue_rows", added}, {"incidents", reported}};
}

}  // namespace dispatch::cli
