#include "cli/logging.hpp"

#include "base/base.hpp"
#include "cli/process.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/ConsoleChannel.h>
#include <Poco/FileChannel.h>
#include <Poco/FormattingChannel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>
#include <Poco/SplitterChannel.h>

#include <iostream>

namespace dispatch::cli {

namespace {

const char* levelOf(Poco::Message::Priority priority) {
  switch (priority) {
    case Poco::Message::PRIO_FATAL:
      return "FATAL";
    case Poco::Message::PRIO_CRITICAL:
      return "CRITICAL";
    case Poco::Message::PRIO_ERROR:
      return "ERROR";
    case Poco::Message::PRIO_WARNING:
      return "WARNING";
    case Poco::Message::PRIO_NOTICE:
      return "NOTICE";
    case Poco::Message::PRIO_INFORMATION:
      return "INFO";
    case Poco::Message::PRIO_DEBUG:
      return "DEBUG";
    case Poco::Message::PRIO_TRACE:
      break;
  }
  return "TRACE";
}

std::string escaped(const std::string& text) {
  static const char* digits = "0123456789abcdef";
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f || c1) {
      line += "\\x";
      line += digits[byte >> 4];
      line += digits[byte & 15];
    } else {
      line += text[i];
    }
  }
  return line;
}

void useChannel(Poco::AutoPtr<Poco::Channel> channel, const std::string& level) {
  Poco::Logger::setChannel("", channel);
  Poco::Logger::setLevel("", Poco::Logger::parseLevel(level));
}

}  // namespace

void LineFormatter::format(const Poco::Message& message, std::string& text) {
  const auto moment = toText(Instant(std::chrono::microseconds(message.getTime().epochMicroseconds())));
  if (_json) {
    text = dumpJson({{"time", moment},
                     {"level", levelOf(message.getPriority())},
                     {"source", message.getSource()},
                     {"thread", message.getTid()},
                     {"message", message.getText()}});
  } else {
    text = moment + " " + levelOf(message.getPriority()) + " [" + message.getSource() + "] " +
           escaped(message.getText());
  }
}

void logToFile(const config::Settings& settings, bool quiet) {
  const std::string directory = settings.paths().log;
  needWritableDirectory(directory, "the log (DISPATCH_LOG_DIR)");
  needWritableFile(directory + "/dispatch.log", "the log (DISPATCH_LOG_DIR)");
  Poco::AutoPtr<Poco::SplitterChannel> both(new Poco::SplitterChannel);
  Poco::AutoPtr<Poco::FileChannel> file(new Poco::FileChannel(directory + "/dispatch.log"));
  file->setProperty("rotation", "10 M");
  file->setProperty("archive", "number");
  file->setProperty("purgeCount", "10");
  file->setProperty("flush", "true");
  both->addChannel(file);
  if (!quiet) both->addChannel(Poco::AutoPtr<Poco::ConsoleChannel>(new Poco::ConsoleChannel(std::cout)));
  std::string level = settings.text("LOG_LEVEL");
  for (auto& c : level) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (level == "warn") level = "warning";
  if (level == "info") level = "information";
  useChannel(
      new Poco::FormattingChannel(new LineFormatter(settings.text("DISPATCH_LOG_FORMAT") == "json"), both),
      level);
}

void logToTerminal() {
  useChannel(new Poco::FormattingChannel(new LineFormatter(false), new Poco::ConsoleChannel(std::cerr)),
             "warning");
}

}  // namespace dispatch::cli
