#include "integrations/integrations.hpp"

#include "base/base.hpp"
#include "integrations/stray_variables.hpp"
#include "integrations/testing/fake_catalog.hpp"
#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace dispatch::integrations {

namespace {

using testing::failed;
using testing::FakeInstance;
using testing::fine;
using testing::within;

const Json mailSchema = Json::parse(R"({
  "type": "object", "required": ["host", "port"], "additionalProperties": false,
  "properties": {
    "host": {"type": "string", "minLength": 1},
    "port": {"type": "integer", "default": 25},
    "password": {"type": "string", "x-dispatch-secret": true}
  }})");

struct IntegrationsTest : store::testing::DatabaseTest {
  testing::FakeCatalog catalog;
  testing::FakePlugin* ticket = nullptr;
  testing::FakePlugin* mail = nullptr;
  config::Envelope envelope{config::SecretText("a key of more than thirty-two characters")};
  std::filesystem::path directory;
  std::unique_ptr<config::Settings> settings;
  std::unique_ptr<Integrations> integrations;
  std::int64_t organization = 0, project = 0;

  void SetUp() override {
    DatabaseTest::SetUp();
    char pattern[] = "/tmp/dispatch-integrations-XXXXXX";
    directory = ::mkdtemp(pattern);
    ticket = &catalog.add("builtin-ticket", "ticket");
    ticket->installed.manifest.enabledByDefault = true;
    mail = &catalog.add("fake-mail", "email", mailSchema);
    catalog.add("fake-login", "auth-provider");
    const auto row = db().session()->one("SELECT id, organization_id FROM project WHERE name = 'default'");
    organization = row->integer("organization_id");
    project = row->integer("id");
  }
  void TearDown() override {
    integrations.reset();
    std::filesystem::remove_all(directory);
    DatabaseTest::TearDown();
  }

  void begin(const std::string& yaml = "",
             const std::string& environment = "DISPATCH_AUTHENTICATION_PROVIDER_SLUG=fake-login\n") {
    integrations.reset();
    std::filesystem::create_directories(directory / "etc/dispatch");
    std::ofstream(directory / "etc/dispatch/dispatch.yaml") << yaml;
    std::ofstream(directory / "etc/dispatch/.env") << environment;
    settings =
        std::make_unique<config::Settings>(config::Settings::load(config::Paths::under(directory.string())));
    integrations = Integrations::open(
        catalog, db(), *settings, envelope, [](const std::string& name, const std::string& stored) {
          if (stored == "ENC[fake,sealed]") return config::SecretText("opened for " + name);
          if (stored.starts_with("ENC["))
            throw Problem(Problem::Kind::invalid,
                          name + " cannot be decrypted by the secret provider fake: no key");
          return config::SecretText(stored);
        });
    integrations->start();
  }

  Enablement rowOf(const std::string& pluginId) {
    for (auto& enablement : integrations->list(organization, project))
      if (enablement.pluginId == pluginId) return enablement;
    ADD_FAILURE() << "no row of " << pluginId;
    return {};
  }
  std::int64_t idOf(const std::string& pluginId) { return rowOf(pluginId).id; }

  std::string setting(const std::string& type, const std::string& name) {
    const auto serving = integrations->serving(project, type);
    return serving.instance ? dynamic_cast<FakeInstance&>(*serving.instance).setting(name)
                            : "not serving: " + serving.reason;
  }

  Problem refusalOf(const std::function<void()>& work) {
    try {
      work();
    } catch (const Problem& problem) {
      return problem;
    }
    ADD_FAILURE() << "nothing was refused";
    return Problem(Problem::Kind::internal, "");
  }

  std::string stored(std::int64_t id) {
    return db()
        .session()
        ->one("SELECT configuration FROM plugin_instance WHERE id = ?", {id})
        ->text("configuration");
  }
};
DISPATCH_TEST_ON_BOTH_DATABASES(IntegrationsTest);

TEST_P(IntegrationsTest, AFreshInstallationServesWithItsBuiltInPlugins) {
  begin();
  EXPECT_EQ(rowOf("builtin-ticket").state, "healthy");
  EXPECT_EQ(rowOf("fake-mail").state, "disabled");
  EXPECT_TRUE(integrations->serving(project, "ticket").instance);
  EXPECT_EQ(integrations->list(organization, project).size(), 2u) << "auth providers belong to no project";
}

TEST_P(IntegrationsTest, AMissingPluginIsExplainedWithTheFix) {
  begin();
  EXPECT_EQ(integrations->serving(project, "email").reason,
            "No email plugin is enabled in project default. Enable one under Settings > Plugins.");
}

