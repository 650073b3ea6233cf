#include "cli/validators.hpp"

#include <charconv>

namespace dispatch::cli {

// Without a description of their own: --help shows the option's type_name() instead.
WholeNumber::WholeNumber(int least, int most)
    : CLI::Validator(
          [=](std::string& text) {
            int number = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
            const bool fits =
                error == std::errc() && end == text.data() + text.size() && number >= least && number <= most;
            return fits ? std::string()
                        : "must be a whole number from " + std::to_string(least) + " to " +
                              std::to_string(most) + ", found \"" + text + "\"";
          },
          "") {}

std::optional<int> secondsOf(const std::string& text) {
  constexpr int day = 24 * 3600;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end + 1 != text.data() + text.size() || number < 0 || number > day)
    return std::nullopt;
  const int seconds = *end == 's' ? number : *end == 'm' ? number * 60 : *end == 'h' ? number * 3600 : -1;
  return seconds < 0 || seconds > day ? std::nullopt : std::optional(seconds);
}

Duration::Duration(int leastSeconds, int mostSeconds, const std::string& bounds)
    : CLI::Validator(
          [=](std::string& text) {
            const auto seconds = secondsOf(text);
            return seconds && *seconds >= leastSeconds && *seconds <= mostSeconds
                       ? std::string()
                       : "must be " + bounds + ", as 30s, 10m or 2h, found \"" + text + "\"";
          },
          "") {}

}  // namespace dispatch::cli
