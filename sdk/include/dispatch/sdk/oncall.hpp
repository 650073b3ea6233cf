#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

/// A service, as an operator entered it under Settings.
struct OnCallService {
  std::string externalId;  ///< the on-call service's own id: a schedule, a rotation, an escalation policy
  std::string name;
  std::string description;
  static OnCallService fromJson(const Json& value) {
    const Members in(value);
    return {in.text("external_id"), in.textOr("name"), in.textOr("description")};
  }
};

struct OnCallGet {
  OnCallService service;
  static OnCallGet fromJson(const Json& value) {
    return {OnCallService::fromJson(Members(value).object("service"))};
  }
};

struct OnCallPage {
  OnCallService service;
  Incident incident;
  std::optional<Mailbox> recipient;
  static OnCallPage fromJson(const Json& value) {
    const Members in(value);
    const Json recipient = in.object("recipient");
    return {OnCallService::fromJson(in.object("service")), Incident::fromJson(in.object("incident")),
            recipient.empty() ? std::nullopt : std::optional(Mailbox::fromJson(recipient))};
  }
};

struct OnCall {
  std::string email;
  std::string name;
};
inline Json toJson(const OnCall& person) {
  Json out{{"email", person.email}};
  sdk::put(out, "name", person.name);
  return out;
}

struct OnCallPaged {
  std::string resourceId;  ///< the other side's name for the page
  std::string weblink;
};
inline Json toJson(const OnCallPaged& paged) {
  Json out = Json::object();
  sdk::put(out, "resource_id", paged.resourceId);
  sdk::put(out, "weblink", paged.weblink);
  return out;
}

/// Knows who is on call, and wakes them up: contracts/oncall.json.
class OnCallPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Get, get, "get", OnCallGet, OnCall, 1, Effect::read, true,
                      "OnCall get(const Call&, const OnCallGet&)");
  DISPATCH_SDK_METHOD(GetNext, getNext, "get_next", OnCallGet, OnCall, 1, Effect::read, false,
                      "OnCall getNext(const Call&, const OnCallGet&)");
  DISPATCH_SDK_METHOD(Page, page, "page", OnCallPage, OnCallPaged, 1, Effect::atMostOnce, false,
                      "OnCallPaged page(const Call&, const OnCallPage&)");
  using Methods = sdk::MethodList<Get, GetNext, Page>;

 protected:
  ~OnCallPlugin() = default;
};

}  // namespace dispatch
