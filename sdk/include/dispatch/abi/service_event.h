/* "dispatch.event/1": what a plugin saw outside, told to the host. The host maps each type to what it does, and refuses the
 * types that plugin.json does not ask for (permissions.events). Nothing else is possible through it. */
#ifndef DISPATCH_ABI_SERVICE_EVENT_H
#define DISPATCH_ABI_SERVICE_EVENT_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_EVENT_1 "dispatch.event/1"

/* Types, and the members of data_json; others are refused. Those with a star are required.
 *   "incident.report"    title*, description*, started_at, incident_type, incident_priority, incident_severity (names), kind
 *   "incident.update"    status*: "Active", "Stable" or "Closed"; what is closed stays closed
 *   "timeline.note"      description*, started_at
 *   "participant.join"   email*
 *   "participant.leave"  email*; an actor may always leave themselves
 * Instants are ISO 8601. started_at of a report is when what it reports began; see deduplication_key. */
typedef struct dispatch_event {
  uint32_t struct_size;
  uint32_t reserved;
  dispatch_str type;
  /* E-mail address of the member of the organization who did it: what they may not do themselves is refused. Empty: the
   * plugin itself, which may change the incidents that it reported. */
  dispatch_str actor;
  /* Which incident: the deduplication_key of its incident.report by this instance; with an actor, also the incident's name. Empty
   * for incident.report. */
  dispatch_str subject;
  dispatch_str data_json; /* an object */
  /* 1 to 500 bytes, this instance's own: a second submit with it changes nothing and is answered with the first's id. One
   * exception: an incident.report whose started_at is after its incident was closed reports another incident, for which the
   * key stands from then on. */
  dispatch_str deduplication_key;
} dispatch_event;

typedef struct dispatch_event_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] Committed before it returns. *out: JSON object {"id": text, "duplicate": bool, "incident": {"id", "name",
   * "status"}}; incident as it is now. DENIED: not in the manifest, or not the actor's to do; NOT_FOUND: no such incident;
   * INVALID: the data, with the member to blame; UNAVAILABLE: not now. */
  dispatch_status (*submit)(const dispatch_host* host, const dispatch_call* call, const dispatch_event* event,
                            dispatch_str* out);
} dispatch_event_1;

#ifdef __cplusplus
}
#endif
#endif
