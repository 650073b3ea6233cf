#include "config/nearest_name.hpp"

#include <algorithm>
#include <numeric>

namespace dispatch::config {
namespace {

constexpr std::size_t kLongestCompared = 100;

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

std::string upperCase(std::string_view text) {
  std::string result(text.substr(0, kLongestCompared));
  std::transform(result.begin(), result.end(), result.begin(), upper);
  return result;
}

/// Optimal string alignment: Levenshtein's distance that counts two swapped neighbours once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> beforeLast(b.size() + 1), last(b.size() + 1), current(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], beforeLast[j - 2] + 1);
    }
    std::swap(beforeLast, last);
    std::swap(last, current);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string> nearestName(std::string_view found, const std::vector<std::string>& known) {
  const std::string wanted = upperCase(found);
  if (wanted.empty()) return std::nullopt;
  const std::size_t limit = std::max<std::size_t>(wanted.size() / 3, 1);
  std::optional<std::string> best;
  std::size_t bestDistance = limit + 1;
  for (const std::string& name : known) {
    const std::string candidate = upperCase(name);
    const bool part = wanted.size() >= 4 && (candidate.starts_with(wanted) || candidate.ends_with(wanted));
    // What somebody left out is likelier than what they replaced.
    const std::size_t away =
        part ? std::min<std::size_t>(1, candidate.size() - wanted.size()) : distance(wanted, candidate);
    if (away >= bestDistance) continue;
    bestDistance = away;
    best = name;
  }
  return best;
}

std::string didYouMean(std::string_view found, const std::vector<std::string>& known) {
  const auto name = nearestName(found, known);
  return name ? " - did you mean " + *name + "?" : "";
}

}  // namespace dispatch::config
