#include "api/router.hpp"

namespace dispatch::api {

namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool isName(const std::string& segment) { return segment.size() > 2 && segment.front() == '{'; }

}  // namespace

void Router::add(Route route) {
  _segments.push_back(split(route.pattern));
  _routes.push_back(std::move(route));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match best;
  const auto wanted = split(path);
  int bestLiterals = -1;
  for (std::size_t r = 0; r < _routes.size(); ++r) {
    const auto& pattern = _segments[r];
    const bool raw = _routes[r].raw;
    if (raw ? pattern.size() > wanted.size() : pattern.size() != wanted.size()) continue;
    int literals = 0;
    bool fits = true;
    for (std::size_t i = 0; i < pattern.size() && fits; ++i) {
      if (isName(pattern[i]))
        fits = !wanted[i].empty();
      else if ((fits = pattern[i] == wanted[i]))
        ++literals;
    }
    if (!fits) continue;
    best.pathKnown = true;
    if ((!raw && _routes[r].method != method) || literals <= bestLiterals) continue;
    bestLiterals = literals;
    best.route = &_routes[r];
  }
  if (!best.route) return best;
  const auto& pattern = _segments[static_cast<std::size_t>(best.route - _routes.data())];
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (isName(pattern[i])) best.values[pattern[i].substr(1, pattern[i].size() - 2)] = wanted[i];
  return best;
}

}  // namespace dispatch::api
