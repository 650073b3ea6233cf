#pragma once

#include "base/problem.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

/// A finding: says which promise was broken, then stops as a crash would.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// Runs `work`; false if it refused the input as the readers promise to: by a Problem that says something.
/// Any other exception goes on, and is a finding.
template <class Work>
bool accepted(Work&& work) {
  try {
    std::forward<Work>(work)();
    return true;
  } catch (const dispatch::Problem& problem) {
    require(std::string_view(problem.what()).size() > 10, "a refusal says what is wrong");
    return false;
  }
}

inline std::string_view textOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
