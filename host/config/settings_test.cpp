#include "config/config.hpp"

#include "base/problem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

extern char** environ;

namespace dispatch::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// A configuration directory of its own, and an environment in which nothing of ours is set.
class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "dispatch-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    _directory = pattern;
    std::vector<std::string> ours;
    for (char** entry = environ; *entry; ++entry) {
      const std::string text = *entry;
      if (text.starts_with("DISPATCH_") || text.starts_with("DATABASE_") || text.starts_with("VITE_") ||
          text.starts_with("LOG_") || text.starts_with("SECRET_") || text.starts_with("STATIC_"))
        ours.push_back(text.substr(0, text.find('=')));
    }
    for (const auto& name : ours) hide(name);
  }
  void TearDown() override {
    for (const auto& [name, value] : _before) {
      if (value)
        ::setenv(name.c_str(), value->c_str(), 1);
      else
        ::unsetenv(name.c_str());
    }
    std::filesystem::remove_all(_directory);
  }

  void hide(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    _before.emplace(name, value ? std::optional<std::string>(value) : std::nullopt);
    ::unsetenv(name.c_str());
  }
  void environment(const std::string& name, const std::string& value) {
    hide(name);
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = _directory + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
    return path;
  }
  Paths paths() const {
    Paths paths = Paths::under("/opt/dispatch");
    paths.etc = _directory;
    return paths;
  }
  Settings load(const std::map<std::string, std::string>& commandLine = {}) const {
    return Settings::load(paths(), commandLine);
  }
  std::string refusal(const std::map<std::string, std::string>& commandLine = {}) const {
    try {
      load(commandLine);
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.kind(), Problem::Kind::invalid);
      return problem.what();
    }
    ADD_FAILURE() << "was not refused";
    return "";
  }

  std::string _directory;
  std::map<std::string, std::optional<std::string>> _before;
};

SecretText asStored(const std::string&, const std::string& stored) { return SecretText(stored); }

}  // namespace

TEST_F(SettingsTest, StartsWithDefaultsWhereNothingIsGiven) {
  const Settings settings = load();
  EXPECT_EQ(settings.text("DISPATCH_HOST"), "127.0.0.1");
  EXPECT_EQ(settings.integer("DISPATCH_PORT"), 8000);
  EXPECT_TRUE(settings.boolean("DISPATCH_AUTH_REGISTRATION_ENABLED"));
  EXPECT_THAT(settings.list("DISPATCH_AUTHENTICATION_PROVIDER_SLUG"),
              ElementsAre("dispatch-auth-provider-basic"));
  EXPECT_TRUE(settings.secret("DISPATCH_ENCRYPTION_KEY").empty());
  EXPECT_FALSE(settings.has("DATABASE_HOSTNAME"));
  EXPECT_FALSE(settings.has("DISPATCH_PORT"));
  EXPECT_EQ(settings.origin("DISPATCH_PORT").source, "default");
  EXPECT_EQ(settings.yaml(), Json::object());
  EXPECT_THAT(settings.warnings(), IsEmpty());
}

TEST_F(SettingsTest, CommandLineOverEnvironmentOverEnvFileOverYamlOverDefault) {
  const auto portAndOrigin = [this](const std::map<std::string, std::string>& commandLine = {}) {
    const Settings settings = load(commandLine);
    return std::pair(settings.integer("DISPATCH_PORT"), settings.origin("DISPATCH_PORT").source);
  };
  file("dispatch.yaml", "settings:\n  LOG_LEVEL: DEBUG\n  DISPATCH_PORT: 1001\n");
  EXPECT_EQ(portAndOrigin(), std::pair(std::int64_t{1001}, _directory + "/dispatch.yaml line 3"));
  file(".env", "# port\nDISPATCH_PORT=1002\n");
  EXPECT_EQ(portAndOrigin(), std::pair(std::int64_t{1002}, _directory + "/.env line 2"));
  environment("DISPATCH_PORT", "1003");
  EXPECT_EQ(portAndOrigin(), std::pair(std::int64_t{1003}, std::string("environment")));
  EXPECT_EQ(portAndOrigin({{"DISPATCH_PORT", "1004"}}),
            std::pair(std::int64_t{1004}, std::string("command line")));
}

