#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string base = "https://files.example.com/dav";
const std::string incidentName = "dispatch-default-default-12";

HttpAnswer propfind(const std::string& resourceType) {
  return {207,
          "<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>/x</D:href><D:propstat>"
          "<D:prop><D:resourcetype>" +
              resourceType +
              "</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
              "</D:multistatus>"};
}
const HttpAnswer aFolder = propfind("<D:collection/>");
const HttpAnswer aDocument = propfind("");

class WebdavStorage : public testing::Test {
 protected:
  WebdavStorage() {
    settings = {{"base_url", base + "/"},
                {"username", "dispatch"},
                {"password", host.secret("pa55")},
                {"root_path", "/Incidents"}};
    host.onHttp = [this](const HttpCall&) {
      if (answers.empty()) return HttpAnswer::failed(DISPATCH_ERR_INTERNAL, "The test has no answer left.");
      const HttpAnswer answer = answers.front();
      answers.pop_front();
      return answer;
    };
  }
  Outcome invoke(const std::string& method, const Json& input, std::deque<HttpAnswer> given) {
    answers = std::move(given);
    host.httpCalls.clear();
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke(method, input, {.idempotencyKey = "step-1"});
  }
  Json folder(const std::string& name = incidentName) const {
    return {{"incident", {{"id", 12}, {"name", incidentName}, {"title", "Checkout answers 503"}}},
            {"kind", "folder"},
            {"name", name}};
  }
  Json document(const std::string& from = "") const {
    Json input = folder(incidentName + " - Incident Document");
    input["kind"] = "document";
    input["parent"] = {{"resource_id", "/Incidents/" + incidentName + "/"}};
    if (!from.empty()) input["template"] = {{"resource_id", from}};
    return input;
  }
  Outcome remove(const std::string& id, std::deque<HttpAnswer> given) {
    return invoke("delete", {{"resource", {{"resource_id", id}}}}, std::move(given));
  }
  Outcome test(std::deque<HttpAnswer> given) {
    answers = std::move(given);
    host.httpCalls.clear();
    return host.load(dispatch_plugin_query_v1(), settings).test();
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const HttpCall& call : host.httpCalls) out.push_back(call.method + " " + call.url);
    return out;
  }

  FakeHost host;
  Json settings;
  std::deque<HttpAnswer> answers;
};

TEST_F(WebdavStorage, MakesAFolder) {
  const Outcome outcome = invoke("create", folder(), {{201}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"resource_id", "/Incidents/" + incidentName + "/"},
                                 {"weblink", base + "/Incidents/" + incidentName + "/"},
                                 {"name", incidentName}}));
  EXPECT_THAT(lines(), ElementsAre("MKCOL " + base + "/Incidents/" + incidentName + "/"));
  EXPECT_EQ(host.httpCalls[0].header("Authorization"), "Basic ZGlzcGF0Y2g6cGE1NQ==");
}

TEST_F(WebdavStorage, MakesAFolderInAFolder) {
  Json input = folder("Logs");
  for (const char* parent : {"/Incidents/a b/", "/Incidents/a b"}) {
    input["parent"] = {{"resource_id", parent}};
    const Outcome outcome = invoke("create", input, {{201}});
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(outcome.value["resource_id"], "/Incidents/a b/Logs/");
    EXPECT_THAT(lines(), ElementsAre("MKCOL " + base + "/Incidents/a%20b/Logs/"));
  }
}

