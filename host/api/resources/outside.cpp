// What an incident has on the outside, and the documents that are templates for it.
#include "api/resources/descriptions.hpp"
#include "api/shapes.hpp"

namespace dispatch::api {

using T = Field::Type;
using auth::Role;

namespace {

/// The members that all of them share.
std::vector<Field> with(std::vector<Field> own) {
  std::vector<Field> all{{.name = "resource_type"}, {.name = "resource_id"}, {.name = "weblink"}};
  all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return all;
}

}  // namespace

Resource describeTicket() {
  return {.model = "Ticket",
          .table = "ticket",
          .title = "ticket",
          .fields = with({}),
          .constants = {{"description", "The ticket in which this incident is tracked."}}};
}

Resource describeConference() {
  return {.model = "Conference",
          .table = "conference",
          .title = "conference",
          .fields = with({{.name = "conference_id"}, {.name = "conference_challenge"}}),
          .constants = {{"description", "The conference room of this incident."}}};
}

Resource describeConversation() {
  return {.model = "Conversation",
          .table = "conversation",
          .title = "conversation",
          .fields = with({{.name = "name"}, {.name = "channel_id"}, {.name = "thread_id"}}),
          .constants = {{"description", "The conversation of this incident."}}};
}

Resource describeStorage() {
  return {.model = "Storage",
          .table = "storage",
          .title = "storage folder",
          .fields = with({{.name = "name"}}),
          .constants = {{"description", "The folder for the files of this incident."}}};
}

Resource describeGroup() {
  return {.model = "Group",
          .table = "incident_group",
          .title = "participant group",
          .fields = with({{.name = "name", .notNull = true}, {.name = "email", .notNull = true}})};
}

Resource describeDocument() {
  Resource document{
      .model = "Document",
      .table = "document",
      .path = "documents",
      .title = "document",
      .fields = with({{.name = "name", .type = T::name, .required = true, .searchable = true},
                      {.name = "description", .searchable = true},
                      {.name = "created_at", .type = T::instant, .readOnly = true},
                      {.name = "updated_at", .type = T::instant, .readOnly = true}}),
      .links = {{.name = "project",
                 .resource = "Project",
                 .column = "project_id",
                 .resolve = Link::Resolve::byName,
                 .required = true,
                 .notNull = true}},
      .lists = {{.name = "filters",
                 .resource = "SearchFilter",
                 .table = "document_filter",
                 .local = "document_id",
                 .remote = "search_filter_id",
                 .writable = true},
                {.name = "tags",
                 .resource = "Tag",
                 .table = "document_tag",
                 .local = "document_id",
                 .remote = "tag_id",
                 .writable = true}},
      .operations = {.create = Role::member, .update = Role::member, .remove = Role::admin},
      .uniqueMessage = "A document with this name already exists in the project.",
      // Documents that incidents were given are seen with their incidents, by those who may see these.
      .visible = [](const auth::Principal&) {
        return store::Condition{"document.incident_id IS NULL", {}};
      }};
  addEvergreen(document);
  return document;
}

}  // namespace dispatch::api
