#include "config/env_file.hpp"

#include "base/problem.hpp"

#include <map>

namespace dispatch::config {
namespace {

constexpr std::size_t kLongestNameShown = 40;

bool isNameCharacter(char c, bool first) {
  return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
}

bool isSpace(char c) { return c == ' ' || c == '\t'; }

/// Walks over the text, one logical line after the other.
class Reader {
 public:
  Reader(std::string_view text, const std::string& path) : _text(text), _path(path) {
    if (_text.starts_with("\xEF\xBB\xBF")) _text.remove_prefix(3);
    if (_text.starts_with("\xFF\xFE") || _text.starts_with("\xFE\xFF"))
      refuse(1, "expected UTF-8 text, found UTF-16", "save the file as UTF-8");
  }

  std::vector<EnvLine> read() {
    std::vector<EnvLine> lines;
    std::map<std::string, int> seen;
    while (_at < _text.size()) {
      skipSpaces();
      if (atEnd()) continue;
      if (_text[_at] == '#') {
        skipToEnd();
        continue;
      }
      EnvLine line = readAssignment();
      const auto [earlier, isNew] = seen.emplace(line.name, line.line);
      if (!isNew)
        refuse(line.line,
               "expected each name once, found " + line.name + " a second time (first on line " +
                   std::to_string(earlier->second) + ")",
               "remove one of the two");
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  [[noreturn]] void refuse(int line, const std::string& what, const std::string& fix) const {
    throw Problem(Problem::Kind::invalid, _path + ":" + std::to_string(line) + ": " + what + "; " + fix);
  }

  /// At the end of a line or of the text; steps over the former.
  bool atEnd() {
    if (_at >= _text.size()) return true;
    if (_text[_at] == '\r' && _at + 1 < _text.size() && _text[_at + 1] == '\n') ++_at;
    if (_text[_at] != '\n') return false;
    ++_at;
    ++_line;
    return true;
  }
  void skipSpaces() {
    while (_at < _text.size() && isSpace(_text[_at])) ++_at;
  }
  void skipToEnd() {
    while (!atEnd()) ++_at;
  }

  EnvLine readAssignment() {
    EnvLine result;
    result.line = _line;
    std::string name = readName();
    if (name == "export" && _at < _text.size() && isSpace(_text[_at])) {
      skipSpaces();
      name = readName();
    }
    skipSpaces();
    if (name.empty() || _at >= _text.size() || _text[_at] != '=') refuseNoAssignment(name);
    ++_at;
    result.name = std::move(name);
    result.value = readValue(result.name, result.line);
    if (result.value.find('\0') != std::string::npos)
      refuse(result.line, "expected text as the value of " + result.name + ", found a NUL byte",
             "write the line again");
    return result;
  }

  std::string readName() {
    const std::size_t begin = _at;
    while (_at < _text.size() && isNameCharacter(_text[_at], _at == begin)) ++_at;
    return std::string(_text.substr(begin, _at - begin));
  }

  /// The rest of such a line may be a secret's second half, so only what looks like a name is told.
  [[noreturn]] void refuseNoAssignment(const std::string& name) const {
    std::string found = "found a line that does not begin with a name";
    if (name.size() > kLongestNameShown)
      found = "found " + std::to_string(name.size()) + " characters without =";
    else if (!name.empty())
      found = "found \"" + name + "\" without = behind it";
    refuse(_line, "expected NAME=VALUE, where the name has letters, digits and _ only, " + found,
           "put the value behind the name and =, in quotes if it spans lines, or # before a comment");
  }

  std::string readValue(const std::string& name, int line) {
    skipSpaces();
    if (_at < _text.size() && (_text[_at] == '\'' || _text[_at] == '"')) return readQuoted(name, line);
    const std::size_t begin = _at;
    std::size_t end = _at;  // behind the last character that is not white space
    while (_at < _text.size() && _text[_at] != '\n') {
      if (_text[_at] == '#' && (_at == begin || isSpace(_text[_at - 1]))) break;
      if (!isSpace(_text[_at]) && _text[_at] != '\r') end = _at + 1;
      ++_at;
    }
    skipToEnd();
    return std::string(_text.substr(begin, end - begin));
  }

  std::string readQuoted(const std::string& name, int line) {
    const char quote = _text[_at++];
    std::string value;
    for (;; ++_at) {
      if (_at >= _text.size())
        refuse(line,
               "the value of " + name + " begins with " + quote +
                   ", expected the same behind its end, found the end of the file",
               std::string("add the closing ") + quote);
      char c = _text[_at];
      if (c == quote) break;
      if (c == '\r' && _at + 1 < _text.size() && _text[_at + 1] == '\n') continue;
      if (c == '\n') ++_line;
      if (c == '\\' && quote == '"' && _at + 1 < _text.size()) {
        switch (const char next = _text[_at + 1]) {
          case 'n':
            c = '\n';
            break;
          case 'r':
            c = '\r';
            break;
          case 't':
            c = '\t';
            break;
          case '"':
          case '\\':
          case '$':
            c = next;
            break;
          default:
            value += c;
            continue;  // any other backslash stands for itself
        }
        ++_at;
      }
      value += c;
    }
    ++_at;
    skipSpaces();
    if (_at < _text.size() && _text[_at] == '#') {
      skipToEnd();
    } else if (!atEnd()) {
      refuse(_line,
             std::string("expected nothing behind the closing ") + quote + " of " + name +
                 " but a comment, found more text",
             quote == '"' ? "write \\\" for a quote inside the value"
                          : "use double quotes around a value that holds single ones");
    }
    return value;
  }

  std::string_view _text;
  const std::string& _path;
  std::size_t _at = 0;
  int _line = 1;
};

}  // namespace

std::vector<EnvLine> parseEnv(std::string_view text, const std::string& path) {
  return Reader(text, path).read();
}

}  // namespace dispatch::config
