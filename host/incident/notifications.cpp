#include "incident/notifications.hpp"

#include "base/base.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

using flow::StepContext;

/// Whether one of the notification's search filters matches, or it has none.
bool applies(StepContext& step, const store::Models& models, std::int64_t notificationId) {
  const store::Rows filters = step.session.query(
      "SELECT f.expression, f.name FROM notification_filter nf JOIN search_filter f ON f.id = "
      "nf.search_filter_id "
      "WHERE nf.notification_id = ? AND f.enabled = ? AND f.subject = 'incident' ORDER BY f.id",
      {notificationId, true});
  if (filters.empty())
    return !step.session.one(
        "SELECT search_filter_id FROM notification_filter WHERE notification_id = ? LIMIT 1",
        {notificationId});
  const store::Model* incident = models.find("Incident");
  if (!incident) throw std::logic_error("no model \"Incident\" is described");
  for (const store::Row& filter : filters) {
    try {
      const store::ListQuery query = store::buildMatch(models, *incident, filter.json("expression"),
                                                       step.subjectId, step.session.dialect());
      if (step.session.query(query.countSql, query.parameters).at(0).at(0) != store::Value(std::int64_t{0}))
        return true;
    } catch (const Problem& problem) {
      // A filter that cannot be read chooses nothing; that somebody is not told must not stay unseen.
      addToTimeline(step.session, step.organizationId, step.subjectId,
                    {.description = "Search filter \"" + filter.text("name") +
                                    "\" cannot be used. Reason: " + problem.what()});
    }
  }
  return false;
}

}  // namespace

store::Rows applicableNotifications(StepContext& step, const store::Models& models, const std::string& type) {
  store::Rows rows;
  for (store::Row& row :
       step.session.query("SELECT id, name, target FROM notification WHERE project_id = ? AND type = ? AND "
                          "enabled = ? ORDER BY id",
                          {step.projectId, type, true}))
    if (applies(step, models, row.integer("id"))) rows.push_back(std::move(row));
  return rows;
}

}  // namespace dispatch::incident
