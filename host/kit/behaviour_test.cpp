#include "kit/behaviour.hpp"
#include "base/base.hpp"
#include "kit/files.hpp"
#include "kit/output.hpp"
#include "kit/signing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

namespace dispatch::kit {
namespace {

class BehaviourTest : public ::testing::Test {
 protected:
  BehaviourTest() { ::setenv("XDG_CONFIG_HOME", directory.path().c_str(), 1); }

  /// A package of a test library of the plugin room, not signed.
  std::string package(const std::string& library, const std::string& id, const std::string& type = "ticket",
                      const std::string& libraries = DISPATCH_TEST_LIBRARIES,
                      const Json& schema = {{"type", "object"}, {"properties", Json::object()}}) {
    const auto path = directory.path() + '/' + id;
    const auto bytes = readFile(libraries + "/lib" + library + ".so");
    const auto name = "lib" + id + ".so";
    std::filesystem::create_directories(path);
    writeFile(path + '/' + name, bytes);
    const Json manifest{{"id", id},
                        {"title", "Test plugin"},
                        {"description", "For the tests of the kit"},
                        {"version", "1.0.0"},
                        {"type", type},
                        {"abi", "1"},
                        {"author", "Dispatch"},
                        {"license", "Apache-2.0"},
                        {"library", name},
                        {"files", {{name, digestHex(bytes)}}},
                        {"timeout_ms", 2000},
                        {"configuration", schema}};
    writeFile(path + "/plugin.json", manifest.dump());
    return path;
  }

  /// check [home] -> its finding
  std::map<std::string, Verdict> checked(const std::string& path, CheckOptions options = {}) {
    std::map<std::string, Verdict> all;
    report = checkPlugin(equipment, path, options);
    for (const auto& finding : report.findings)
      all[finding.check + (finding.home.empty() ? "" : ' ' + finding.home)] = finding.verdict;
    return all;
  }

