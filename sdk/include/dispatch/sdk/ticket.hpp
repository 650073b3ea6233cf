#pragma once

#include <dispatch/sdk/resource.hpp>

namespace dispatch {

struct Ticket {
  std::string resourceId;
  std::string weblink;
  std::string resourceType;  ///< e.g. "jira-ticket"; empty: the plugin's id

  static Ticket fromJson(const Json& value) {
    const Members in(value);
    return {in.text("resource_id"), in.textOr("weblink"), in.textOr("resource_type")};
  }
};
inline Json toJson(const Ticket& ticket) {
  Json out{{"resource_id", ticket.resourceId}, {"weblink", ticket.weblink}};
  sdk::put(out, "resource_type", ticket.resourceType);
  return out;
}

struct TicketCreate {
  Incident incident;
  std::string reporterEmail, commanderEmail;
  Json metadata;  ///< of the incident's type: what an operator wrote for this plugin, e.g. the tracker's
                  ///< project key

  static TicketCreate fromJson(const Json& value) {
    const Members in(value);
    return {Incident::fromJson(in.object("incident")), in.textOr("reporter_email"),
            in.textOr("commander_email"), in.object("metadata")};
  }
};

struct TicketUpdate {
  Ticket ticket;
  Incident incident;
  std::string reporterEmail, commanderEmail;
  Json metadata;
  Json links;  ///< name -> address of the incident's other resources

  static TicketUpdate fromJson(const Json& value) {
    const Members in(value);
    return {Ticket::fromJson(in.object("ticket")),
            Incident::fromJson(in.object("incident")),
            in.textOr("reporter_email"),
            in.textOr("commander_email"),
            in.object("metadata"),
            in.object("links")};
  }
};

struct TicketMetadata {
  Ticket ticket;
  Json metadata;
  static TicketMetadata fromJson(const Json& value) {
    const Members in(value);
    return {Ticket::fromJson(in.object("ticket")), in.object("metadata")};
  }
};

struct TicketDelete {
  Ticket ticket;
  static TicketDelete fromJson(const Json& value) {
    return {Ticket::fromJson(Members(value).object("ticket"))};
  }
};

/// A tracker of tickets: contracts/ticket.json.
class TicketPlugin : public Plugin {
 public:
  using Plugin::Plugin;

  DISPATCH_SDK_METHOD(Create, create, "create", TicketCreate, Ticket, 1, Effect::findable, true,
                      "Ticket create(const Call&, const TicketCreate&)");
  DISPATCH_SDK_METHOD(Find, find, "find", TicketCreate, std::optional<Ticket>, 1, Effect::read, false,
                      "std::optional<Ticket> find(const Call&, const TicketCreate&)");
  DISPATCH_SDK_METHOD(Update, update, "update", TicketUpdate, Done, 1, Effect::idempotent, true,
                      "void update(const Call&, const TicketUpdate&)");
  DISPATCH_SDK_METHOD(UpdateMetadata, updateMetadata, "update_metadata", TicketMetadata, Done, 1,
                      Effect::idempotent, false, "void updateMetadata(const Call&, const TicketMetadata&)");
  DISPATCH_SDK_METHOD(Delete, remove, "delete", TicketDelete, Done, 1, Effect::idempotent, false,
                      "void remove(const Call&, const TicketDelete&)");
  using Methods = sdk::MethodList<Create, Find, Update, UpdateMetadata, Delete>;

 protected:
  ~TicketPlugin() = default;
};

}  // namespace dispatch
