#pragma once

#include "api/api.hpp"
#include "api/resource/resource.hpp"

namespace dispatch::api {

// One file each; describeAll() is the list of them.
Resource describeOrganization();
Resource describeProject(integrations::Integrations& integrations);
Resource describeUser();
Resource describeIndividual();
Resource describeTeam();
Resource describeService();
Resource describeTagType();
Resource describeTag();
Resource describeIncidentType();
Resource describeIncidentPriority();
Resource describeIncidentSeverity();
Resource describeIncidentRole();
Resource describeIncident();
Resource describeParticipant();
Resource describeParticipantRole();
Resource describeEvent();
Resource describeTicket();
Resource describeConference();
Resource describeConversation();
Resource describeStorage();
Resource describeGroup();
Resource describeDocument();
Resource describeNotification();
Resource describeSearchFilter();
Resource describePlugin(integrations::Integrations& integrations, plugin::Catalog& catalog);
Resource describePluginInstance(integrations::Integrations& integrations, plugin::Catalog& catalog);
Resource describeWorkflow();

void describeAll(Resources& resources, plugin::Catalog& catalog, integrations::Integrations& integrations);

/// The members of the original's evergreen rows.
void addEvergreen(Resource& resource);

}  // namespace dispatch::api
