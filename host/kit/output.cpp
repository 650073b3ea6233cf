#include "kit/output.hpp"

#include "kit/files.hpp"

#include <unistd.h>

#include <iostream>

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

Json readConfiguration(const std::string& file) {
  return file.empty() ? Json() : parseJson(readFile(file), file);
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
