#pragma once

#include "kit/output.hpp"
#include "kit/record_call.hpp"
#include "kit/recorded_cases.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace dispatch::kit {

/// The commands `record` and `test`. Lives as long as the parse.
class RecordedCommands {
 public:
  /// `chosen` is told what to run where one of them is parsed; that answers the exit code and throws Problem.
  void addTo(CLI::App& app, const std::function<void(std::function<int()>)>& chosen);

 private:
  int record();
  int test();
  CLI::App* command(CLI::App& app, const char* name, const char* description, const char* footer);

  std::string _path, _input = "{}", _configuration;
  RecordCallOptions _record;
  RecordedCasesOptions _test;
  ReportFiles _files;
  int _limitSeconds = 30;
  bool _printJson = false, _noFaults = false;
};

}  // namespace dispatch::kit
