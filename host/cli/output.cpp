#include "cli/output.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace dispatch::cli {

namespace {

std::string textOf(const Json& value) {
  std::string text;
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) {
    text = value.get<std::string>();
  } else if (value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); })) {
    for (const auto& item : value) text += (text.empty() ? "" : ", ") + item.get<std::string>();
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.items())
      text += (text.empty() ? "" : ", ") + key + ": " + textOf(item);
  } else {
    text = value.dump();
  }
  std::string safe;
  for (const char c : text) safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return safe;
}

std::size_t lengthOf(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string cut(const std::string& text, std::size_t most) {
  if (lengthOf(text) <= most) return text;
  std::string part;
  std::size_t count = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && ++count >= most) break;
    part += c;
  }
  return part + "…";
}

class NoEcho {
 public:
  NoEcho() {
    _changed = ::tcgetattr(STDIN_FILENO, &_before) == 0;
    if (!_changed) return;
    termios silent = _before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    if (_changed) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &_before);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios _before{};
  bool _changed = false;
};

}  // namespace

void printTable(std::ostream& out, const Json& rows, const TableColumns& columns, std::size_t width) {
  if (rows.empty()) {
    out << "(none)\n";
    return;
  }
  std::vector<std::size_t> widths;
  for (const auto& [key, heading] : columns) {
    std::size_t widest = lengthOf(heading);
    for (const auto& row : rows) widest = std::max(widest, lengthOf(textOf(row.value(key, Json()))));
    widths.push_back(widest);
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) before += widths[i] + 2;
  if (width > before + 10 && widths.back() > width - before) widths.back() = width - before;
  const auto line = [&](const auto& cell) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string value = cut(cell(i), std::max<std::size_t>(widths[i], 1));
      text +=
          value +
          std::string(i + 1 < columns.size() ? widths[i] + 2 - std::min(lengthOf(value), widths[i]) : 0, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << "\n";
  };
  line([&](std::size_t i) { return columns[i].second; });
  for (const auto& row : rows)
    line([&](std::size_t i) { return textOf(row.value(columns[i].first, Json())); });
}

void printObject(std::ostream& out, const Json& object, int indent) {
  std::size_t widest = 0;
  for (const auto& [key, value] : object.items()) widest = std::max(widest, key.size());
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  for (const auto& [key, value] : object.items()) {
    out << margin << key;
    const bool listOfObjects = value.is_array() && !value.empty() && value.front().is_object();
    if (value.is_object() && !value.empty()) {
      out << "\n";
      printObject(out, value, indent + 2);
    } else if (listOfObjects) {
      out << "\n";
      for (const auto& item : value) {
        printObject(out, item, indent + 2);
        if (&item != &value.back()) out << "\n";
      }
    } else {
      out << std::string(widest - key.size() + 2, ' ') << textOf(value) << "\n";
    }
  }
}

std::size_t terminalWidth() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) == 0 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

void printProblem(std::ostream& out, const Problem& problem) {
  const auto print = [&](const Problem& one) {
    std::string where;
    for (const auto& part : one.location())
      if (part != "body" && part != "configuration") where += (where.empty() ? "" : ".") + part;
    const std::string message = one.what();
    const bool named = where.empty() || message.find(where) != std::string::npos;
    out << "dispatch: " << (named ? "" : where + ": ") << message << "\n";
  };
  print(problem);
  for (const auto& other : problem.others()) print(other);
}

std::string readPassword(const std::string& prompt, bool confirm, bool fromStdin) {
  std::string first;
  if (fromStdin) {
    if (!std::getline(std::cin, first) || first.empty())
      throw Problem(Problem::Kind::invalid, "Standard input holds no password");
    if (first.back() == '\r') first.pop_back();
    return first;
  }
  if (::isatty(STDIN_FILENO) == 0)
    throw Problem(
        Problem::Kind::invalid,
        "There is no terminal to ask for a password; give it on standard input with --password-stdin");
  const NoEcho quiet;
  std::cerr << prompt << ": " << std::flush;
  std::getline(std::cin, first);
  std::cerr << "\n";
  if (confirm) {
    std::string second;
    std::cerr << "Again: " << std::flush;
    std::getline(std::cin, second);
    std::cerr << "\n";
    if (first != second)
      throw Problem(Problem::Kind::invalid, "The two passwords differ; nothing was changed");
  }
  return first;
}

bool confirmed(const std::string& question, const std::string& expected) {
  if (::isatty(STDIN_FILENO) == 0) return false;
  std::cerr << question << std::flush;
  std::string typed;
  std::getline(std::cin, typed);
  return typed == expected;
}

}  // namespace dispatch::cli
