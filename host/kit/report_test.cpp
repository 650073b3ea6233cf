#include "kit/report.hpp"
#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace dispatch::kit {
namespace {

Report report() {
  Report made{"/tmp/acme", "acme-jira", "1.2.0", {}};
  made.findings.push_back({"loads", "It loads", "worker", Verdict::ok("Loaded."), 12});
  made.findings.push_back(
      {"answers", "It answers", "process", Verdict::failed("It said <nothing> & \"left\"."), 5});
  made.findings.push_back({"health", "It tests", "worker", Verdict::skipped("It has no test."), 0});
  return made;
}

TEST(Report, IsATableWithASentencePerCheck) {
  std::ostringstream out;
  printReport(out, report());
  EXPECT_NE(out.str().find("failed   answers  process  It said"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("1 ok, 1 failed, 1 skipped."), std::string::npos) << out.str();
  EXPECT_FALSE(report().passed());
}

TEST(Report, IsJUnitWithFailuresAndSkips) {
  const auto xml = toJUnit(report());
  EXPECT_NE(xml.find("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), std::string::npos) << xml;
  EXPECT_NE(xml.find("<failure message=\"It said &lt;nothing&gt; &amp; &quot;left&quot;.\">"),
            std::string::npos)
      << xml;
}

TEST(Report, ShowsWhatAPluginWroteAsText) {
  auto hostile = report();
  hostile.findings[1].verdict.sentence = "It wrote \x1b[31m\xfe\x80";
  for (const auto& text : {toJUnit(hostile), [&] {
                             std::ostringstream out;
                             printReport(out, hostile);
                             return out.str();
                           }()}) {
    EXPECT_NE(text.find("It wrote  [31m\xEF\xBF\xBD"), std::string::npos) << text;
    EXPECT_TRUE(isUtf8(text)) << text;
  }
}

TEST(Report, IsSarifWithARulePerCheck) {
  const auto sarif = toSarif(report());
  const auto& run = sarif.at("runs").at(0);
  EXPECT_EQ(sarif.at("version"), "2.1.0");
  EXPECT_EQ(run.at("tool").at("driver").at("rules").size(), 3u);
  EXPECT_EQ(run.at("results").at(1).at("level"), "error");
  EXPECT_EQ(run.at("results").at(2).at("kind"), "notApplicable");
}

}  // namespace
}  // namespace dispatch::kit
