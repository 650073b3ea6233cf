#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>

namespace dispatch::cli {

/// CLI11's own Range says "not in range" of what is no number at all.
class WholeNumber final : public CLI::Validator {
 public:
  WholeNumber(int least, int most);
};

/// "30s", "10m" and "2h" in seconds, up to a day; nullopt: none of these.
std::optional<int> secondsOf(const std::string& text);

/// A time as secondsOf() reads it; `bounds` says the limits to people.
class Duration final : public CLI::Validator {
 public:
  Duration(int leastSeconds, int mostSeconds, const std::string& bounds);
};

}  // namespace dispatch::cli
