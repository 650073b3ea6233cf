#pragma once

#include "base/json.hpp"
#include "base/problem.hpp"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::cli {

/// {"email", "E-mail"}: member of each row and its heading.
using TableColumns = std::vector<std::pair<std::string, std::string>>;

/// A table for people: as wide as `width` allows (0: any), the last column is cut. Control characters are
/// shown escaped.
void printTable(std::ostream& out, const Json& rows, const TableColumns& columns, std::size_t width);

/// "Key  value" lines of an object, nested objects indented.
void printObject(std::ostream& out, const Json& object, int indent = 0);

/// Columns of the terminal, 0 if standard output is none.
std::size_t terminalWidth();

/// What is wrong and, per line, what else is.
void printProblem(std::ostream& out, const Problem& problem);

/// A password from the terminal, without echo, twice if `confirm`; from standard input (one line) if
/// `fromStdin`. Throws Problem if there is no terminal or the two differ.
std::string readPassword(const std::string& prompt, bool confirm, bool fromStdin);

/// Whether the answer typed to `question` is exactly `expected`.
bool confirmed(const std::string& question, const std::string& expected);

}  // namespace dispatch::cli
