// libFuzzer target: filter grammar, search and sorting of lists. Input: search, sort keys and filter, a line
// each (the filter is the rest). Whatever is accepted is SQL that SQLite prepares and runs over the real
// schema, with as many parameters as values; for PostgreSQL the number of placeholders is checked.
//
// Sources: host/store/query.cpp host/store/query_filter.cpp host/store/query_path.cpp
// Sources: host/store/query_search.cpp host/store/model.cpp host/store/sql_text.cpp host/store/value.cpp
// Sources: host/base/json.cpp host/base/problem.cpp host/base/time.cpp
// Libraries: -lsqlite3
#include "fuzzing.hpp"
#include "store/query.hpp"
#include "store/sql_text.hpp"

#include <sqlite3.h>

#include <fstream>
#include <sstream>

namespace {

using namespace dispatch;
using Type = store::Column::Type;

store::Models describeModels() {
  store::Models models;
  models.add({"Project", "project", {{"id", Type::integer}, {"name", Type::text, true}}, {}});
  models.add({"IncidentType",
              "incident_type",
              {{"id", Type::integer}, {"name", Type::text, true}, {"default", Type::boolean}},
              {{"project", "Project", "project_id", "", "", "", {}}}});
  models.add({"Tag", "tag", {{"id", Type::integer}, {"name"}}, {}});
  models.add({"IndividualContact", "individual_contact", {{"id", Type::integer}, {"name"}, {"email"}}, {}});
  models.add({"Participant",
              "participant",
              {{"id", Type::integer}, {"team"}},
              {{"individual", "IndividualContact", "individual_contact_id", "", "", "", {}}}});
  models.add({"Incident",
              "incident",
              {{"id", Type::integer},
               {"name", Type::text, true},
               {"title", Type::text, true},
               {"status"},
               {"reported_at", Type::instant},
               {"commander_id", Type::number}},  // no column of the schema is a fraction
              {{"project", "Project", "project_id", "", "", "", {}},
               {"incident_type", "IncidentType", "incident_type_id", "", "", "", {}},
               {"commander", "Participant", "commander_id", "", "", "", {}},
               {"participants", "Participant", "", "", "", "", {}, "incident_id"},
               {"tags", "Tag", "", "incident_tag", "incident_id", "tag_id", {}}}});
  return models;
}

void replaceAll(std::string& text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

void answerNull(sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_null(context); }

/// An empty database with the first migration's tables; run from the top of the source tree.
sqlite3* openDatabase() {
  sqlite3* database = nullptr;
  require(sqlite3_open(":memory:", &database) == SQLITE_OK, "SQLite opens");
  std::stringstream file;
  file << std::ifstream("host/store/migrations/0001_core.sql").rdbuf();
  std::string schema = file.str();
  replaceAll(schema, "{{id}}", "INTEGER PRIMARY KEY");
  replaceAll(schema, "{{instant}}", "TEXT");
  require(!schema.empty() && sqlite3_exec(database, schema.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK,
          "the first migration applies (run this from the top of the source tree)");
  for (const auto& [name, arguments] : {std::pair{"dispatch_lower", 1}, {"dispatch_word_prefix", 2}})
    sqlite3_create_function(database, name, arguments, SQLITE_UTF8, nullptr, answerNull, nullptr, nullptr);
  return database;
}

void bind(sqlite3_stmt* statement, int at, const store::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    sqlite3_bind_text(statement, at, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  else if (const auto* number = std::get_if<std::int64_t>(&value))
    sqlite3_bind_int64(statement, at, *number);
  else if (const auto* real = std::get_if<double>(&value))
    sqlite3_bind_double(statement, at, *real);
  else if (const auto* flag = std::get_if<bool>(&value))
    sqlite3_bind_int(statement, at, *flag);
}

void runOn(sqlite3* database, const std::string& sql, const store::Values& parameters) {
  sqlite3_stmt* statement = nullptr;
  const int prepared = sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr);
  if (prepared != SQLITE_OK) std::fprintf(stderr, "%s\n%s\n", sql.c_str(), sqlite3_errmsg(database));
  require(prepared == SQLITE_OK, "an accepted list request is SQL");
  require(static_cast<std::size_t>(sqlite3_bind_parameter_count(statement)) == parameters.size(),
          "every placeholder has its value");
  for (std::size_t i = 0; i < parameters.size(); ++i) bind(statement, static_cast<int>(i) + 1, parameters[i]);
  const int stepped = sqlite3_step(statement);
  require(stepped == SQLITE_ROW || stepped == SQLITE_DONE, "it runs");
  sqlite3_finalize(statement);
}

std::string takeLine(std::string_view& rest) {
  const auto end = std::min(rest.find('\n'), rest.size());
  std::string line(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const store::Models models = describeModels();
  static sqlite3* const database = openDatabase();
  std::string_view rest = textOf(data, size);
  store::ListRequest request;
  request.q = takeLine(rest);
  std::stringstream keys(takeLine(rest));
  for (std::string key; keys >> key && request.sort.size() < 8;)
    request.sort.emplace_back(key, key.size() % 2 == 0);
  accepted([&] {
    if (!rest.empty()) request.filter = parseJson(rest, "filter");
    const auto& incident = *models.find("Incident");
    const std::vector<store::Condition> tenant{{"incident.organization_id = ?", {std::int64_t{1}}}};
    const auto query = store::buildList(models, incident, request, tenant, store::Dialect::sqlite);
    require(query.parameters.size() >= 1, "the tenant is part of every list");
    runOn(database, query.countSql, query.parameters);
    auto page = query.parameters;
    page.insert(page.end(), {std::int64_t{5}, std::int64_t{0}});
    runOn(database, query.idsSql, page);
    const auto other = store::buildList(models, incident, request, tenant, store::Dialect::postgresql);
    const auto count = std::to_string(other.parameters.size());
    const auto numbered = store::numberPlaceholders(other.countSql);
    require(numbered.find("$" + count) != std::string::npos &&
                numbered.find("$" + std::to_string(other.parameters.size() + 1)) == std::string::npos,
            "every placeholder has its value on PostgreSQL");
  });
  return 0;
}