TEST_P(IntegrationsTest, StartingAgainChangesNothing) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "a"}}, "me");
  const auto before = db().session()->query(
      "SELECT id, enabled, config_revision, configuration FROM plugin_instance ORDER BY id");
  begin();
  const auto after = db().session()->query(
      "SELECT id, enabled, config_revision, configuration FROM plugin_instance ORDER BY id");
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < before[i].size(); ++j) EXPECT_EQ(before[i].at(j), after[i].at(j));
}

TEST_P(IntegrationsTest, ARemovedRowStaysAwayOverARestart) {
  begin();
  integrations->remove(idOf("fake-mail"), "me");
  begin();
  EXPECT_EQ(integrations->list(organization, project).size(), 1u);
}

TEST_P(IntegrationsTest, EnablingWithoutItsSettingsIsRefusedAtTheField) {
  begin();
  const auto refusal = refusalOf([&] { integrations->change(idOf("fake-mail"), true, nullptr, "me"); });
  EXPECT_EQ(refusal.kind(), Problem::Kind::invalid);
  EXPECT_EQ(refusal.location().at(0), "body");
  EXPECT_FALSE(rowOf("fake-mail").enabled);
}

TEST_P(IntegrationsTest, WhatHasADefaultNeedNotBeSetThoughItIsRequired) {
  begin();
  const auto shown = integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  EXPECT_EQ(shown.state, "healthy");
  EXPECT_EQ(setting("email", "port"), "25");
  EXPECT_FALSE(shown.configuration.contains("port")) << "a newer version's default counts";
  begin("plugins:\n  - plugin: fake-mail\n    configuration: {host: of the file}\n");
  EXPECT_EQ(setting("email", "port"), "25");
}

TEST_P(IntegrationsTest, ASecretReachesThePluginAndNobodyElse) {
  begin();
  const auto shown =
      integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  EXPECT_EQ(shown.configuration["password"], "**********");
  EXPECT_EQ(shown.state, "healthy");
  EXPECT_EQ(setting("email", "password"), "hunter2hunter2");
  EXPECT_EQ(stored(shown.id).find("hunter2"), std::string::npos);
  for (const auto& row : db().session()->query("SELECT details FROM audit"))
    EXPECT_EQ(row.text("details").find("hunter2"), std::string::npos);
}

TEST_P(IntegrationsTest, AFormSavedUntouchedKeepsItsSecret) {
  begin();
  const auto shown =
      integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  Json form = shown.configuration;
  form["host"] = "other";
  integrations->change(shown.id, std::nullopt, form, "me");
  EXPECT_EQ(setting("email", "host"), "other");
  EXPECT_EQ(setting("email", "password"), "hunter2hunter2");
  form["password"] = "";
  EXPECT_EQ(integrations->change(shown.id, std::nullopt, form, "me").configuration["password"], "");
  EXPECT_EQ(setting("email", "password"), "");
}

TEST_P(IntegrationsTest, ASecretThatLooksLikeAReferenceIsTakenLiterally) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "ENC[fake,sealed]"}}, "me");
  EXPECT_EQ(setting("email", "password"), "ENC[fake,sealed]");
  integrations->change(idOf("fake-mail"), true,
                       {{"host", "mail"}, {"password", "enc:v1:0011223344556677:AAAA"}}, "me");
  EXPECT_EQ(setting("email", "password"), "enc:v1:0011223344556677:AAAA");
}

TEST_P(IntegrationsTest, ARejectedChangeLeavesEverythingAsItWas) {
  begin();
  const auto shown = integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  const auto before = stored(shown.id);
  for (const Json& bad :
       {Json{{"host", ""}}, Json{{"host", 5}}, Json{{"host", "a"}, {"unknown", 1}}, Json{{"port", 1}}})
    EXPECT_EQ(refusalOf([&] { integrations->change(shown.id, std::nullopt, bad, "me"); }).kind(),
              Problem::Kind::invalid)
        << bad;
  EXPECT_EQ(stored(shown.id), before);
  EXPECT_EQ(setting("email", "host"), "mail");
}

TEST_P(IntegrationsTest, EnablingOneSwitchesOffTheOtherOfItsType) {
  catalog.add("other-ticket", "ticket");
  begin();
  integrations->change(idOf("other-ticket"), true, nullptr, "me");
  EXPECT_FALSE(rowOf("builtin-ticket").enabled);
  EXPECT_EQ(integrations->serving(project, "ticket").instance->manifest().id, "other-ticket");
  EXPECT_EQ(integrations->allServing(project, "ticket").size(), 1u);
}

