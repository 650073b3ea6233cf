#pragma once

#include <string>

namespace dispatch::http {

/// Why the server itself turns a request down. Status 0: it does not.
struct Refusal {
  int status = 0;
  std::string message;  ///< shown to the client
  explicit operator bool() const { return status != 0; }
};

}  // namespace dispatch::http
