// An incident as one row with everything that its flows and its mails speak of.
#pragma once

#include "base/json.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dispatch::incident {

struct Named {
  std::int64_t id = 0;
  std::string name;
};

struct Subject {
  std::int64_t id = 0, organizationId = 0, projectId = 0, version = 0;
  std::string name, title, description, resolution, summary, status, visibility, kind;
  std::string organizationSlug, projectName, projectTitle;
  Named type, priority, severity;
  std::string typeMetadata;  ///< JSON: [{slug, metadata: [{key, value}]}]
  std::optional<std::int64_t> stablePriorityId;
  std::string reportedAt;
  std::optional<std::string> stableAt, closedAt;
  std::optional<std::int64_t> commanderId, reporterId;  ///< participants
  std::string commanderEmail, commanderName, reporterEmail, reporterName;
  std::string ticketId, ticketWeblink;
  std::optional<std::int64_t> ticketPluginInstanceId;
  std::vector<Named> tags;

  bool restricted() const { return visibility == "Restricted"; }
  bool closed() const { return status == "Closed"; }
};

/// nullopt if there is none. `lock`: holds the row until the transaction ends.
std::optional<Subject> readSubject(store::Session& session, std::int64_t incidentId, bool lock = false);

/// Address of the incident's page.
std::string weblinkOf(const Subject& subject, const std::string& uiUrl);

/// The `incident` object of the contracts; title and description of a restricted incident are masked by its
/// type's name.
Json incidentForPlugins(const Subject& subject, const std::string& uiUrl);

/// What an operator wrote at the incident's type for the plugin `slug`, as an object.
Json metadataFor(const Subject& subject, const std::string& slug);

}  // namespace dispatch::incident
