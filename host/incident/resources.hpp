// What an incident has on the outside: its ticket, folder, documents, groups, conference, conversation.
#pragma once

#include "base/json.hpp"
#include "flow/flow.hpp"
#include "incident/subject.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>

namespace dispatch::incident {

struct Resource {
  std::int64_t id = 0;  ///< of its row; 0: there is none
  std::string resourceId, name, weblink;
  std::string email;                             ///< of a group
  std::string challenge;                         ///< of a conference
  std::optional<std::int64_t> pluginInstanceId;  ///< who made it

  explicit operator bool() const { return !resourceId.empty(); }
  /// As the contracts name it: {resource_id, name, weblink[, email]}.
  Json reference() const;
};

struct Resources {
  Resource ticket, conversation, conference, folder, document, reviewDocument, tacticalGroup,
      notificationsGroup;
};

Resources readResources(store::Session& session, std::int64_t incidentId);

/// One of them, and what people call it.
struct ResourceKind {
  Resource Resources::*member;
  const char* title;  ///< "conversation"
};
namespace resource {
inline constexpr ResourceKind kConversation{&Resources::conversation, "conversation"};
inline constexpr ResourceKind kConference{&Resources::conference, "conference room"};
inline constexpr ResourceKind kFolder{&Resources::folder, "storage folder"};
inline constexpr ResourceKind kDocument{&Resources::document, "incident document"};
inline constexpr ResourceKind kReview{&Resources::reviewDocument, "review document"};
inline constexpr ResourceKind kTactical{&Resources::tacticalGroup, "tactical group"};
inline constexpr ResourceKind kNotifications{&Resources::notificationsGroup, "notifications group"};
}  // namespace resource

/// Records what the step's plugin answered to `create` as the incident's resource of this kind, in place of
/// the one before, and says so on the timeline.
void keepResource(flow::StepContext& step, const Subject& subject, const ResourceKind& kind,
                  const Json& output);

/// Name -> address of everything that is there, in the order people look for it.
std::vector<std::pair<std::string, std::string>> linksOf(const Resources& resources);

/// All of them with who made them, for a flow that outlives the incident's rows.
Json rememberResources(const Resources& resources);
/// One of those again, by its key there ("conversation").
Resource rememberedResource(const Json& flowInput, const std::string& key);

/// The title of the plugin that answered a step, as source of timeline events; the host where none did.
std::string answeredBy(flow::StepContext& step);
/// Its id; "" where none did.
std::string slugOf(flow::StepContext& step);

}  // namespace dispatch::incident
