#pragma once

#include <dispatch/sdk/services.hpp>

#include <string>

namespace dispatch {

/// What a plugin saw outside, for the host to act on; types and their data are in abi/service_event.h.
struct Event {
  std::string type;
  std::string subject{};  ///< the key of the incident's report; empty for a report
  std::string key;        ///< de-duplication key: a second submit with it changes nothing
  Json data = Json::object();
  std::string actor{};  ///< e-mail address of a member; empty: the plugin itself
};

/// What became of it.
struct Submitted {
  std::string id;
  bool duplicate = false;  ///< the id is that of the first with this key
  std::int64_t incidentId = 0;
  std::string incidentName, incidentStatus;  ///< "Active", "Stable", "Closed", as of now
};

/// Tells the host what happened; for plugins whose manifest asks for it (permissions.events). [call-thread]
class Events {
 public:
  explicit Events(Host host) : _host(host) {}

  /// Committed once it returns. Throws Failure with the host's reason.
  Submitted submit(const Call& call, const Event& event) const {
    const std::string data = sdk::dump(event.data);
    const dispatch_event raw{sizeof raw,         0,         str(event.type), str(event.actor),
                             str(event.subject), str(data), str(event.key)};
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(
        call, _host.need<dispatch_event_1>(DISPATCH_EVENT_1).submit(_host.raw(), call.raw(), &raw, &out),
        "The host did not take the event \"" + event.type + "\".");
    const Json answer = Json::parse(view(out));
    const Json incident = answer.value("incident", Json::object());
    return {answer.value("id", ""), answer.value("duplicate", false), incident.value("id", std::int64_t{0}),
            incident.value("name", ""), incident.value("status", "")};
  }

  /// The same; nothing where there is no such incident.
  std::optional<Submitted> trySubmit(const Call& call, const Event& event) const {
    try {
      return submit(call, event);
    } catch (const Failure& failure) {
      if (failure.status() == DISPATCH_ERR_NOT_FOUND) return std::nullopt;
      throw;
    }
  }

 private:
  Host _host;
};

}  // namespace dispatch
