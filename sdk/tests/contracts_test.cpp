// What stands in sdk/contracts: each contract's form and examples, and the manifests of the packages that
// were built.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

Json read(const fs::path& path) {
  std::ifstream in(path);
  return Json::parse(in);
}

/// What is wrong with `value`, or nothing.
std::string violation(const Json& schema, const Json& value) {
  valijson::Schema parsed;
  valijson::SchemaParser parser;
  const valijson::adapters::NlohmannJsonAdapter schemaAdapter(schema);
  parser.populateSchema(schemaAdapter, parsed);
  valijson::Validator validator;
  valijson::ValidationResults results;
  const valijson::adapters::NlohmannJsonAdapter valueAdapter(value);
  if (validator.validate(parsed, valueAdapter, &results)) return {};
  std::string out = "refused";
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    out += "; ";
    for (const auto& step : error.context) out += step;
    out += " " + error.description;
  }
  return out;
}

const std::set<std::string> types{"ticket",   "contact",       "participant",    "email",
                                  "workflow", "webhook",       "source",         "conversation",
                                  "oncall",   "conference",    "document",       "participant-group",
                                  "storage",  "auth-provider", "secret-provider"};

TEST(Contracts, EveryTypeHasOneAndItsExamplesAreValid) {
  for (const std::string& type : types) {
    const Json contract = read(fs::path(CONTRACTS) / (type + ".json"));
    EXPECT_EQ(contract.at("type"), type);
    EXPECT_FALSE(contract.at("description").get<std::string>().empty());
    for (const auto& [name, method] : contract.at("methods").items()) {
      const std::string where = type + "." + name;
      EXPECT_GE(method.at("revision").get<int>(), 1) << where;
      EXPECT_TRUE((std::set<std::string>{"read", "idempotent", "findable", "at-most-once"})
                      .contains(method.at("effect")))
          << where;
      EXPECT_TRUE(method.at("optional").is_boolean()) << where;
      EXPECT_FALSE(method.at("description").get<std::string>().empty()) << where;
      ASSERT_FALSE(method.at("examples").empty()) << where << ": a dry run answers with the first example";
      for (const Json& example : method.at("examples")) {
        EXPECT_EQ(violation(method.at("input"), example.at("input")), "") << where;
        EXPECT_EQ(violation(method.at("output"), example.at("output")), "") << where;
      }
    }
  }
}

TEST(Contracts, RefuseWhatLacksARequiredMember) {
  for (const std::string& type : types) {
    const Json contract = read(fs::path(CONTRACTS) / (type + ".json"));
    for (const auto& [name, method] : contract.at("methods").items())
      for (const char* side : {"input", "output"}) {
        const Json& schema = method.at(side);
        const Json example = method.at("examples")[0].at(side);
        for (const Json& member : schema.value("required", Json::array())) {
          Json cut = example;
          cut.erase(member.get<std::string>());
          EXPECT_NE(violation(schema, cut), "")
              << type << "." << name << " " << side << " without " << member;
        }
        Json more = example;
        more["a_member_of_the_future"] = 1;
        EXPECT_EQ(violation(schema, more), "") << type << "." << name << " " << side;
      }
  }
}

Json manifest() {
  return {{"id", "acme-ticket"},
          {"title", "t"},
          {"description", "d"},
          {"version", "1.0.0"},
          {"type", "ticket"},
          {"abi", "1"},
          {"author", "a"},
          {"license", "MIT"},
          {"library", "libacme.so"},
          {"files", {{"libacme.so", std::string(64, 'a')}}},
          {"configuration",
           {{"type", "object"},
            {"properties",
             {{"token",
               {{"type", "string"},
                {"format", "password"},
                {"writeOnly", true},
                {"x-dispatch-secret", true}}}}}}}};
}

TEST(ManifestSchema, TakesASoundManifest) {
  const Json schema = read(fs::path(CONTRACTS) / "plugin.schema.json");
  EXPECT_EQ(violation(schema, manifest()), "");
  Json permissions = manifest();
  permissions["permissions"] = {
      {"http", {"api.example.com", {{"config", "url"}}}},
      {"stream", {"mx.example.com:25", {{"config", "host"}, {"port_config", "port"}}}},
      {"services", {"dispatch.credential/1"}}};
  EXPECT_EQ(violation(schema, permissions), "");
}

TEST(ManifestSchema, RefusesWhatTheHostCouldNotRelyOn) {
  const Json schema = read(fs::path(CONTRACTS) / "plugin.schema.json");
  const std::pair<const char*, Json> mistakes[] = {{"/id", "Bad Id"},
                                                   {"/id", "-x-"},
                                                   {"/id", std::string(70, 'a')},
                                                   {"/version", "1.0"},
                                                   {"/version", "01.0.0"},
                                                   {"/type", "toaster"},
                                                   {"/abi", "2"},
                                                   {"/library", "../lib.so"},
                                                   {"/library", "lib/x.so"},
                                                   {"/files", Json::object()},
                                                   {"/files/..~1x", std::string(64, 'a')},
                                                   {"/files/x", "abc"},
                                                   {"/max_concurrency", 0},
                                                   {"/timeout_ms", 0},
                                                   {"/timeout_ms", 10000000},
                                                   {"/surprise", 1},
                                                   {"/permissions", {{"http", {"https://x/y"}}}},
                                                   {"/permissions", {{"stream", {"no-port"}}}},
                                                   {"/permissions", {{"teleport", true}}},
                                                   {"/configuration/type", "array"},
                                                   {"/configuration/properties/Bad Name", Json::object()},
                                                   {"/configuration/properties/token/default", "hunter2"},
                                                   {"/configuration/properties/token/writeOnly", false}};
  for (const auto& [pointer, value] : mistakes) {
    Json bad = manifest();
    bad[Json::json_pointer(pointer)] = value;
    EXPECT_NE(violation(schema, bad), "") << pointer << " = " << value;
  }
  for (const char* member : {"id", "title", "description", "version", "type", "abi", "author", "license",
                             "library", "files", "configuration"}) {
    Json bad = manifest();
    bad.erase(member);
    EXPECT_NE(violation(schema, bad), "") << "without " << member;
  }
}

TEST(Packages, HoldManifestsThatTheSchemaTakes) {
  const Json schema = read(fs::path(CONTRACTS) / "plugin.schema.json");
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(PACKAGES)) {
    const Json manifest = read(entry.path() / "plugin.json");
    EXPECT_EQ(violation(schema, manifest), "") << entry.path();
    EXPECT_EQ(manifest["id"], entry.path().filename().string());
    // All but the manifest itself and its signature.
    std::set<std::string> files;
    for (const auto& file : fs::directory_iterator(entry.path()))
      if (!file.path().filename().string().starts_with("plugin.json")) files.insert(file.path().filename());
    std::set<std::string> listed;
    for (const auto& [name, hash] : manifest["files"].items()) listed.insert(name);
    EXPECT_EQ(files, listed) << entry.path();
    found.insert(manifest["id"]);
  }
  for (const char* id : {"dispatch-ticket", "dispatch-contact", "dispatch-participant-resolver", "smtp-email",
                         "generic-workflow", "sodium", "dispatch-auth-provider-basic"})
    EXPECT_TRUE(found.contains(id)) << id << " was not built";
}

}  // namespace
