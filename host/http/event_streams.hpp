#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Poco::Net {
class HTTPServerRequest;
class HTTPServerResponse;
}  // namespace Poco::Net

namespace dispatch::http {

/// One server-sent event (WHATWG HTML 9.2). A line break in `data` becomes several data lines; `name` and
/// `id` must not hold one.
struct Event {
  std::string data;
  std::string name;  ///< the event's type; empty: "message"
  std::string id;    ///< what the browser sends back as Last-Event-ID; empty: none
};

/// An event in its wire form, shared by all who receive it.
using Frame = std::shared_ptr<const std::string>;
Frame makeFrame(const Event& event);

/// What Last-Event-ID says, or what `?lastEventId=` says for clients that cannot set the field; nullopt if
/// neither.
std::optional<std::string> lastEventId(const Poco::Net::HTTPServerRequest& request);

/// Who listens. Immutable once opened; seen by filters on the broadcaster's thread.
struct StreamClient {
  std::uint64_t id = 0;                 ///< set by open()
  std::vector<std::string> topics;      ///< groups the client belongs to, e.g. "organization/3", "user/17"
  std::shared_ptr<const void> context;  ///< the opener's own: principal, subscription
  template <typename T>
  const T& as() const {
    return *static_cast<const T*>(context.get());
  }
};

/// All open event streams of a server, on one thread, with a bounded queue each. [any-thread]
///
/// Order: what one thread publishes reaches each client in that order. A client sees every event that is
/// published after open() returned to its handler, unless it is too slow: then it is dropped, with its queue,
/// and its browser reconnects with Last-Event-ID.
class EventStreams {
 public:
  using Filter = std::function<bool(const StreamClient&)>;
  using Renderer = std::function<Frame(const StreamClient&)>;

  virtual ~EventStreams() = default;

  /// Called by a handler, as its last act: answers 200 text/event-stream with what `response` holds of other
  /// fields, then `first`, and lets the worker go; the connection now belongs to the streams. `onClosed` runs
  /// on the broadcaster's thread when the client has gone or was dropped. Throws Problem(unavailable) at
  /// StreamOptions::maxClients, before anything is sent. Returns the client's id.
  virtual std::uint64_t open(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response,
                             StreamClient client, std::vector<Frame> first = {},
                             std::function<void()> onClosed = {}) = 0;

  /// To all clients of `topic` for whom `filter` (run on the broadcaster's thread; must not block or throw)
  /// says yes.
  virtual void publish(const std::string& topic, Frame frame, Filter filter = {}) = 0;
  void publish(const std::string& topic, const Event& event, Filter filter = {}) {
    publish(topic, makeFrame(event), std::move(filter));
  }
  /// As publish, with a frame per client; a null frame sends nothing to that one.
  virtual void publishEach(const std::string& topic, Renderer renderer) = 0;
  /// To one client; nothing happens if it has gone.
  virtual void send(std::uint64_t client, Frame frame) = 0;

  /// Ends streams, after what is queued for them if it can be sent at once: a session was revoked, a role
  /// taken away.
  virtual void close(std::uint64_t client) = 0;
  virtual void closeWhere(Filter filter) = 0;

  virtual std::size_t size() const = 0;
};

}  // namespace dispatch::http
