#pragma once

#include "integrations/declared.hpp"
#include "plugin/plugin.hpp"
#include "store/store.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::integrations {

/// A row of plugin_instance with the names people know it by.
struct InstanceRow {
  std::int64_t id = 0, organizationId = 0, projectId = 0;
  std::string pluginId, organization, project, pluginTitle, pluginType;
  bool enabled = false;
  bool fromFile = false;                ///< dispatch.yaml manages it
  Json configuration = Json::object();  ///< secrets sealed
  std::uint64_t revision = 0;
  std::string lastTestedAt;
};

std::vector<InstanceRow> loadRows(store::Session& session);
std::optional<InstanceRow> loadRow(store::Session& session, std::int64_t id);

/// Which packages a project can use: those of a host-wide type (auth, secret) are chosen by settings instead.
bool belongsToProjects(const plugin::Installed& installed);

/// Inside a transaction: one host at a time brings the rows in line.
void lockRows(store::Session& session);
/// Inserts or refreshes `plugin`, also for packages that cannot be used; returns the ids that can be used
/// for the first time.
std::vector<std::string> storeCatalog(store::Session& session,
                                      const std::vector<plugin::Installed>& installed);
/// Takes the rows of packages that never were usable and are gone; these have no digest. `installed`:
/// everything there is.
void forgetNeverUsable(store::Session& session, const std::vector<plugin::Installed>& installed);
/// Rows of a project without any, or of plugins seen for the first time.
void addMissingRows(store::Session& session, const std::vector<plugin::Installed>& installed,
                    std::int64_t organizationId, std::int64_t projectId,
                    const std::vector<std::string>& firstSeen);

/// Gives every declaration its row and hands rows that are declared no more back to the database, disabled.
/// Returns the declaration of each row. What cannot be placed (unknown project or plugin) is told through
/// `complain`.
std::map<std::int64_t, Declaration> placeDeclarations(
    store::Session& session, const std::vector<Declaration>& declarations,
    const std::function<void(const std::string&)>& complain);

void audit(store::Session& session, std::int64_t organizationId, const std::string& actor,
           const std::string& action, std::int64_t instanceId, const Json& details);

/// "created", "updated", "deleted": other tabs and other hosts hear of it after the commit.
void publishChange(store::Session& session, std::int64_t organizationId, std::int64_t projectId,
                   std::int64_t instanceId, const std::string& change, const std::string& state = "");

}  // namespace dispatch::integrations