TEST_F(SettingsTest, AcceptsTheOriginalsOtherNames) {
  file(".env", "VITE_DISPATCH_AUTH_REGISTRATION_ENABLED=\"false\"\nSTATIC_DIR=\n");
  const Settings settings = load();
  EXPECT_FALSE(settings.boolean("DISPATCH_AUTH_REGISTRATION_ENABLED"));
  EXPECT_EQ(settings.text("DISPATCH_WEB_DIR"), "");
  EXPECT_EQ(settings.paths().web, "");
  EXPECT_THAT(settings.warnings(), IsEmpty());
}

TEST_F(SettingsTest, AnEmptyValueHidesTheSourcesBelow) {
  file(".env", "DATABASE_HOSTNAME=db.example\nDISPATCH_PORT=9000\n");
  environment("DATABASE_HOSTNAME", "");
  environment("DISPATCH_PORT", "");
  const Settings settings = load();
  EXPECT_FALSE(settings.has("DATABASE_HOSTNAME"));
  EXPECT_EQ(settings.integer("DISPATCH_PORT"), 8000);
}

TEST_F(SettingsTest, SplitsListsAtCommas) {
  environment("DISPATCH_TRUSTED_PROXIES", " 10.0.0.1 ,, 192.168.0.0/16,");
  EXPECT_THAT(load().list("DISPATCH_TRUSTED_PROXIES"), ElementsAre("10.0.0.1", "192.168.0.0/16"));
  hide("DISPATCH_TRUSTED_PROXIES");
  file("dispatch.yaml", "settings:\n  DISPATCH_TRUSTED_PROXIES: [10.0.0.1, '::1']\n");
  EXPECT_THAT(load().list("DISPATCH_TRUSTED_PROXIES"), ElementsAre("10.0.0.1", "::1"));
}

TEST_F(SettingsTest, RefusesAWrongTypeWithItsOrigin) {
  file(".env", "\nDISPATCH_PORT=80o0\n");
  EXPECT_THAT(refusal(), AllOf(StartsWith("DISPATCH_PORT (" + _directory +
                                          "/.env line 2): expected a whole number from 0 to 65535"),
                               HasSubstr("\"80o0\""), HasSubstr("default 8000")));
  file(".env", "DISPATCH_PORT=70000\n");
  EXPECT_THAT(refusal(), HasSubstr("from 0 to 65535"));
  file(".env", "DISPATCH_AUTH_REGISTRATION_ENABLED=maybe\n");
  EXPECT_THAT(refusal(), HasSubstr("expected true or false, found \"maybe\""));
  file(".env", "DISPATCH_JWT_ALG=none\n");
  EXPECT_THAT(refusal(), HasSubstr("one of HS256, HS384, HS512"));
  file(".env", "DISPATCH_UI_URL=dispatch.example.com\n");
  EXPECT_THAT(refusal(), HasSubstr("http:// or https://"));
  file(".env", "DISPATCH_DATA_DIR=\n");
  EXPECT_THAT(refusal(), HasSubstr("expected a directory"));
}

TEST_F(SettingsTest, PeopleComeToWhereTheServerListensUntilSomebodySaysOtherwise) {
  EXPECT_EQ(load().text("DISPATCH_UI_URL"), "http://127.0.0.1:8000");
  file(".env", "DISPATCH_PORT=8443\nDISPATCH_HOST=::1\n");
  EXPECT_EQ(load().text("DISPATCH_UI_URL"), "http://[::1]:8443");
  file(".env", "DISPATCH_PORT=8443\nDISPATCH_HOST=0.0.0.0\n");
  EXPECT_EQ(load().text("DISPATCH_UI_URL"), "http://127.0.0.1:8443");
  file(".env", "DISPATCH_PORT=8443\nDISPATCH_UI_URL=https://dispatch.example.com\n");
  EXPECT_EQ(load().text("DISPATCH_UI_URL"), "https://dispatch.example.com");
  file(".env", "DISPATCH_UI_URL=https://example.com/dispatch//\n");
  EXPECT_EQ(load().text("DISPATCH_UI_URL"), "https://example.com/dispatch") << "a path is put behind it";
}

TEST_F(SettingsTest, TakesChoicesInAnyCase) {
  environment("LOG_LEVEL", "debug");
  environment("DISPATCH_LOG_FORMAT", "JSON");
  environment("DISPATCH_SAFE_MODE", "On");
  const Settings settings = load();
  EXPECT_EQ(settings.text("LOG_LEVEL"), "DEBUG");
  EXPECT_EQ(settings.text("DISPATCH_LOG_FORMAT"), "json");
  EXPECT_TRUE(settings.boolean("DISPATCH_SAFE_MODE"));
}