TEST_P(IntegrationsTest, TwoThatAreMultipleServeTogether) {
  catalog.add("flow-a", "workflow").installed.manifest.multiple = true;
  catalog.add("flow-b", "workflow").installed.manifest.multiple = true;
  begin();
  integrations->change(idOf("flow-a"), true, nullptr, "me");
  integrations->change(idOf("flow-b"), true, nullptr, "me");
  EXPECT_EQ(integrations->allServing(project, "workflow").size(), 2u);
}

TEST_P(IntegrationsTest, APluginThatCannotStartIsDegradedRetriedAndThenServes) {
  std::atomic<bool> peerIsThere{false};
  mail->start = [&](const plugin::Configuration&) {
    return peerIsThere ? fine() : failed(DISPATCH_ERR_UNAVAILABLE, "mail does not answer");
  };
  begin();
  const auto shown = integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  EXPECT_EQ(shown.state, "degraded");
  EXPECT_EQ(shown.reason, "mail does not answer");
  EXPECT_EQ(integrations->ailing(), (std::map<std::string, std::string>{{"fake-mail", "degraded"}}));
  EXPECT_NE(integrations->serving(project, "email").reason.find("mail does not answer"), std::string::npos);
  peerIsThere = true;
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return rowOf("fake-mail").state == "healthy"; }));
  EXPECT_TRUE(integrations->ailing().empty());
  EXPECT_TRUE(integrations->serving(project, "email").instance);
}

/// What an instance says of itself counts, not how it once started.
TEST_P(IntegrationsTest, AStateIsThatOfNow) {
  std::mutex mutex;
  plugin::Instance::Statistics statistics;
  plugin::Instance::Worker worker;
  std::string refusal;
  const auto set = [&](auto& what, auto value) {
    const std::lock_guard lock(mutex);
    what = value;
  };
  const auto got = [&](auto& what) {
    const std::lock_guard lock(mutex);
    return what;
  };
  mail->statistics = [&] { return got(statistics); };
  mail->worker = [&] { return got(worker); };
  mail->refusal = [&] { return got(refusal); };
  begin();
  EXPECT_EQ(integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me").state, "healthy");

  plugin::Instance::Statistics open;
  open.breaker = "open";
  open.lastError = "mail does not answer";
  set(statistics, open);
  auto row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded");
  EXPECT_NE(row.reason.find("mail does not answer"), std::string::npos) << row.reason;
  EXPECT_EQ(integrations->ailing(), (std::map<std::string, std::string>{{"fake-mail", "degraded"}}));
  const auto stored = [&] {
    return db()
        .session()
        ->one("SELECT state FROM plugin_instance WHERE id = ?", {idOf("fake-mail")})
        ->text("state");
  };
  EXPECT_TRUE(within(std::chrono::seconds(8), [&] { return stored() == "degraded"; }))
      << "told to open pages";

  set(statistics, plugin::Instance::Statistics());
  plugin::Instance::Worker ended;
  ended.isolated = true;
  ended.lastCrash = "crashed in send by signal 11";
  set(worker, ended);
  row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded");
  EXPECT_NE(row.reason.find("crashed in send by signal 11"), std::string::npos) << row.reason;

  set(refusal, std::string("This package is in quarantine"));
  row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "broken");
  EXPECT_EQ(row.reason, "This package is in quarantine");

  set(worker, plugin::Instance::Worker());
  set(refusal, std::string("its key was revoked"));
  row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded") << "it runs on";
  EXPECT_NE(row.reason.find("its key was revoked"), std::string::npos) << row.reason;
  EXPECT_TRUE(integrations->serving(project, "email").instance);

  set(refusal, std::string());
  EXPECT_EQ(rowOf("fake-mail").state, "healthy");
  EXPECT_TRUE(integrations->ailing().empty());
  EXPECT_TRUE(within(std::chrono::seconds(8), [&] { return stored() == "healthy"; }));
}

