#include "base/problem.hpp"

#include <utility>

namespace dispatch {

Problem::Problem(Kind kind, const std::string& message, std::vector<std::string> location)
    : std::runtime_error(message), _kind(kind), _location(std::move(location)) {}

Problem& Problem::withType(std::string type) & {
  _type = std::move(type);
  return *this;
}

Problem&& Problem::withType(std::string type) && {
  _type = std::move(type);
  return std::move(*this);
}

Problem&& Problem::withRetryAfter(std::uint32_t milliseconds) && {
  _retryAfterMs = milliseconds;
  return std::move(*this);
}

Problem& Problem::add(Problem other) {
  _others.push_back(std::move(other));
  return *this;
}

}  // namespace dispatch