TEST_F(SettingsTest, WarnsOfUnknownNamesWithTheNearestKnownOne) {
  file(".env",
       "DATABASE_HOST=db\nENV=prod\nDISPATCH_CONFIG_DIR=/x\nDISPATCH_PLUGIN_DIR=/"
       "y\nDISPATCH_PLUGIN_SMTP_HOST=m\n");
  environment("DISPATCH_PROT", "1");
  environment("DISPATCH_TEST_POSTGRESQL", "host=x");
  environment("UNRELATED", "1");
  const auto warnings = load().warnings();
  EXPECT_THAT(warnings, Contains("DATABASE_HOST (" + _directory +
                                 "/.env line 1) is not a setting - did you mean DATABASE_HOSTNAME?"));
  EXPECT_THAT(warnings, Contains(AllOf(StartsWith("ENV ("), HasSubstr("original Dispatch"))));
  EXPECT_THAT(warnings, Contains(AllOf(StartsWith("DISPATCH_CONFIG_DIR ("), HasSubstr("no effect here"))));
  EXPECT_THAT(warnings,
              Contains(AllOf(StartsWith("DISPATCH_PLUGIN_DIR ("), HasSubstr("DISPATCH_PLUGIN_DIRS"))));
  EXPECT_THAT(warnings,
              Contains("DISPATCH_PROT (environment) is not a setting - did you mean DISPATCH_PORT?"));
  EXPECT_EQ(warnings.size(), 5u) << ::testing::PrintToString(warnings);
}

TEST_F(SettingsTest, WarnsOfAnEnvFileThatOthersMayRead) {
  ::chmod(file(".env", "LOG_LEVEL=INFO\n").c_str(), 0644);
  EXPECT_THAT(load().warnings(), ElementsAre(HasSubstr("chmod o-rwx")));
}

TEST_F(SettingsTest, RefusesAnUnknownSettingOnTheCommandLine) {
  EXPECT_THAT(refusal({{"DISPATCH_PROT", "1"}}), HasSubstr("did you mean DISPATCH_PORT?"));
}

TEST_F(SettingsTest, NamesFileAndLineOfAGarbledFile) {
  file(".env", "LOG_LEVEL=INFO\nwhat is this\n");
  EXPECT_THAT(refusal(), StartsWith(_directory + "/.env:2:"));
  std::filesystem::remove(_directory + "/.env");
  file("dispatch.yaml", "settings:\n  A: 1\n  A: 2\n");
  EXPECT_THAT(refusal(), StartsWith(_directory + "/dispatch.yaml:3:"));
}

TEST_F(SettingsTest, RefusesAFileThatCannotBeRead) {
  std::filesystem::create_directory(_directory + "/.env");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(_directory + "/.env"), HasSubstr("a directory")));
}

TEST_F(SettingsTest, RefusesAWrongShapeOfYamlWithItsLine) {
  file("dispatch.yaml", "settings: {}\nplugins:\n  smtp: {}\n");
  EXPECT_THAT(refusal(),
              StartsWith(_directory + "/dispatch.yaml:2: expected a list under plugins, found object"));
  file("dispatch.yaml", "settings:\n  DISPATCH_PORT: {a: 1}\n");
  EXPECT_THAT(refusal(), HasSubstr("dispatch.yaml:2: expected a plain value or a list for DISPATCH_PORT"));
  file("dispatch.yaml", "settings:\n  DISPATCH_TRUSTED_PROXIES: [[a]]\n");
  EXPECT_THAT(refusal(), HasSubstr("dispatch.yaml:2: expected a list of plain values"));
  file("dispatch.yaml", "settings:\n  DISPATCH_PORT: many\n");
  EXPECT_THAT(refusal(), HasSubstr("DISPATCH_PORT (" + _directory + "/dispatch.yaml line 2)"));
}

TEST_F(SettingsTest, WarnsOfUnknownKeysOfYaml) {
  file("dispatch.yaml", "plugin: []\nsettings:\n  DISPATCH_PROT: 1\n");
  EXPECT_THAT(
      load().warnings(),
      ElementsAre(
          _directory + "/dispatch.yaml:1: plugin is not a key of dispatch.yaml - did you mean plugins?",
          "DISPATCH_PROT (" + _directory +
              "/dispatch.yaml line 3) is not a setting - did you mean DISPATCH_PORT?"));
}

