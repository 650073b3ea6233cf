#pragma once

#include "config/config.hpp"

#include <Poco/Formatter.h>

namespace dispatch::cli {

/// One message, one line: control characters (a line break in somebody's title) are escaped, so that no text
/// can forge a line.
class LineFormatter : public Poco::Formatter {
 public:
  explicit LineFormatter(bool json) : _json(json) {}
  void format(const Poco::Message& message, std::string& text) override;

 private:
  bool _json;
};

/// The server's log: <log>/dispatch.log (10 MiB each, the last ten kept) and, unless `quiet`, standard
/// output. Throws Problem if the directory cannot be written.
void logToFile(const config::Settings& settings, bool quiet);

/// A command's log: warnings and errors on standard error.
void logToTerminal();

}  // namespace dispatch::cli
