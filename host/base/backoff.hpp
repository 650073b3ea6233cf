#pragma once

#include <chrono>

namespace dispatch {

/// How long to wait after the `failures`th failure in a row, from 1 on: `first`, doubled each time up to
/// `most`, and up to a fifth longer, so that many that failed together do not come back together.
std::chrono::milliseconds backoff(int failures, std::chrono::milliseconds first,
                                  std::chrono::milliseconds most);

}  // namespace dispatch
