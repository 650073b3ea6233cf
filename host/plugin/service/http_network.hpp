#pragma once

#include <dispatch/abi.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::plugin {

/// A request of dispatch.http/1 as others may see it: what the plugin set, with "[secret]" in the places of
/// its secrets.
struct SeenRequest {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What came of it: an answer, as the plugin gets it, or a failure of the service in its place.
struct SeenAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  dispatch_status failure = DISPATCH_OK;
  std::string message;  ///< of the failure
};

/// Watches the HTTP exchanges of every instance of a catalog, or stands in for the network: for the authors'
/// tool, which records and replays. Grants are checked before; each redirect is an exchange of its own.
/// [any-thread]; may throw nothing.
class HttpNetwork {
 public:
  virtual ~HttpNetwork() = default;
  /// The answer, without any network; nullopt: the network is asked.
  virtual std::optional<SeenAnswer> answer(const SeenRequest& request) = 0;
  /// What the network came to, where it was asked.
  virtual void exchanged(const SeenRequest& request, const SeenAnswer& answer, double milliseconds) = 0;
};

}  // namespace dispatch::plugin