TEST_F(SettingsTest, GivesYamlAndItsLines) {
  file("dispatch.yaml", "plugins:\n  - plugin: smtp-email\n    enabled: true\n");
  const Settings settings = load();
  EXPECT_EQ(settings.yaml()["plugins"][0]["plugin"], "smtp-email");
  EXPECT_EQ(settings.yamlLine("/plugins/0"), 2);
  EXPECT_EQ(settings.yamlLine("/plugins/0/enabled"), 3);
  EXPECT_FALSE(settings.yamlLine("/nothing"));
}

TEST_F(SettingsTest, ReadsASecretFromTheFileThatNAME_FILENames) {
  const std::string path = file("jwt", "file-secret\r\n");
  environment("DISPATCH_JWT_SECRET_FILE", path);
  const Settings settings = load();
  EXPECT_TRUE(settings.secret("DISPATCH_JWT_SECRET").equals("file-secret"));
  EXPECT_EQ(settings.origin("DISPATCH_JWT_SECRET").source,
            path + " (DISPATCH_JWT_SECRET_FILE (environment))");
}

TEST_F(SettingsTest, RefusesNAME_FILEWithoutAFileOrBesideNAME) {
  environment("DISPATCH_JWT_SECRET_FILE", _directory + "/absent");
  EXPECT_THAT(refusal(), AllOf(StartsWith("DISPATCH_JWT_SECRET_FILE (environment)"),
                               HasSubstr(_directory + "/absent"), HasSubstr("no such file")));
  environment("DISPATCH_JWT_SECRET", "marker-hunter2");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("found both"), Not(HasSubstr("hunter2"))));
}

TEST_F(SettingsTest, ResolvesEverySecretThroughTheProvider) {
  file(".env",
       "DISPATCH_ENCRYPTION_KEY=ENC[sodium,abc]\nDISPATCH_JWT_SECRET=plain-one\nDATABASE_CREDENTIALS=ENC["
       "sodium,db]\n");
  Settings settings = load();
  EXPECT_TRUE(settings.secret("DISPATCH_ENCRYPTION_KEY").equals("ENC[sodium,abc]"));
  std::set<std::string> asked;
  settings.resolveSecrets([&](const std::string& name, const std::string& stored) {
    asked.insert(name + "=" + stored);
    return SecretText("opened:" + stored);
  });
  // Without DATABASE_HOSTNAME nobody reads the credentials.
  EXPECT_EQ(asked, (std::set<std::string>{"DISPATCH_ENCRYPTION_KEY=ENC[sodium,abc]",
                                          "DISPATCH_JWT_SECRET=plain-one"}));
  EXPECT_TRUE(settings.secret("DISPATCH_ENCRYPTION_KEY").equals("opened:ENC[sodium,abc]"));

  environment("DATABASE_HOSTNAME", "db.example");
  Settings withDatabase = load();
  withDatabase.resolveSecrets(
      [](const std::string&, const std::string& stored) { return SecretText("opened:" + stored); });
  EXPECT_TRUE(withDatabase.secret("DATABASE_CREDENTIALS").equals("opened:ENC[sodium,db]"));
}

TEST_F(SettingsTest, LetsTheProvidersRefusalThrough) {
  file(".env", "DISPATCH_ENCRYPTION_KEY=ENC[sodium,abc]\n");
  Settings settings = load();
  EXPECT_THROW(settings.resolveSecrets([](const std::string&, const std::string&) -> SecretText {
    throw Problem(Problem::Kind::invalid, "wrong key");
  }),
               Problem);
}

TEST_F(SettingsTest, RefusesPlaceholdersAsSecrets) {
  for (const char* value : {"REPLACE_ME_WITH_A_KEY", "changeme", "<your key>", "xxxxxxxx", "NJHDWDJ3PbHT8h",
                            "Change-Me-please"}) {
    file(".env", "\nDISPATCH_ENCRYPTION_KEY='" + std::string(value) + "'\n");
    Settings settings = load();
    try {
      settings.resolveSecrets(asStored);
      ADD_FAILURE() << value << " was accepted";
    } catch (const Problem& problem) {
      EXPECT_THAT(
          problem.what(),
          AllOf(StartsWith("DISPATCH_ENCRYPTION_KEY (" + _directory + "/.env line 2)"),
                HasSubstr("./install.sh"), HasSubstr("dispatch secret generate"), Not(HasSubstr(value))));
    }
  }
  for (const char* text : {"DATABASE_HOSTNAME=db\nDATABASE_CREDENTIALS=dispatch:REPLACE_ME\n",
                           "DISPATCH_PLUGIN_SODIUM_KEY=REPLACE_WITH_X25519_SECRET_KEY_IN_BASE64\n"}) {
    file(".env", text);
    Settings settings = load();
    EXPECT_THROW(settings.resolveSecrets(asStored), Problem) << text;
  }
}

