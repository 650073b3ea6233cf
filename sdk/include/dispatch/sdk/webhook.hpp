#pragma once

#include <dispatch/sdk/plugin.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch {

/// A request of another system, as it came over the wire; all text borrowed for the call.
struct WebhookRequest {
  std::string_view method, path, query, body, peerAddress;
  std::vector<std::pair<std::string_view, std::string_view>> headers;  ///< in order
  std::chrono::system_clock::time_point receivedAt;
  std::uint32_t attempt = 1;  ///< from 2 on nobody reads the response

  /// The first of that name, or nothing.
  std::string_view header(std::string_view name) const {
    const std::string wanted = lower(name);
    for (const auto& [key, value] : headers)
      if (lower(key) == wanted) return value;
    return {};
  }
  /// Throws Failure(INVALID), which refuses the request.
  Json json() const {
    Json value = Json::parse(body, nullptr, false);
    if (value.is_discarded()) throw Failure::invalid("The body of the request is not JSON.");
    return value;
  }
};

/// What its sender gets: 200 to 299 where it was done, 400 to 599 where it is refused for good. To have the
/// host bring it again, throw Failure::unavailable instead.
struct WebhookResponse {
  int status = 200;
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};

  static WebhookResponse text(int status, std::string body) {
    return {status, std::move(body), {{"Content-Type", "text/plain; charset=utf-8"}}};
  }
  static WebhookResponse json(int status, const Json& body) {
    return {status, sdk::dump(body), {{"Content-Type", "application/json"}}};
  }
};

/// A plugin that other systems send requests to. Write
///   WebhookResponse receiveWebhook(const Call&, const WebhookRequest&)
///                                   check who sent it, do what follows (events()), answer; a throw refuses,
///                                   or has the host bring the request again, by the kind of the Failure
///   std::string webhookDeliveryId(const Call&, const WebhookRequest&)       optional: which delivery it is,
///   once
///                                   its authenticity was checked; each is received once
/// A plugin of any other type may have both as well. The manifest asks for "webhook": true in its
/// permissions.
class WebhookPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  using IsWebhookReceiver = void;

 protected:
  ~WebhookPlugin() = default;
};

}  // namespace dispatch
