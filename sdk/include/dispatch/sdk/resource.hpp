#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

/// What a service keeps for an incident: a room, a conversation, a folder, a document, a group.
struct Resource {
  std::string resourceId;  ///< the service's own name for it; later calls bring it back
  std::string weblink;     ///< where a person opens it
  std::string name;
  std::string resourceType;  ///< e.g. "slack-channel"; empty: the plugin's id

  static Resource fromJson(const Json& value) {
    const Members in(value);
    return {in.text("resource_id"), in.textOr("weblink"), in.textOr("name"), in.textOr("resource_type")};
  }
};
inline Json toJson(const Resource& resource) {
  Json out{{"resource_id", resource.resourceId}, {"weblink", resource.weblink}};
  sdk::put(out, "name", resource.name);
  sdk::put(out, "resource_type", resource.resourceType);
  return out;
}

/// The answer of a `find`: what is there, or that nothing is.
template <class Found>
Json toJson(const std::optional<Found>& found) {
  if (!found) return {{"found", false}};
  Json out = toJson(*found);
  out["found"] = true;
  return out;
}

/// Whom a service did not take; the others are in.
struct Rejections {
  struct One {
    std::string email;
    std::string reason;  ///< for a person to read
  };
  std::vector<One> rejected;

  void add(std::string email, std::string reason) {
    rejected.push_back({std::move(email), std::move(reason)});
  }
};
inline Json toJson(const Rejections& rejections) {
  Json list = Json::array();
  for (const auto& one : rejections.rejected) list.push_back({{"email", one.email}, {"reason", one.reason}});
  return {{"rejected", std::move(list)}};
}

namespace sdk {

inline std::vector<Mailbox> mailboxes(const Json& list) {
  std::vector<Mailbox> all;
  for (const Json& one : list) all.push_back(Mailbox::fromJson(one));
  return all;
}

/// An absent or empty object is none.
inline std::optional<Resource> resourceIn(const Members& in, std::string_view name) {
  const Json value = in.object(name);
  return value.empty() ? std::nullopt : std::optional(Resource::fromJson(value));
}

}  // namespace sdk
}  // namespace dispatch