TEST_F(SettingsTest, TakesARealKeyForNoPlaceholder) {
  file(".env", "DISPATCH_ENCRYPTION_KEY=kq3Xx0VxZsYw1hT7u2Pn5RbLcGdEaFmJ\n");
  Settings settings = load();
  EXPECT_NO_THROW(settings.resolveSecrets(asStored));
}

TEST_F(SettingsTest, CutsCredentialsAtTheFirstColon) {
  const Credentials both = splitCredentials(SecretText("dispatch:pa:ss:"));
  EXPECT_EQ(both.user, "dispatch");
  EXPECT_TRUE(both.password.equals("pa:ss:"));
  EXPECT_EQ(splitCredentials(SecretText("dispatch")).user, "dispatch");
  EXPECT_TRUE(splitCredentials(SecretText("dispatch")).password.empty());
  EXPECT_EQ(splitCredentials(SecretText()).user, "");
}

TEST_F(SettingsTest, FindsAPluginsFieldsByItsId) {
  const std::string path = file("password", "from-file\n");
  file(".env", "DISPATCH_PLUGIN_DISPATCH_SMTP_PORT=587\nDISPATCH_PLUGIN_DISPATCH_SMTP_HOST=env-file\n");
  environment("DISPATCH_PLUGIN_DISPATCH_SMTP_HOST", "mail.example");
  environment("DISPATCH_PLUGIN_DISPATCH_SMTP_PASSWORD_FILE", path);
  environment("DISPATCH_PLUGIN_OTHER_HOST", "x");
  environment("DISPATCH_PLUGIN_DIRS", "/plugins");
  const auto fields = load().pluginFields("dispatch-smtp");
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_TRUE(fields.at("host").first.equals("mail.example"));
  EXPECT_EQ(fields.at("host").second.source, "environment");
  EXPECT_TRUE(fields.at("port").first.equals("587"));
  EXPECT_EQ(fields.at("port").second.source, _directory + "/.env line 1");
  EXPECT_TRUE(fields.at("password").first.equals("from-file"));
}

TEST_F(SettingsTest, PutsDirectoriesWhereTheyWereAskedFor) {
  file(
      ".env",
      "DISPATCH_DATA_DIR=data/\nDISPATCH_LOG_DIR=/var/log/mine/../ours\nDISPATCH_PLUGIN_DIRS=extra,/opt/p\n");
  const Settings settings = load();
  EXPECT_EQ(settings.paths().var, _directory + "/data");
  EXPECT_EQ(settings.paths().log, "/var/log/ours");
  EXPECT_EQ(settings.paths().run, "/opt/dispatch/var/run/dispatch");
  EXPECT_THAT(settings.list("DISPATCH_PLUGIN_DIRS"), ElementsAre(_directory + "/extra", "/opt/p"));
  EXPECT_EQ(settings.text("DISPATCH_CONTRACTS_DIR"), "/opt/dispatch/share/dispatch/contracts");
  EXPECT_EQ(settings.paths().packages, _directory + "/data/packages");
}

TEST_F(SettingsTest, FindsPluginsWhereTheInstallationAndWhereTheCommandPutThem) {
  file(".env", "DISPATCH_DATA_DIR=data\n");
  EXPECT_THAT(load().list("DISPATCH_PLUGIN_DIRS"),
              ElementsAre("/opt/dispatch/lib/dispatch/plugins", _directory + "/data/packages"));
}

