#pragma once

#include <dispatch/abi.h>
#include <dispatch/sdk/text.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch::testing {

/// A request as it would go over the wire: secrets are in their places.
struct HttpCall {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (lower(key) == lower(name)) return value;
    return {};
  }
};

/// What a scripted server answers; or, with `failure`, what the host's service answers in its place.
struct HttpAnswer {
  int status = 200;
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::chrono::milliseconds retryAfter{0};
  dispatch_status failure = DISPATCH_OK;
  std::string message{};  ///< the sentence of the failure

  static HttpAnswer failed(dispatch_status failure, std::string message) {
    return {0, {}, {}, std::chrono::milliseconds(0), failure, std::move(message)};
  }
};

}  // namespace dispatch::testing
