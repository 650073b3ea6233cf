#include "plugin/package/version.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

bool isNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Of any length: no number is too large.
std::weak_ordering compareNumbers(std::string_view left, std::string_view right) {
  left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
  right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
  if (left.size() != right.size()) return left.size() <=> right.size();
  return left.compare(right) <=> 0;
}

std::weak_ordering compareParts(std::string_view left, std::string_view right) {
  const bool leftNumber = isNumber(left), rightNumber = isNumber(right);
  if (leftNumber && rightNumber) return compareNumbers(left, right);
  if (leftNumber != rightNumber) return leftNumber ? std::weak_ordering::less : std::weak_ordering::greater;
  return left.compare(right) <=> 0;
}

/// Cuts `text` at the first `mark`; what follows it stays in `text`.
std::string_view take(std::string_view& text, char mark) {
  const auto end = std::min(text.find(mark), text.size());
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

}  // namespace

std::weak_ordering compareVersions(std::string_view left, std::string_view right) {
  left = left.substr(0, left.find('+'));
  right = right.substr(0, right.find('+'));
  auto leftCore = take(left, '-'), rightCore = take(right, '-');
  for (int i = 0; i < 3; ++i) {
    const auto a = take(leftCore, '.'), b = take(rightCore, '.');
    if (const auto order = compareNumbers(isNumber(a) ? a : "0", isNumber(b) ? b : "0"); order != 0)
      return order;
  }
  if (left.empty() || right.empty())
    return right.size() <=> left.size();  // a release follows its pre-releases
  while (!left.empty() || !right.empty()) {
    if (left.empty()) return std::weak_ordering::less;
    if (right.empty()) return std::weak_ordering::greater;
    if (const auto order = compareParts(take(left, '.'), take(right, '.')); order != 0) return order;
  }
  return std::weak_ordering::equivalent;
}

}  // namespace dispatch::plugin
