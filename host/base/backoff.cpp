#include "base/backoff.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace dispatch {

std::chrono::milliseconds backoff(int failures, std::chrono::milliseconds first,
                                  std::chrono::milliseconds most) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto doublings = std::clamp(failures - 1, 0, 20);
  const auto wait = std::min(first * (std::int64_t{1} << doublings), most);
  return wait +
         std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, wait.count() / 5)(random));
}

}  // namespace dispatch