TEST_F(SettingsTest, DescribesEverySettingAndNoSecret) {
  file("dispatch.yaml", "settings:\n  DISPATCH_JWT_SECRET: marker-yaml\n");
  file(".env",
       "DISPATCH_ENCRYPTION_KEY=marker-env\nDISPATCH_PLUGIN_SMTP_PASSWORD=marker-plugin\nDISPATCH_PORT="
       "8001\n");
  Settings settings = load();
  settings.resolveSecrets(asStored);
  const Json described = settings.describe();
  EXPECT_EQ(described.size(), config::settings().size() + 1);
  const std::string all = described.dump() + settings.yaml().dump();
  EXPECT_THAT(all, Not(HasSubstr("marker")));
  for (const Json& setting : described) {
    if (setting["name"] == "DISPATCH_PORT") {
      EXPECT_EQ(setting["value"], "8001");
      EXPECT_EQ(setting["origin"], _directory + "/.env line 3");
    }
    if (setting["name"] == "DISPATCH_ENCRYPTION_KEY") {
      EXPECT_EQ(setting["value"], "**********");
    }
    if (setting["name"] == "DATABASE_CREDENTIALS") {
      EXPECT_EQ(setting["value"], "");
    }
    EXPECT_FALSE(setting["description"].get<std::string>().empty());
  }
  EXPECT_TRUE(settings.secret("DISPATCH_JWT_SECRET").equals("marker-yaml"));
}

TEST_F(SettingsTest, ForgetsSecretsOfTheEnvironment) {
  environment("DISPATCH_JWT_SECRET", "marker-jwt");
  environment("DISPATCH_PLUGIN_SMTP_PASSWORD", "marker-plugin");
  environment("DISPATCH_PLUGIN_DIRS", "/p");
  environment("DISPATCH_PORT", "8001");
  const char* memory = std::getenv("DISPATCH_JWT_SECRET");
  const Settings settings = load();
  Settings::forgetEnvironment();
  EXPECT_EQ(std::string(memory, 10), std::string(10, '\0'));
  EXPECT_EQ(std::getenv("DISPATCH_JWT_SECRET"), nullptr);
  EXPECT_EQ(std::getenv("DISPATCH_PLUGIN_SMTP_PASSWORD"), nullptr);
  EXPECT_STREQ(std::getenv("DISPATCH_PORT"), "8001");
  EXPECT_STREQ(std::getenv("DISPATCH_PLUGIN_DIRS"), "/p");
  EXPECT_TRUE(settings.secret("DISPATCH_JWT_SECRET").equals("marker-jwt"));
}

TEST_F(SettingsTest, AskingWronglyIsAnErrorOfTheProgram) {
  const Settings settings = load();
  EXPECT_THROW(settings.text("NO_SUCH"), std::logic_error);
  EXPECT_THROW(settings.text("DISPATCH_JWT_SECRET"), std::logic_error);
  EXPECT_THROW(settings.secret("DISPATCH_PORT"), std::logic_error);
  EXPECT_THROW(settings.integer("DISPATCH_HOST"), std::logic_error);
}

TEST(KnownSettings, HaveNamesOnceAndDefaultsThatPassTheirOwnCheck) {
  std::set<std::string> names;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    for (const auto& alias : setting.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_FALSE(setting.name.ends_with("_FILE")) << setting.name;
    if (setting.kind != Setting::Kind::integer) continue;
    EXPECT_GE(std::stoll(setting.defaultText), setting.least) << setting.name;
    EXPECT_LE(std::stoll(setting.defaultText), setting.most) << setting.name;
  }
  for (const auto& name : settingsWithoutEffect()) EXPECT_FALSE(names.contains(name)) << name;
}

TEST_F(SettingsTest, PathsFollowThePrefix) {
  EXPECT_EQ(Paths::under("/opt/dispatch").etc, "/opt/dispatch/etc/dispatch");
  EXPECT_EQ(Paths::under("/opt/dispatch").web, "/opt/dispatch/share/dispatch/web");
  EXPECT_EQ(Paths::under("/usr").var, "/var/lib/dispatch");
  EXPECT_EQ(Paths::under("/usr").plugins, "/usr/lib/dispatch/plugins");
}

TEST_F(SettingsTest, PathsTakeAnExplicitConfigurationDirectory) {
  EXPECT_EQ(Paths::discover(_directory + "/").etc, _directory);
  environment("DISPATCH_CONFIG_DIR", _directory);
  EXPECT_EQ(Paths::discover(std::nullopt).etc, _directory);
  EXPECT_EQ(Paths::discover("/tmp").etc, "/tmp");
  EXPECT_THROW(Paths::discover(_directory + "/absent"), Problem);
  hide("DISPATCH_CONFIG_DIR");
  const Paths paths = Paths::discover(std::nullopt);
  EXPECT_EQ(paths.etc, paths.prefix + "/etc/dispatch");
  EXPECT_FALSE(paths.prefix.empty());
}

}  // namespace dispatch::config
