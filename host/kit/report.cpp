#include "kit/report.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <set>
#include <sstream>

namespace dispatch::kit {

std::string printable(const std::string& text) {
  auto safe = repairedUtf8(text);
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      ' ');
  return safe;
}

namespace {

std::size_t lengthOf(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string escapeXml(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string seconds(double milliseconds) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << milliseconds / 1000;
  return text.str();
}

}  // namespace

std::string_view textOf(Verdict::State state) {
  switch (state) {
    case Verdict::State::ok:
      return "ok";
    case Verdict::State::failed:
      return "failed";
    default:
      return "skipped";
  }
}

std::size_t Report::count(Verdict::State state) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.verdict.state == state; }));
}

void printRows(std::ostream& out, const std::vector<std::string>& headings,
               const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings.size(); ++i) {
    std::size_t widest = lengthOf(headings[i]);
    for (const auto& row : rows) widest = std::max(widest, lengthOf(printable(row[i])));
    widths.push_back(widest);
  }
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto cell = printable(row[i]);
      line += cell;
      if (i + 1 < row.size()) line += std::string(widths[i] + 2 - lengthOf(cell), ' ');
    }
    out << line << '\n';
  };
  print(headings);
  for (const auto& row : rows) print(row);
}

void printReport(std::ostream& out, const Report& report) {
  out << printable(report.id.empty() ? report.path : report.id + ' ' + report.version) << "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& finding : report.findings)
    rows.push_back(
        {std::string(textOf(finding.verdict.state)), finding.check, finding.home, finding.verdict.sentence});
  printRows(out, {"Result", "Check", "Home", "Found"}, rows);
  out << '\n'
      << report.count(Verdict::State::ok) << " ok, " << report.count(Verdict::State::failed) << " failed, "
      << report.count(Verdict::State::skipped) << " skipped. " << (report.passed() ? report.good : report.bad)
      << '\n';
}

Json toJson(const Report& report) {
  Json findings = Json::array();
  for (const auto& finding : report.findings)
    findings.push_back({{"check", finding.check},
                        {"promise", finding.promise},
                        {"home", finding.home},
                        {"state", textOf(finding.verdict.state)},
                        {"found", finding.verdict.sentence},
                        {"milliseconds", finding.milliseconds}});
  return {{"path", report.path},
          {"id", report.id},
          {"version", report.version},
          {"ok", report.passed()},
          {"findings", findings}};
}

std::string toJUnit(const Report& report) {
  double total = 0;
  for (const auto& finding : report.findings) total += finding.milliseconds;
  const auto id = escapeXml(report.id.empty() ? report.path : report.id);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"" + id + "\" tests=\"" +
                    std::to_string(report.findings.size()) + "\" failures=\"" +
                    std::to_string(report.count(Verdict::State::failed)) + "\" errors=\"0\" skipped=\"" +
                    std::to_string(report.count(Verdict::State::skipped)) + "\" time=\"" + seconds(total) +
                    "\">\n";
  for (const auto& finding : report.findings) {
    out += "  <testcase classname=\"" + id + (finding.home.empty() ? "" : '.' + finding.home) + "\" name=\"" +
           escapeXml(finding.check) + "\" time=\"" + seconds(finding.milliseconds) + "\"";
    const auto sentence = escapeXml(finding.verdict.sentence);
    if (finding.verdict.state == Verdict::State::failed)
      out += ">\n    <failure message=\"" + sentence + "\">" + escapeXml(finding.promise) +
             "</failure>\n  </testcase>\n";
    else if (finding.verdict.state == Verdict::State::skipped)
      out += ">\n    <skipped message=\"" + sentence + "\"/>\n  </testcase>\n";
    else
      out += "/>\n";
  }
  return out + "</testsuite>\n";
}

Json toSarif(const Report& report) {
  Json rules = Json::array(), results = Json::array();
  std::set<std::string> known;
  for (const auto& finding : report.findings) {
    if (known.insert(finding.check).second)
      rules.push_back({{"id", finding.check}, {"shortDescription", {{"text", finding.promise}}}});
    const bool failed = finding.verdict.state == Verdict::State::failed;
    Json location{{"physicalLocation", {{"artifactLocation", {{"uri", report.path + "/plugin.json"}}}}}};
    results.push_back({{"ruleId", finding.check},
                       {"kind", failed                                        ? "fail"
                                : finding.verdict.state == Verdict::State::ok ? "pass"
                                                                              : "notApplicable"},
                       {"level", failed ? "error" : "none"},
                       {"message",
                        {{"text", finding.verdict.sentence +
                                      (finding.home.empty() ? "" : " (home: " + finding.home + ')')}}},
                       {"locations", Json::array({location})}});
  }
  Json driver{{"name", "dispatch-plugin"}, {"version", DISPATCH_VERSION}, {"rules", rules}};
  Json run{{"tool", {{"driver", driver}}}, {"results", results}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", Json::array({run})}};
}

}  // namespace dispatch::kit
