#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

struct StorageCreate {
  enum class Kind { folder, document };
  Incident incident;
  Kind kind = Kind::folder;
  std::string name;
  std::optional<Resource> parent;    ///< none: where the plugin's settings say
  std::optional<Resource> copyFrom;  ///< a document's template; none: an empty one
  std::vector<Mailbox> participants;

  static StorageCreate fromJson(const Json& value) {
    const Members in(value);
    return {Incident::fromJson(in.object("incident")),
            in.text("kind") == "document" ? Kind::document : Kind::folder,
            in.text("name"),
            sdk::resourceIn(in, "parent"),
            sdk::resourceIn(in, "template"),
            sdk::mailboxes(in.array("participants"))};
  }
};

struct StorageGrant {
  Resource resource;
  std::vector<Mailbox> participants;
  static StorageGrant fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("resource")), sdk::mailboxes(in.array("participants"))};
  }
};

struct StorageRevoke {
  Resource resource;
  Mailbox participant;
  static StorageRevoke fromJson(const Json& value) {
    const Members in(value);
    return {Resource::fromJson(in.object("resource")), Mailbox::fromJson(in.object("participant"))};
  }
};

struct StorageTarget {
  Resource resource;
  static StorageTarget fromJson(const Json& value) {
    return {Resource::fromJson(Members(value).object("resource"))};
  }
};

/// A place for files: contracts/storage.json.
class StoragePlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Create, create, "create", StorageCreate, Resource, 1, Effect::findable, true,
                      "Resource create(const Call&, const StorageCreate&)");
  DISPATCH_SDK_METHOD(Find, find, "find", StorageCreate, std::optional<Resource>, 1, Effect::read, false,
                      "std::optional<Resource> find(const Call&, const StorageCreate&)");
  DISPATCH_SDK_METHOD(Grant, grant, "grant", StorageGrant, Rejections, 1, Effect::idempotent, false,
                      "Rejections grant(const Call&, const StorageGrant&)");
  DISPATCH_SDK_METHOD(Revoke, revoke, "revoke", StorageRevoke, Done, 1, Effect::idempotent, false,
                      "void revoke(const Call&, const StorageRevoke&)");
  DISPATCH_SDK_METHOD(Open, open, "open", StorageTarget, Done, 1, Effect::idempotent, false,
                      "void open(const Call&, const StorageTarget&)");
  DISPATCH_SDK_METHOD(MarkReadonly, markReadonly, "mark_readonly", StorageTarget, Done, 1, Effect::idempotent,
                      false, "void markReadonly(const Call&, const StorageTarget&)");
  DISPATCH_SDK_METHOD(Delete, remove, "delete", StorageTarget, Done, 1, Effect::idempotent, false,
                      "void remove(const Call&, const StorageTarget&)");
  using Methods = sdk::MethodList<Create, Find, Grant, Revoke, Open, MarkReadonly, Delete>;

 protected:
  ~StoragePlugin() = default;
};

}  // namespace dispatch
