#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

struct Group {
  std::string resourceId;
  std::string name;
  std::string email;  ///< reaches all members
  std::string weblink;
  std::string resourceType;

  static Group fromJson(const Json& value) {
    const Members in(value);
    return {in.text("resource_id"), in.textOr("name"), in.textOr("email"), in.textOr("weblink"),
            in.textOr("resource_type")};
  }
};
inline Json toJson(const Group& group) {
  Json out{{"resource_id", group.resourceId},
           {"name", group.name},
           {"email", group.email},
           {"weblink", group.weblink}};
  sdk::put(out, "resource_type", group.resourceType);
  return out;
}

struct GroupCreate {
  enum class Purpose { tactical, notifications };
  Incident incident;
  std::string name;
  Purpose purpose = Purpose::tactical;
  std::vector<Mailbox> participants;

  static GroupCreate fromJson(const Json& value) {
    const Members in(value);
    return {Incident::fromJson(in.object("incident")), in.text("name"),
            in.text("purpose") == "notifications" ? Purpose::notifications : Purpose::tactical,
            sdk::mailboxes(in.array("participants"))};
  }
};

struct GroupAdd {
  Group group;
  std::vector<Mailbox> participants;
  static GroupAdd fromJson(const Json& value) {
    const Members in(value);
    return {Group::fromJson(in.object("group")), sdk::mailboxes(in.array("participants"))};
  }
};

struct GroupRemove {
  Group group;
  Mailbox participant;
  static GroupRemove fromJson(const Json& value) {
    const Members in(value);
    return {Group::fromJson(in.object("group")), Mailbox::fromJson(in.object("participant"))};
  }
};

struct GroupTarget {
  Group group;
  static GroupTarget fromJson(const Json& value) { return {Group::fromJson(Members(value).object("group"))}; }
};

struct GroupMembers {
  std::vector<std::string> members;  ///< e-mail addresses
};
inline Json toJson(const GroupMembers& list) { return {{"members", list.members}}; }

/// Mailing lists: contracts/participant-group.json.
class ParticipantGroupPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Create, create, "create", GroupCreate, Group, 1, Effect::findable, true,
                      "Group create(const Call&, const GroupCreate&)");
  DISPATCH_SDK_METHOD(Find, find, "find", GroupCreate, std::optional<Group>, 1, Effect::read, false,
                      "std::optional<Group> find(const Call&, const GroupCreate&)");
  DISPATCH_SDK_METHOD(Add, add, "add", GroupAdd, Rejections, 1, Effect::idempotent, true,
                      "Rejections add(const Call&, const GroupAdd&)");
  DISPATCH_SDK_METHOD(Remove, removeMember, "remove", GroupRemove, Done, 1, Effect::idempotent, false,
                      "void removeMember(const Call&, const GroupRemove&)");
  DISPATCH_SDK_METHOD(List, list, "list", GroupTarget, GroupMembers, 1, Effect::read, false,
                      "GroupMembers list(const Call&, const GroupTarget&)");
  DISPATCH_SDK_METHOD(Delete, remove, "delete", GroupTarget, Done, 1, Effect::idempotent, false,
                      "void remove(const Call&, const GroupTarget&)");
  using Methods = sdk::MethodList<Create, Find, Add, Remove, List, Delete>;

 protected:
  ~ParticipantGroupPlugin() = default;
};

}  // namespace dispatch
