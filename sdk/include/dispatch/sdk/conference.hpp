#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

struct Conference {
  std::string resourceId;
  std::string weblink;
  std::string challenge;  ///< what a person must type to get in; empty: nothing
  std::string resourceType;
};
inline Json toJson(const Conference& conference) {
  Json out{{"resource_id", conference.resourceId}, {"weblink", conference.weblink}};
  sdk::put(out, "challenge", conference.challenge);
  sdk::put(out, "resource_type", conference.resourceType);
  return out;
}

struct ConferenceCreate {
  Incident incident;
  std::vector<Mailbox> participants;
  static ConferenceCreate fromJson(const Json& value) {
    const Members in(value);
    return {Incident::fromJson(in.object("incident")), sdk::mailboxes(in.array("participants"))};
  }
};

/// A service for video or telephone conferences: contracts/conference.json.
class ConferencePlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Create, create, "create", ConferenceCreate, Conference, 1, Effect::findable, true,
                      "Conference create(const Call&, const ConferenceCreate&)");
  DISPATCH_SDK_METHOD(Find, find, "find", ConferenceCreate, std::optional<Conference>, 1, Effect::read, false,
                      "std::optional<Conference> find(const Call&, const ConferenceCreate&)");
  using Methods = sdk::MethodList<Create, Find>;

 protected:
  ~ConferencePlugin() = default;
};

}  // namespace dispatch
