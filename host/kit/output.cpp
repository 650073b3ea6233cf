#include "kit/output.hpp"

#include "base/problem.hpp"
#include "config/config.hpp"
#include "kit/files.hpp"

#include <unistd.h>

#include <iostream>
#include <map>

namespace dispatch::kit {

namespace {

void put(const std::string& file, const std::string& text) {
  if (file == "-")
    std::cout << text;
  else if (!file.empty())
    writeFile(file, text);
}

}  // namespace

std::string pretty(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string unknownName(const std::string& what, const std::string& name,
                        const std::vector<std::string>& known) {
  const auto meant = config::didYouMean(name, known);
  return what + " \"" + name + '"' + (meant.empty() ? "." : meant);
}

Json readConfiguration(const std::string& file) {
  return file.empty() ? Json() : parseJson(readFile(file), file);
}

void ReportFiles::needSound() const {
  std::map<std::string, std::string> taken;
  for (const auto& [option, file] : {std::pair{"--json", &json}, {"--junit", &junit}, {"--sarif", &sarif}}) {
    if (file->empty()) continue;
    const auto [other, isNew] = taken.emplace(*file, option);
    if (!isNew)
      throw Problem(
          Problem::Kind::invalid,
          other->second + " and " + option + " both write to " + (*file == "-" ? "standard output" : *file) +
              ", which takes one report. Nothing was tried. Name a file of its own for one of them.");
    if (*file != "-") needDirectoryOf(*file);
  }
}

void ReportFiles::write(const Report& report) const {
  if (toScreen()) printReport(std::cout, report);
  if (!json.empty()) put(json, pretty(toJson(report)));
  if (!junit.empty()) put(junit, toJUnit(report));
  if (!sarif.empty()) put(sarif, pretty(toSarif(report)));
}

void showProgress(const Finding& finding) {
  if (::isatty(STDOUT_FILENO) != 0)
    std::cerr << "\r\033[K" << finding.check << ' ' << finding.home << std::flush;
}

void endProgress() {
  if (::isatty(STDOUT_FILENO) != 0) std::cerr << "\r\033[K";
}

}  // namespace dispatch::kit
