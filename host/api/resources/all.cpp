#include "api/resources/descriptions.hpp"

namespace dispatch::api {

void describeAll(Resources& resources, plugin::Catalog& catalog, integrations::Integrations& integrations) {
  resources.add(describeOrganization());
  resources.add(describeProject(integrations));
  resources.add(describeUser());
  resources.add(describeIndividual());
  resources.add(describeTeam());
  resources.add(describeService());
  resources.add(describeTagType());
  resources.add(describeTag());
  resources.add(describeIncidentType());
  resources.add(describeIncidentPriority());
  resources.add(describeIncidentSeverity());
  resources.add(describeIncidentRole());
  resources.add(describeIncident());
  resources.add(describeParticipant());
  resources.add(describeParticipantRole());
  resources.add(describeEvent());
  resources.add(describeTicket());
  resources.add(describeConference());
  resources.add(describeConversation());
  resources.add(describeStorage());
  resources.add(describeGroup());
  resources.add(describeDocument());
  resources.add(describeNotification());
  resources.add(describeSearchFilter());
  resources.add(describePlugin(integrations, catalog));
  resources.add(describePluginInstance(integrations, catalog));
  resources.add(describeWorkflow());
}

store::Models describeModels(plugin::Catalog& catalog, integrations::Integrations& integrations) {
  Resources resources;
  describeAll(resources, catalog, integrations);
  return resources.models();
}

void addEvergreen(Resource& resource) {
  using T = Field::Type;
  resource.fields.insert(resource.fields.end(),
                         {{.name = "evergreen", .type = T::boolean, .defaultValue = false},
                          {.name = "evergreen_owner", .type = T::email},
                          {.name = "evergreen_reminder_interval", .type = T::integer, .defaultValue = 90},
                          {.name = "evergreen_last_reminder_at", .type = T::instant}});
}

}  // namespace dispatch::api