TEST_P(IntegrationsTest, APluginThatIsTrustedAgainServesByItself) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "one"}}, "me");
  catalog.setUsable(*mail, false, "its key was revoked");
  try {
    integrations->change(idOf("fake-mail"), std::nullopt, {{"host", "two"}}, "me");
    FAIL() << "another configuration is no way around it";
  } catch (const Problem& problem) {
    EXPECT_NE(std::string(problem.what()).find("its key was revoked"), std::string::npos);
  }
  EXPECT_EQ(integrations->change(idOf("fake-mail"), false, nullptr, "me").state, "broken");
  catalog.setUsable(*mail, true);
  integrations->change(idOf("fake-mail"), true, nullptr, "me");
  catalog.setUsable(*mail, false, "its key was revoked");
  const auto id = idOf("fake-mail");
  db().transact([&](store::Session& session) {  // as another host would
    session.execute("UPDATE plugin_instance SET config_revision = config_revision + 1 WHERE id = ?", {id});
    store::Event event;
    event.subject = "plugin_instance";
    event.id = id;
    event.change = "updated";
    session.publish(event);
  });
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return rowOf("fake-mail").state == "broken"; }));
  catalog.setUsable(*mail, true);
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return rowOf("fake-mail").state == "healthy"; }));
}

TEST_P(IntegrationsTest, AStateIsToldToOpenPages) {
  std::mutex mutex;
  std::vector<std::string> states;
  mail->start = [&](const plugin::Configuration&) { return failed(DISPATCH_ERR_UNAVAILABLE, "down"); };
  begin();
  const auto subscription = db().events().subscribe([&](const store::Event& event) {
    std::lock_guard lock(mutex);
    if (event.subject == "plugin_instance" && event.data.contains("state"))
      states.push_back(event.data["state"]);
  });
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  EXPECT_TRUE(within(std::chrono::seconds(5), [&] {
    std::lock_guard lock(mutex);
    return std::find(states.begin(), states.end(), "degraded") != states.end();
  }));
}

TEST_P(IntegrationsTest, APluginThatReconfiguresKeepsItsInstanceAnotherIsReplaced) {
  mail->reconfigure = [](const plugin::Configuration&) { return fine(); };
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "one"}}, "me");
  auto before = integrations->serving(project, "email").instance;
  integrations->change(idOf("fake-mail"), std::nullopt, {{"host", "two"}}, "me");
  EXPECT_EQ(integrations->serving(project, "email").instance, before);
  EXPECT_EQ(setting("email", "host"), "two");
  mail->reconfigure = {};
  integrations->change(idOf("fake-mail"), std::nullopt, {{"host", "three"}}, "me");
  EXPECT_NE(integrations->serving(project, "email").instance, before);
  EXPECT_EQ(setting("email", "host"), "three");
  // Whoever found it before may still call it; it ends with the last of them.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(mail->stopped, 0);
  before.reset();
  EXPECT_TRUE(within(std::chrono::seconds(2), [&] { return mail->stopped == 1; }));
}

TEST_P(IntegrationsTest, ValuesSealedWithAnotherKeyDegradeThatPluginOnly) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  integrations.reset();
  envelope = config::Envelope(config::SecretText("another key of more than 32 characters"));
  begin();
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded");
  EXPECT_NE(row.reason.find(envelope.keyId()), std::string::npos) << row.reason;
  EXPECT_EQ(rowOf("builtin-ticket").state, "healthy");
  integrations->change(row.id, std::nullopt, {{"host", "mail"}, {"password", "entered again"}}, "me");
  EXPECT_EQ(setting("email", "password"), "entered again");
}

TEST_P(IntegrationsTest, APackageThatWentAwayIsBrokenAndSaysSo) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  integrations.reset();
  catalog.remove("fake-mail");
  begin();
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "broken");
  EXPECT_NE(row.reason.find("not installed"), std::string::npos);
  EXPECT_EQ(row.configuration["password"], "**********");
}

TEST_P(IntegrationsTest, WhatTheFileDeclaresIsEnabledReadOnlyAndShowsItsLine) {
  begin(
      "plugins:\n  - plugin: fake-mail\n    configuration:\n      host: from-file\n      password: "
      "\"ENC[fake,sealed]\"\n");
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.origin, "dispatch.yaml line 2");
  EXPECT_EQ(row.state, "healthy") << row.reason;
  EXPECT_EQ(row.configuration["password"], "**********");
  EXPECT_EQ(setting("email", "host"), "from-file");
  EXPECT_EQ(setting("email", "password"), "opened for DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD");
  EXPECT_EQ(stored(row.id).find("ENC["), std::string::npos);
  const auto refusal = refusalOf([&] { integrations->change(row.id, false, nullptr, "me"); });
  EXPECT_EQ(refusal.kind(), Problem::Kind::conflict);
  EXPECT_NE(std::string(refusal.what()).find("dispatch.yaml line 2"), std::string::npos);
  EXPECT_EQ(refusalOf([&] { integrations->remove(row.id, "me"); }).kind(), Problem::Kind::conflict);
}

