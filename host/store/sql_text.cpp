#include "store/sql_text.hpp"

#include "base/problem.hpp"
#include "base/utf8.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>

namespace dispatch::store {
namespace {

/// Length of the quoted text or comment that starts at `at`, 0 if none does. An unterminated one reaches to
/// the end.
std::size_t opaqueLength(std::string_view sql, std::size_t at) {
  const char first = sql[at];
  const char second = at + 1 < sql.size() ? sql[at + 1] : '\0';
  const auto until = [&](std::string_view end, std::size_t from) {
    const std::size_t found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() - at : found + end.size() - at;
  };
  // A doubled quote inside is two quoted texts in a row: the same for this purpose.
  if (first == '\'' || first == '"') return until(std::string_view(&first, 1), at + 1);
  if (first == '-' && second == '-') return until("\n", at);
  if (first == '/' && second == '*') return until("*/", at + 2);
  return 0;
}

}  // namespace

std::string numberPlaceholders(std::string_view sql) {
  std::string result;
  result.reserve(sql.size() + 16);
  int number = 0;
  for (std::size_t at = 0; at < sql.size();) {
    if (const std::size_t length = opaqueLength(sql, at)) {
      result.append(sql.substr(at, length));
      at += length;
    } else if (sql[at] == '?') {
      result += '$';
      result += std::to_string(++number);
      ++at;
    } else {
      result += sql[at++];
    }
  }
  return result;
}

std::vector<std::string> splitStatements(std::string_view script) {
  std::vector<std::string> statements;
  std::string current;
  const auto finish = [&] {
    const std::size_t first = current.find_first_not_of(" \t\r\n");
    if (first != std::string::npos)
      statements.push_back(current.substr(first, current.find_last_not_of(" \t\r\n") - first + 1));
    current.clear();
  };
  for (std::size_t at = 0; at < script.size();) {
    if (const std::size_t length = opaqueLength(script, at)) {
      if (script[at] == '\'' || script[at] == '"')
        current.append(script.substr(at, length));
      else
        current += '\n';
      at += length;
    } else if (script[at] == ';') {
      finish();
      ++at;
    } else {
      current += script[at++];
    }
  }
  finish();
  return statements;
}

std::string quotedName(std::string_view name) {
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
      throw std::logic_error("not a column or table name: " + std::string(name));
  if (name.empty()) throw std::logic_error("an empty column or table name");
  return '"' + std::string(name) + '"';
}

void checkParameters(const Values& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const char* found = nullptr;
    if (const auto* text = std::get_if<std::string>(&parameters[i])) {
      if (std::memchr(text->data(), 0, text->size()))
        found = "expected text without NUL characters, found one";
      else if (!isUtf8(*text))
        found = "expected UTF-8 text, found other bytes";
    } else if (const auto* number = std::get_if<double>(&parameters[i])) {
      if (!std::isfinite(*number)) found = "expected a finite number";
    }
    if (found)
      throw Problem(Problem::Kind::invalid,
                    "value " + std::to_string(i + 1) + " cannot be stored: " + found + "; send it without");
  }
}

}  // namespace dispatch::store
