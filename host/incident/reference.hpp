// What a body refers to by name: project, type, priority, severity, tags.
#pragma once

#include "base/json.hpp"
#include "incident/subject.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dispatch::incident {

struct Project {
  std::int64_t id = 0, organizationId = 0;
  std::string name, slug, organizationSlug;
  std::optional<std::int64_t> stablePriorityId;
};

/// `body.project.name` in the organization, else its default project. Throws Problem(invalid) with the names
/// there are.
Project resolveProject(store::Session& session, std::int64_t organizationId, const Json& body);

/// `body[key].name` (or id) among the enabled rows of `table` in the project, else the default one.
/// `current`: what the incident has already is accepted also when it was disabled since. Throws
/// Problem(invalid) with the names there are.
store::Row resolveSetting(store::Session& session, const std::string& table, const char* key,
                          std::int64_t projectId, const Json& body,
                          std::optional<std::int64_t> current = std::nullopt);

/// `body.tags`: by id, else by name (and type), else made; in the given order, none twice. Throws
/// Problem(invalid): two tags of an exclusive type, or an id that is not of the project.
std::vector<std::int64_t> resolveTags(store::Session& session, const Project& project, const Json& body);

/// Who fills `role` by the project's policies: an individual, or whoever is on call for a service.
struct PolicyAnswer {
  std::string email;
  std::string service;  ///< its name
  std::int64_t serviceId = 0;
  bool engageNext = false;  ///< who is on call after them takes part, too
};
PolicyAnswer resolvePolicy(store::Session& session, std::int64_t projectId, const std::string& role,
                           std::int64_t typeId, std::int64_t priorityId,
                           const std::vector<std::int64_t>& tags);

}  // namespace dispatch::incident