TEST_P(IntegrationsTest, WhatLeavesTheFileIsDisabledAndHandedBack) {
  begin("plugins:\n  - {plugin: fake-mail, configuration: {host: from-file, password: literal-secret}}\n");
  begin("");
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.origin, "database");
  EXPECT_FALSE(row.enabled);
  integrations->change(row.id, true, nullptr, "me");
  EXPECT_EQ(setting("email", "host"), "from-file");
  EXPECT_EQ(setting("email", "password"), "literal-secret");
}

TEST_P(IntegrationsTest, WhatWasEnteredBeforeTheFileIsHandedBack) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "entered"}, {"password", "entered-secret"}}, "me");
  begin("plugins:\n  - {plugin: fake-mail, configuration: {host: from-file}}\n");
  EXPECT_EQ(setting("email", "password"), "");
  begin("plugins:\n  - {plugin: fake-mail, configuration: {host: changed-in-file}}\n");
  begin("");
  EXPECT_FALSE(rowOf("fake-mail").enabled);
  integrations->change(idOf("fake-mail"), true, nullptr, "me");
  EXPECT_EQ(setting("email", "host"), "entered");
  EXPECT_EQ(setting("email", "password"), "entered-secret");
}

TEST_P(IntegrationsTest, AWrongValueInTheFileStopsTheStartWithItsLine) {
  const auto refusal = refusalOf([&] {
    begin(
        "plugins:\n  - plugin: fake-mail\n    configuration:\n      host: mail\n      port: abc\n      hots: "
        "x\n");
  });
  std::string all = refusal.what();
  for (const auto& other : refusal.others()) all += std::string("\n") + other.what();
  EXPECT_NE(all.find("dispatch.yaml line 5: plugin fake-mail: port must be a whole number"),
            std::string::npos)
      << all;
  EXPECT_NE(all.find("dispatch.yaml line 6: plugin fake-mail: hots is not known here"), std::string::npos)
      << all;
  EXPECT_NE(all.find("did you mean host?"), std::string::npos) << all;
  EXPECT_NE(std::string(refusalOf([&] {
                          begin("plugins:\n  - plugin: fake-mail\n    configuration:\n      port: 1\n");
                        }).what())
                .find("line 3: plugin fake-mail: host is required"),
            std::string::npos);
}

TEST_P(IntegrationsTest, TheFileMayLeaveOutWhatTheEnvironmentSetsAndWhatIsNotEnabled) {
  begin("plugins:\n  - {plugin: fake-mail, configuration: {port: 26, password: \"ENC[fake,sealed]\"}}\n",
        "DISPATCH_PLUGIN_FAKE_MAIL_HOST=from-env\n");
  EXPECT_EQ(setting("email", "host"), "from-env");
  begin("plugins:\n  - {plugin: fake-mail, enabled: false, configuration: {port: 26, password: }}\n");
  EXPECT_EQ(rowOf("fake-mail").state, "disabled");
  mail->installed.usable = false;  // nothing is known of its settings
  begin("plugins:\n  - {plugin: fake-mail, configuration: {port: abc}}\n");
  EXPECT_EQ(rowOf("fake-mail").state, "broken");
}

TEST_P(IntegrationsTest, AMisspeltKeyOfADeclarationIsAskedAfter) {
  const auto refusal = refusalOf([&] { begin("plugins:\n  - plugin: fake-mail\n    proyect: default\n"); });
  EXPECT_NE(std::string(refusal.what()).find("did you mean project?"), std::string::npos) << refusal.what();
}