  const TemporaryDirectory directory;
  const Equipment equipment{DISPATCH_CONTRACTS, DISPATCH_TEMPLATES, DISPATCH_WORKER_PROGRAM, "", ""};
  Report report;
};

TEST_F(BehaviourTest, EveryCheckHasAPromise) {
  std::set<std::string_view> names;
  for (const auto& check : behaviourChecks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_FALSE(check.promise.empty()) << check.name;
  }
}

class OwnPlugins : public BehaviourTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(OwnPlugins, Pass) {
  checked(std::string(DISPATCH_TEST_PACKAGES "/") + GetParam());
  for (const auto& finding : report.findings)
    EXPECT_NE(finding.verdict.state, Verdict::State::failed)
        << finding.check << ' ' << finding.home << ": " << finding.verdict.sentence;
}

INSTANTIATE_TEST_SUITE_P(All, OwnPlugins,
                         ::testing::Values("dispatch-ticket", "smtp-email", "sodium",
                                           "dispatch-auth-provider-basic"));

TEST_F(BehaviourTest, WhatIsNotSignedIsNoFailureUnlessASignatureIsRequired) {
  const auto path = package("tiny", "tiny");
  CheckOptions options;
  options.only = {"signed", "loads"};
  auto found = checked(path, options);
  EXPECT_EQ(found.at("signed").state, Verdict::State::skipped);
  EXPECT_NE(found.at("signed").sentence.find("dispatch-plugin sign " + path), std::string::npos);
  EXPECT_EQ(found.at("loads worker").state, Verdict::State::ok) << found.at("loads worker").sentence;
  options.requireSignature = true;
  EXPECT_EQ(checked(path, options).at("signed").state, Verdict::State::failed);
}

TEST_F(BehaviourTest, OnesOwnSignatureIsGood) {
  const auto path = package("tiny", "tiny");
  const auto done = signPackage(equipment, path, {});
  EXPECT_EQ(done.at("made"), true);
  EXPECT_EQ(std::filesystem::status(developmentKeyPath()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_NE(done.at("trust").get<std::string>().find("dispatch plugins trust add RW"), std::string::npos);
  CheckOptions options;
  options.only = {"signature", "key-ids"};
  options.requireSignature = true;
  EXPECT_EQ(checked(path, options).at("signature").state, Verdict::State::ok);
  EXPECT_EQ(signPackage(equipment, path, {}).at("made"), false);
}

TEST_F(BehaviourTest, WhatCannotBeSignedIsNamedAsItWasGiven) {
  const auto refused = [&](const std::string& path) -> std::string {
    try {
      signPackage(equipment, path, {});
      return "";
    } catch (const Problem& problem) {
      return problem.what();
    }
  };
  const auto missing = directory.path() + "/nosuch", empty = directory.path() + "/empty";
  EXPECT_EQ(refused(missing).find("Nothing was signed: " + missing + " cannot be read: No such file"), 0u)
      << refused(missing);
  std::filesystem::create_directory(empty);
  EXPECT_EQ(
      refused(empty).find("Nothing was signed. Check \"files\" failed: " + empty + " has no plugin.json"), 0u)
      << refused(empty);
}

TEST_F(BehaviourTest, ACheckThatIsUnknownIsTwoSentences) {
  CheckOptions options;
  options.only = {"nosuch"};
  try {
    checked(package("tiny", "tiny"), options);
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_STREQ(problem.what(), "There is no check \"nosuch\". dispatch-plugin checks lists them.");
  }
}

TEST_F(BehaviourTest, AManifestOfAnyBytesIsToldInText) {
  const auto path = package("tiny", "tiny");
  writeFile(path + "/plugin.json", "\xfe\x80\x1b[31m\xff");
  const auto sentence = checked(path).at("manifest").sentence;
  EXPECT_NE(sentence.find("plugin.json is not valid JSON"), std::string::npos) << sentence;
  EXPECT_TRUE(isUtf8(sentence)) << sentence;
}

TEST_F(BehaviourTest, NoDirectoryIsMadeForWhatIsWritten) {
  const auto missing = directory.path() + "/nosuch";
  for (const auto& write : std::vector<std::function<void()>>{
           [&] { writeFile(missing + "/x", ""); },
           [&] { generateKey(missing + "/x.key"); },
           [&] {
             ReportFiles{"", missing + "/x.xml", ""}.needSound();
           },
       }) {
    try {
      write();
      ADD_FAILURE();
    } catch (const Problem& problem) {
      EXPECT_NE(std::string(problem.what()).find("there is no directory " + missing), std::string::npos)
          << problem.what();
    }
  }
  EXPECT_FALSE(std::filesystem::exists(missing));
}

TEST_F(BehaviourTest, EachReportHasAFileOfItsOwn) {
  for (const auto& files : {ReportFiles{"-", "-", ""}, ReportFiles{"", "x", "x"}})
    EXPECT_THROW(files.needSound(), Problem);
  for (const auto& files : {ReportFiles{"-", "x", "y"}, ReportFiles{"", "", ""}})
    EXPECT_NO_THROW(files.needSound());
}

TEST_F(BehaviourTest, AnUnsoundPackageIsNotSigned) {
  const auto path = package("tiny", "tiny");
  writeFile(path + "/extra.txt", "not listed");
  EXPECT_THROW(signPackage(equipment, path, {}), Problem);
  EXPECT_FALSE(std::filesystem::exists(path + "/plugin.json.minisig"));
  EXPECT_EQ(checked(path).at("unlisted").state, Verdict::State::failed);
}

TEST_F(BehaviourTest, AMissingMethodIsNamed) {
  const auto path = package("tiny", "tiny");
  const auto found = checked(path);
  EXPECT_EQ(found.at("contract worker").state, Verdict::State::failed);
  EXPECT_NE(found.at("contract worker").sentence.find("must have create, update"), std::string::npos)
      << found.at("contract worker").sentence;
}

/// A defect of testing/misbehaves.c, the check that finds it where, and a part of what it says.
struct Defect {
  const char *name, *check, *home, *says;
};

class FindsDefect : public BehaviourTest, public ::testing::WithParamInterface<Defect> {};

TEST_P(FindsDefect, AndNamesIt) {
  const auto& defect = GetParam();
  const Json schema{{"type", "object"}, {"properties", {{"defect", {{"type", "string"}}}}}};
  const auto path = package("misbehaves", "misbehaves", "ticket", DISPATCH_KIT_LIBRARIES, schema);
  CheckOptions options;
  options.only = {defect.check};
  options.home = defect.home;
  options.limit = std::chrono::seconds(20);
  for (const auto& finding : (checked(path, options), report.findings))
    EXPECT_NE(finding.verdict.state, Verdict::State::failed)
        << "without the defect: " << finding.verdict.sentence;
  options.configuration = {{"defect", defect.name}};
  const auto found = checked(path, options).at(std::string(defect.check) + ' ' + defect.home);
  EXPECT_EQ(found.state, Verdict::State::failed) << found.sentence;
  EXPECT_NE(found.sentence.find(defect.says), std::string::npos) << found.sentence;
}

INSTANTIATE_TEST_SUITE_P(
    All, FindsDefect,
    ::testing::Values(
        Defect{"silent-create", "create", "worker", "refused"},
        Defect{"one-instance", "side-by-side", "process", "refused"},
        Defect{"one-start", "restart", "worker", "Start number 2 fails: It was started before."},
        Defect{"crash", "answers", "process", "crashed by signal 6"},
        Defect{"crash", "answers", "worker", "its worker crashed in create"},
        Defect{"exit", "answers", "process", "left its process with exit code 3"},
        Defect{"exit", "answers", "worker", "its worker left in create"},
        Defect{"hang", "answers", "worker", "A method must end by its timeout"},
        Defect{"hang", "cancel", "process", "although it was cancelled after 20 ms"},
        Defect{"silent", "answers", "worker", "Every failure needs a sentence"},
        Defect{"contract", "answers", "process", "the answer breaks the contract of ticket.create"},
        Defect{"any-method", "unknown-method", "process", "expected is DISPATCH_ERR_UNSUPPORTED"},
        Defect{"report", "health", "worker", "its report is not"},
        Defect{"environment", "same-answers", "both", "create (example 1) differs"},
        Defect{"file", "sandbox", "worker", "The sandbox refused"}),
    [](const auto& info) {
      auto name = std::string(info.param.name) + '_' + info.param.home + '_' + info.param.check;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST_F(BehaviourTest, AnUnknownCheckIsRefusedWithTheNearest) {
  CheckOptions options;
  options.only = {"answer"};
  try {
    checked(package("tiny", "tiny"), options);
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_NE(std::string(problem.what()).find("did you mean answers?"), std::string::npos) << problem.what();
  }
}

}  // namespace
}  // namespace dispatch::kit