TEST_F(WebdavStorage, FoldersNamedByTheSameTitleAreTwo) {
  const Outcome outcome = invoke("create", folder("CPU at 100% / ../db1"), {{201}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["name"], "CPU at 100% - ..-db1 (" + incidentName + ")");
  EXPECT_THAT(lines(), ElementsAre("MKCOL " + base + "/Incidents/CPU%20at%20100%25%20-%20..-db1%20%28" +
                                   incidentName + "%29/"));
}

TEST_F(WebdavStorage, CopiesATemplateAndKeepsItsExtension) {
  const Outcome outcome = invoke("create", document("/Templates/Our incidents.HTML"), {{404}, {201}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  const std::string name = incidentName + " - Incident Document.html";
  EXPECT_EQ(outcome.value["resource_id"], "/Incidents/" + incidentName + "/" + name);
  EXPECT_EQ(outcome.value["name"], name);
  const std::string url =
      base + "/Incidents/" + incidentName + "/" + incidentName + "%20-%20Incident%20Document.html";
  EXPECT_THAT(lines(), ElementsAre("PROPFIND " + url, "COPY " + base + "/Templates/Our%20incidents.HTML"));
  EXPECT_EQ(host.httpCalls[1].header("Destination"), url);
  EXPECT_EQ(host.httpCalls[1].header("Overwrite"), "F");
}

TEST_F(WebdavStorage, MakesAnEmptyDocumentWithoutATemplate) {
  const Outcome outcome = invoke("create", document(), {{404}, {201}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  const std::string url =
      base + "/Incidents/" + incidentName + "/" + incidentName + "%20-%20Incident%20Document.md";
  EXPECT_THAT(lines(), ElementsAre("PROPFIND " + url, "PUT " + url));
  EXPECT_EQ(host.httpCalls[1].header("If-None-Match"), "*");
  EXPECT_EQ(host.httpCalls[1].body, "# " + incidentName + " - Incident Document\n");
  EXPECT_EQ(outcome.value["weblink"], url);
}

TEST_F(WebdavStorage, WhatIsThereAlreadyIsTheAnswer) {
  for (const auto& [input, given] : std::vector<std::pair<Json, std::deque<HttpAnswer>>>{
           {folder(), {{405}, aFolder}},
           {document("/Templates/incident.md"), {aDocument}},
           {document("/Templates/incident.md"), {{404}, {412}, aDocument}},
           {document(), {aDocument}},
           {document(), {{404}, {412}, aDocument}}}) {
    const Outcome outcome = invoke("create", input, given);
    EXPECT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(host.httpCalls.size(), given.size());
    EXPECT_THAT(outcome.value["resource_id"].get<std::string>(), HasSubstr(incidentName));
  }
}

TEST_F(WebdavStorage, SomethingElseOfThatNameIsAPersonsBusiness) {
  Outcome outcome = invoke("create", folder(), {{405}, aDocument});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("for a document of this name is there. Rename that"));
  outcome = invoke("create", document("/Templates/incident.md"), {aFolder});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("for a folder of this name is there"));
  // 405 is also what a server says that has no MKCOL at all.
  outcome = invoke("create", folder(), {{405}, {404}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("check that WebDAV is switched on"));
}

TEST_F(WebdavStorage, FindTellsWhetherThatVeryThingIsThere) {
  Outcome outcome = invoke("find", folder(), {aFolder});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["found"], true);
  EXPECT_EQ(outcome.value["resource_id"], "/Incidents/" + incidentName + "/");
  EXPECT_EQ(host.httpCalls[0].method, "PROPFIND");
  EXPECT_EQ(host.httpCalls[0].header("Depth"), "0");
  EXPECT_THAT(host.httpCalls[0].body, HasSubstr("resourcetype"));

  EXPECT_EQ(invoke("find", folder(), {{404}}).value, (Json{{"found", false}}));
  EXPECT_EQ(invoke("find", folder(), {aDocument}).value, (Json{{"found", false}}));
  EXPECT_EQ(invoke("find", document(), {aFolder}).value, (Json{{"found", false}}));
  EXPECT_EQ(invoke("find", document(), {{301, "", {{"location", base + "/x/"}}}}).value,
            (Json{{"found", false}}));
  EXPECT_EQ(invoke("find", document("/Templates/a.txt"), {aDocument}).value["name"],
            incidentName + " - Incident Document.txt");
}

TEST_F(WebdavStorage, FindNeverGuesses) {
  for (const HttpAnswer& answer : {HttpAnswer{207, "<!DOCTYPE html><html></html>"}, HttpAnswer{207, ""},
                                   HttpAnswer{500}, HttpAnswer{503}})
    EXPECT_EQ(invoke("find", folder(), {answer}).status, DISPATCH_ERR_UNAVAILABLE) << answer.body;
  const Outcome outcome = invoke("find", folder(), {{200, "<html>"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("this is no WebDAV server"));
}

TEST_F(WebdavStorage, EachHttpStatusOfAnEffectHasItsMeaning) {
  for (const auto& [http, meaning] :
       std::vector<std::pair<int, dispatch_status>>{{401, DISPATCH_ERR_DENIED},
                                                    {403, DISPATCH_ERR_DENIED},
                                                    {409, DISPATCH_ERR_NOT_FOUND},
                                                    {423, DISPATCH_ERR_UNAVAILABLE},
                                                    {507, DISPATCH_ERR_UNAVAILABLE},
                                                    {503, DISPATCH_ERR_UNAVAILABLE},
                                                    {500, DISPATCH_ERR_UNCERTAIN},
                                                    {502, DISPATCH_ERR_UNCERTAIN},
                                                    {504, DISPATCH_ERR_UNCERTAIN},
                                                    {415, DISPATCH_ERR_INVALID},
                                                    {302, DISPATCH_ERR_INVALID},
                                                    {200, DISPATCH_ERR_UNCERTAIN}}) {
    EXPECT_EQ(invoke("create", folder(), {{http}}).status, meaning) << "MKCOL " << http;
    EXPECT_EQ(invoke("create", document("/t.md"), {{404}, {http}}).status, meaning) << "COPY " << http;
    // For PUT, 200 is as good as 201 (RFC 9110 section 9.3.4).
    EXPECT_EQ(invoke("create", document(), {{404}, {http}}).status, http == 200 ? DISPATCH_OK : meaning)
        << "PUT " << http;
  }
}

TEST_F(WebdavStorage, SaysWhatToChange) {
  const auto message = [&](const Json& input, const HttpAnswer& answer) {
    if (input["kind"] == "folder") return invoke("create", input, {answer}).message;
    return invoke("create", input, {{404}, answer}).message;
  };
  EXPECT_THAT(message(folder(), {401}), HasSubstr("Check \"User name\" and \"Password\""));
  EXPECT_THAT(message(folder(), {401, "", {{"www-authenticate", "Digest realm=x"}}}),
              HasSubstr("another login than HTTP Basic"));
  EXPECT_THAT(message(folder(), {403}), HasSubstr("Let \"dispatch\" read and write there"));
  EXPECT_THAT(message(folder(), {409}), HasSubstr("correct \"Folder for incidents\""));
  EXPECT_THAT(message(document("/Templates/gone.md"), {404}),
              HasSubstr("The template " + base + "/Templates/gone.md is not there"));
  EXPECT_THAT(message(document("/t"), {301, "", {{"location", base + "/t/"}}}),
              HasSubstr("is a folder. Enter"));
  EXPECT_THAT(message(document("/t/"), {500}), HasSubstr("is a folder. Enter"));
  EXPECT_THAT(message(folder(), {415, "No body here"}), testing::EndsWith("It says: \"No body here\"."));
  EXPECT_THAT(message(folder(), {415, "<!DOCTYPE HTML>"}), testing::EndsWith("answered with HTTP 415."));
  EXPECT_THAT(message(document("/t.md"), {502}), HasSubstr("a proxy before the server"));
  const Outcome busy = invoke("create", folder(), {{429, "", {}, std::chrono::seconds(7)}});
  EXPECT_EQ(busy.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(busy.retryAfterMs, 7000U);
}

TEST_F(WebdavStorage, WhatCannotBeLookedAtAfterwardsIsUncertain) {
  const Outcome outcome = invoke("create", folder(), {{405}, {500}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(outcome.message, HasSubstr("perhaps from an earlier attempt"));
}

TEST_F(WebdavStorage, KeepsTheHostsJudgementWhereNoAnswerCame) {
  for (const auto status : {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_DENIED}) {
    const Outcome outcome =
        invoke("create", folder(), {HttpAnswer::failed(status, "The host's own sentence.")});
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.message, "The host's own sentence.");
  }
}

TEST_F(WebdavStorage, NoIdLeadsOutOfTheBaseAddress) {
  for (const char* id : {"", "x", "//evil.example.com/x", "/Incidents/../x", "/Incidents/..", "/./x",
                         "/Incidents//x", "/a\\..\\b", "/a\nb", "https://evil.example.com/x"}) {
    Json input = folder("Logs");
    input["parent"] = {{"resource_id", id}};
    if (*id != '\0') {  // an empty one the contract refuses
      EXPECT_EQ(invoke("create", input, {}).status, DISPATCH_ERR_INVALID) << id;
    }
    EXPECT_EQ(remove(id, {}).status, DISPATCH_ERR_INVALID) << id;
    EXPECT_THAT(host.httpCalls, testing::IsEmpty());
  }
  for (const char* id : {"x.md", "//evil.example.com/x.md", "/../x.md", "https://evil.example.com/x.md"}) {
    EXPECT_EQ(invoke("create", document(id), {{404}}).status, DISPATCH_ERR_INVALID) << id;
    EXPECT_EQ(host.httpCalls.size(), 1U) << "nothing was copied";
  }
  // What looks like an encoded one is a name, and stays one.
  ASSERT_TRUE(remove("/Incidents/%2e%2e/x", {{204}}).ok());
  EXPECT_THAT(lines(), ElementsAre("DELETE " + base + "/Incidents/%252e%252e/x"));
}

TEST_F(WebdavStorage, DeletesOnlyInTheFolderForIncidents) {
  ASSERT_TRUE(remove("/Incidents/a b/", {{204}}).ok());
  EXPECT_THAT(lines(), ElementsAre("DELETE " + base + "/Incidents/a%20b/"));
  for (const char* id :
       {"/", "/Incidents/", "/Incidents", "/Templates/incident.md", "/IncidentsOfOthers/x"}) {
    const Outcome outcome = remove(id, {});
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << id;
    EXPECT_THAT(outcome.message, HasSubstr("it is not in \"Folder for incidents\"")) << id;
    EXPECT_THAT(host.httpCalls, testing::IsEmpty());
  }
  settings["root_path"] = "/";
  EXPECT_EQ(remove("/", {}).status, DISPATCH_ERR_INVALID);
  EXPECT_TRUE(remove("/x/", {{200}}).ok());
}

TEST_F(WebdavStorage, DeletingWhatIsGoneIsNoError) {
  EXPECT_TRUE(remove("/Incidents/x/", {{404}}).ok());
  for (const int http : {207, 424}) {
    const Outcome locked =
        remove("/Incidents/x/",
               {{http,
                 "<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>/dav/Incidents/x/a.md</D:href>"
                 "<D:status>HTTP/1.1 423 Locked</D:status></D:response></D:multistatus>"}});
    EXPECT_EQ(locked.status, DISPATCH_ERR_UNAVAILABLE);
    EXPECT_THAT(locked.message, HasSubstr("The server says of /dav/Incidents/x/a.md: HTTP/1.1 423 Locked."));
    EXPECT_EQ(remove("/Incidents/x/", {{http, "?"}}).status, DISPATCH_ERR_UNAVAILABLE);
  }
  EXPECT_EQ(remove("/Incidents/x/", {{423}}).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(remove("/Incidents/x/", {{500}}).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(remove("/Incidents/x/", {{403}}).status, DISPATCH_ERR_DENIED);
}

TEST_F(WebdavStorage, LinksBeginWithTheAddressForPeople) {
  settings["public_url"] = "https://cloud.example.com/apps/files/";
  const Outcome outcome = invoke("create", folder(), {{201}});
  EXPECT_EQ(outcome.value["weblink"], "https://cloud.example.com/apps/files/Incidents/" + incidentName + "/");
  EXPECT_THAT(host.httpCalls[0].url, testing::StartsWith(base));
}

TEST_F(WebdavStorage, HasOnlyWhatWebdavCanDo) {
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  EXPECT_EQ(plugin.effect("create"), DISPATCH_EFFECT_FINDABLE);
  EXPECT_EQ(plugin.effect("find"), DISPATCH_EFFECT_READ);
  EXPECT_EQ(plugin.effect("delete"), DISPATCH_EFFECT_IDEMPOTENT);
  for (const char* method : {"grant", "revoke", "open", "mark_readonly"})
    EXPECT_EQ(plugin.effect(method), 0U);
}

TEST_F(WebdavStorage, TestProvesTheSettingsWithoutAnEffect) {
  const Outcome outcome = test({aFolder, {405}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  // A folder that is there cannot be made.
  EXPECT_THAT(lines(), ElementsAre("PROPFIND " + base + "/Incidents/", "MKCOL " + base + "/Incidents/"));
}

TEST_F(WebdavStorage, TestSaysWhatIsWrong) {
  const auto verdict = [&](std::deque<HttpAnswer> given) {
    const Outcome outcome = test(std::move(given));
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value["ok"], false);
    return outcome.value["summary"].get<std::string>();
  };
  EXPECT_THAT(verdict({{404}}), HasSubstr("correct \"Folder for incidents\""));
  EXPECT_THAT(verdict({aDocument}), HasSubstr("There is no folder"));
  EXPECT_THAT(verdict({{401}}), HasSubstr("Check \"User name\" and \"Password\""));
  EXPECT_THAT(verdict({{405}}), HasSubstr("check that WebDAV is switched on"));
  EXPECT_THAT(verdict({{301, "", {{"location", "https://new.example.com/"}}}}),
              HasSubstr("https://new.example.com/"));
  EXPECT_THAT(verdict({aFolder, {403}}), HasSubstr("Let \"dispatch\" read and write there"));
  EXPECT_THAT(verdict({aFolder, HttpAnswer::failed(DISPATCH_ERR_TIMEOUT, "Too late.")}),
              HasSubstr("Too late."));
  EXPECT_THAT(verdict({HttpAnswer::failed(DISPATCH_ERR_DENIED, "Not granted.")}), HasSubstr("Not granted."));
}

TEST_F(WebdavStorage, RefusesSettingsThatCannotWork) {
  const auto refused = [&](const char* setting, const Json& value) {
    Json changed = settings;
    changed[setting] = value;
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), changed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << setting << " " << value;
    EXPECT_THAT(outcome.message, HasSubstr("\"" + std::string(setting) + "\"")) << outcome.message;
  };
  for (const char* url : {"ftp://x", "https://", "https:///x", "https://a b", "https://x?y", "https://x#y",
                          "x", "https://me:secret@x", ""})
    refused("base_url", url);
  refused("public_url", "files.example.com");
  for (const char* path : {"Incidents", "/a/../b", "/a//b"}) refused("root_path", path);
  refused("username", "a:b");
  refused("username", "");
  refused("password", "");
}

TEST_F(WebdavStorage, WorksWithoutALogin) {
  settings.erase("username");
  settings.erase("password");
  ASSERT_TRUE(invoke("create", folder(), {{201}}).ok());
  EXPECT_EQ(host.httpCalls[0].header("Authorization"), "");
  EXPECT_THAT(invoke("create", folder(), {{401}}).message, HasSubstr("enter \"User name\" and \"Password\""));
}

TEST_F(WebdavStorage, AsksAsItsRecordingsSay) {
  for (const char* file : {"/create_folder.har", "/create_again.har", "/create_document.har",
                           "/create_empty.har", "/find.har", "/delete.har", "/test.har"}) {
    FakeHost replaying;
    auto& recorded = replaying.replay(std::string(DISPATCH_RECORDINGS) + file);
    const Outcome outcome = replaying.callRecorded(dispatch_plugin_query_v1());
    EXPECT_EQ(outcome.value, recorded.recording().call.expected["answer"]) << file << ": " << outcome.message;
    EXPECT_THAT(recorded.unexpected(), testing::IsEmpty());
    EXPECT_THAT(recorded.unasked(), testing::IsEmpty());
  }
}

}  // namespace