TEST_P(IntegrationsTest, AMisspeltVariableIsWarnedOfOnce) {
  catalog.add("fake-mail-extra", "email", mailSchema);
  catalog.add("unread", "email").installed.usable = false;
  begin("",
        "DISPATCH_PLUGIN_FAKE_MAIL_HOTS=x\nDISPATCH_PLUGIN_FAKE_MAIL_EXTRA_HOST=y\n"
        "DISPATCH_PLUGIN_UNREAD_ANYTHING=z\n");
  const auto warnings = strayVariables(catalog, *settings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("DISPATCH_PLUGIN_FAKE_MAIL_HOTS"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find(".env line 1"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find("did you mean DISPATCH_PLUGIN_FAKE_MAIL_HOST?"), std::string::npos)
      << warnings[0];
}

TEST_P(IntegrationsTest, AVariableThatCannotBeDecryptedDegradesItsPluginWhoseStepsWait) {
  begin("", "DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD=ENC[fake,sealed]\n");
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  begin("", "DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD=ENC[fake,broken-marker]\n");
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded");
  for (const char* part :
       {"DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD", "secret provider fake", "no key", ".env line 1"})
    EXPECT_NE(row.reason.find(part), std::string::npos) << row.reason;
  EXPECT_EQ(row.reason.find("broken-marker"), std::string::npos);
  const auto serving = integrations->serving(project, "email");
  EXPECT_FALSE(serving.instance);
  EXPECT_EQ(serving.enablementId, row.id) << "a step would be skipped instead of waiting";
  integrations->change(idOf("builtin-ticket"), false, nullptr, "me");
  EXPECT_EQ(integrations->serving(project, "ticket").enablementId, 0) << "a step would wait for nobody";
}

TEST_P(IntegrationsTest, EverySecretOfPluginsCanBeLookedAt) {
  begin(
      "plugins:\n  - {plugin: fake-mail, configuration: {host: x, password: \"ENC[fake,broken-marker]\"}}\n",
      "DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD=ENC[fake,sealed]\nDISPATCH_PLUGIN_FAKE_MAIL_HOST=plain\n");
  const auto secrets = pluginSecrets(catalog, *settings);
  ASSERT_EQ(secrets.size(), 2u) << "a host is no secret";
  for (const auto& secret : secrets) EXPECT_EQ(secret.name, "DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD");
  EXPECT_EQ(secrets[0].stored.reveal(), "ENC[fake,sealed]");
  EXPECT_EQ(secrets[1].origin, "dispatch.yaml line 2");
  begin("");
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  auto sealed = sealedSecrets(catalog, *db().session(), envelope);
  ASSERT_EQ(sealed.size(), 1u);
  EXPECT_EQ(sealed[0].name, "fake-mail password in project default/default");
  EXPECT_EQ(sealed[0].reason, "");
  const config::Envelope other(config::SecretText("another key of more than 32 characters"));
  sealed = sealedSecrets(catalog, *db().session(), other);
  EXPECT_NE(sealed.at(0).reason.find(other.keyId()), std::string::npos) << sealed[0].reason;
}

TEST_P(IntegrationsTest, APackageThatNeverWasUsableIsListedUntilItIsGone) {
  auto& bad = catalog.add("bad-abi", "email", mailSchema);
  bad.installed.usable = false;
  bad.installed.manifest = {};
  const auto listed = [&] {
    return db().session()->one("SELECT title, digest FROM plugin WHERE slug = 'bad-abi'");
  };
  begin();
  ASSERT_TRUE(listed());
  EXPECT_EQ(listed()->text("title"), "bad-abi");
  EXPECT_EQ(integrations->list(organization, project).size(), 2u) << "no project can use it";
  begin();
  EXPECT_TRUE(listed());
  integrations.reset();
  catalog.add("bad-abi", "email", mailSchema);
  begin();
  EXPECT_FALSE(listed()->text("digest").empty());
  EXPECT_EQ(rowOf("bad-abi").state, "disabled") << "mended, it is as one seen for the first time";
  integrations.reset();
  catalog.add("worse-abi", "email").installed.usable = false;
  begin();
  integrations.reset();
  catalog.remove("worse-abi");
  begin();
  EXPECT_FALSE(db().session()->one("SELECT id FROM plugin WHERE slug = 'worse-abi'"));
}

TEST_P(IntegrationsTest, AChangedDeclarationTakesEffectAtTheNextStart) {
  begin("plugins:\n  - {plugin: fake-mail, configuration: {host: one}}\n");
  const auto before = integrations->serving(project, "email").configRevision;
  begin("plugins:\n  - {plugin: fake-mail, configuration: {host: two}}\n");
  EXPECT_EQ(setting("email", "host"), "two");
  EXPECT_GT(integrations->serving(project, "email").configRevision, before);
}

TEST_P(IntegrationsTest, ADeclarationForNobodyStopsNothing) {
  begin(
      "plugins:\n  - {plugin: nowhere-to-be-found}\n  - {plugin: fake-mail, project: nowhere, configuration: "
      "{host: x}}\n");
  EXPECT_TRUE(integrations->serving(project, "ticket").instance);
}

TEST_P(IntegrationsTest, AMistakeInADeclarationNamesItsLine) {
  const auto refusal = refusalOf([&] { begin("plugins:\n  - plugin: fake-mail\n    enabeld: true\n"); });
  EXPECT_NE(std::string(refusal.what()).find("dispatch.yaml line 2"), std::string::npos) << refusal.what();
  EXPECT_NE(std::string(refusal.what()).find("enabeld"), std::string::npos);
}

TEST_P(IntegrationsTest, ASecretThatCannotBeDecryptedDegradesThatPluginAndIsNotShown) {
  begin(
      "plugins:\n  - {plugin: fake-mail, configuration: {host: x, password: \"ENC[fake,broken-marker]\"}}\n");
  const auto row = rowOf("fake-mail");
  EXPECT_EQ(row.state, "degraded");
  EXPECT_NE(row.reason.find("cannot be decrypted"), std::string::npos);
  EXPECT_EQ(row.reason.find("broken-marker"), std::string::npos);
  EXPECT_TRUE(integrations->serving(project, "ticket").instance);
}

TEST_P(IntegrationsTest, TheEnvironmentOverridesAFieldAndItsOriginIsShown) {
  begin("",
        "DISPATCH_PLUGIN_FAKE_MAIL_HOST=from-env\nDISPATCH_PLUGIN_FAKE_MAIL_PORT=2525\nDISPATCH_PLUGIN_FAKE_"
        "MAIL_PASSWORD=ENC[fake,sealed]\n");
  const auto shown = integrations->change(idOf("fake-mail"), true, Json{{"host", "typed"}}, "me");
  EXPECT_EQ(shown.configuration["host"], "from-env");
  EXPECT_EQ(shown.configuration["password"], "**********");
  EXPECT_NE(shown.fieldOrigins.at("host").find("DISPATCH_PLUGIN_FAKE_MAIL_HOST"), std::string::npos);
  EXPECT_NE(shown.fieldOrigins.at("host").find(".env line 1"), std::string::npos)
      << shown.fieldOrigins.at("host");
  EXPECT_EQ(setting("email", "host"), "from-env");
  EXPECT_EQ(setting("email", "port"), "2525");
  EXPECT_EQ(setting("email", "password"), "opened for DISPATCH_PLUGIN_FAKE_MAIL_PASSWORD");
  EXPECT_EQ(stored(shown.id).find("from-env"), std::string::npos)
      << "the environment's value moved into the database";
}

TEST_P(IntegrationsTest, TestTriesTheUnsavedFormWithTheStoredSecret) {
  begin();
  const auto shown =
      integrations->change(idOf("fake-mail"), true, {{"host", "mail"}, {"password", "hunter2hunter2"}}, "me");
  Json form = shown.configuration;
  form["host"] = "unsaved";
  const auto outcome = integrations->test(shown.id, form, Json::object());
  EXPECT_EQ(outcome.value["summary"], "unsaved");
  EXPECT_EQ(outcome.value["secret"], "hunter2hunter2");
  EXPECT_EQ(setting("email", "host"), "mail");
  EXPECT_EQ(refusalOf([&] {
              integrations->test(shown.id, {{"host", 1}}, Json::object());
            }).kind(),
            Problem::Kind::invalid);
}

TEST_P(IntegrationsTest, ANewProjectServesAsSoonAsItIsCommitted) {
  begin();
  std::int64_t made = 0;
  db().transact([&](store::Session& session) {
    made = store::createProject(session, organization, "second");
    integrations->initProject(session, organization, made);
  });
  EXPECT_TRUE(integrations->serving(made, "ticket").instance);
  EXPECT_EQ(integrations->list(organization, made).size(), 2u);
}

TEST_P(IntegrationsTest, TheInstanceThatMadeAResourceIsFoundAfterAnotherWasEnabled) {
  catalog.add("other-ticket", "ticket");
  begin();
  const auto first = integrations->serving(project, "ticket").enablementId;
  integrations->change(idOf("other-ticket"), true, nullptr, "me");
  EXPECT_FALSE(integrations->byId(first).instance);
  EXPECT_NE(integrations->byId(first).reason.find("disabled"), std::string::npos);
  EXPECT_TRUE(integrations->byId(idOf("other-ticket")).instance);
}

TEST_P(IntegrationsTest, AuthProvidersComeFromTheSettingsInTheirOrder) {
  catalog.add("second-login", "auth-provider");
  begin("", "DISPATCH_AUTHENTICATION_PROVIDER_SLUG=second-login, fake-login, absent-login\n");
  const auto providers = integrations->authProviders();
  ASSERT_EQ(providers.size(), 3u);
  EXPECT_EQ(providers[0].instance->manifest().id, "second-login");
  EXPECT_EQ(providers[1].instance->manifest().id, "fake-login");
  EXPECT_FALSE(providers[2].instance);
  EXPECT_NE(providers[2].reason.find("not installed"), std::string::npos);
}

TEST_P(IntegrationsTest, ATrialIsSeenAndItsBeginningAndEndAreAudited) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  catalog.release("fake-mail", "1.1.0");
  const auto begun = integrations->tryOut("fake-mail", {10, false, std::chrono::hours(1)}, "ada");
  EXPECT_EQ(begun.at("version"), "1.1.0");
  EXPECT_NE(textOr(begun.at("instances").at(0), "trial").find("it answers 10 % of the calls"),
            std::string::npos);
  auto row = rowOf("fake-mail");
  EXPECT_EQ(row.trial.at("version"), "1.1.0");
  EXPECT_TRUE(row.lastTrial.is_null());
  EXPECT_EQ(row.state, "healthy");
  EXPECT_NE(row.reason.find("Version 1.1.0 is tried beside 1.0.0"), std::string::npos) << row.reason;
  EXPECT_EQ(describeRunning(*integrations->byId(row.id).instance).at("version"), "1.0.0");
  EXPECT_EQ(refusalOf([&] { integrations->reload("fake-mail", "ada"); }).kind(), Problem::Kind::conflict);
  const auto ended = integrations->endTrial("fake-mail", false, "ada");
  EXPECT_EQ(ended.at("instances").at(0).at("version"), "1.0.0");
  row = rowOf("fake-mail");
  EXPECT_TRUE(row.trial.is_null());
  EXPECT_EQ(row.lastTrial.at("result"), "rolled back");
  EXPECT_NE(row.reason.find("dispatch plugins pin fake-mail 1.0.0"), std::string::npos) << row.reason;
  EXPECT_EQ(setting("email", "host"), "mail");
  const auto audited = [&](const std::string& action) {
    return db().session()->one("SELECT id FROM audit WHERE actor = 'ada' AND action = ?", {action});
  };
  EXPECT_TRUE(audited("plugin.trial_started"));
  EXPECT_TRUE(within(std::chrono::seconds(20), [&] { return audited("plugin.trial_ended").has_value(); }));
  EXPECT_EQ(refusalOf([&] { integrations->endTrial("fake-mail", true, "ada"); }).kind(),
            Problem::Kind::notFound);
}

TEST_P(IntegrationsTest, AServerThatStopsEndsATrialAndSaysSo) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "me");
  auto& next = catalog.release("fake-mail", "1.1.0");
  integrations->tryOut("fake-mail", {10, true, std::chrono::hours(1)}, "ada");
  integrations->stop();
  EXPECT_EQ(mail->stopped, 1);
  EXPECT_EQ(next.stopped, 1);
  const auto ended =
      db().session()->one("SELECT actor, details FROM audit WHERE action = 'plugin.trial_ended'");
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->text("actor"), "the server");
  EXPECT_NE(ended->text("details").find("the server is being stopped"), std::string::npos);
}

TEST_P(IntegrationsTest, WhatServesTheWholeHostCannotBeTriedAndAPlanHasBounds) {
  begin();
  const auto refusal = refusalOf([&] {
    integrations->tryOut("fake-login", {10, false, std::chrono::hours(1)}, "ada");
  });
  EXPECT_EQ(refusal.kind(), Problem::Kind::invalid);
  EXPECT_NE(std::string(refusal.what()).find("dispatch plugins reload fake-login"), std::string::npos);
  EXPECT_EQ(refusalOf([&] {
              integrations->tryOut("builtin-ticket", {100, false, std::chrono::hours(1)}, "ada");
            }).kind(),
            Problem::Kind::invalid);
}

TEST_P(IntegrationsTest, EveryChangeIsAudited) {
  begin();
  integrations->change(idOf("fake-mail"), true, {{"host", "mail"}}, "ada@example.com");
  integrations->change(idOf("fake-mail"), false, nullptr, "ada@example.com");
  std::vector<std::string> actions;
  for (const auto& row :
       db().session()->query("SELECT action FROM audit WHERE actor = 'ada@example.com' ORDER BY id"))
    actions.push_back(row.text("action"));
  EXPECT_EQ(actions, (std::vector<std::string>{"plugin.enable", "plugin.disable"}));
}

}  // namespace

}  // namespace dispatch::integrations
