import type { Incident, Participant, Session } from '../api/types.ts'

/** Roles that somebody holds. Closing an incident ends all at once, and whom it ended them for may still act (as the API has it). */
const holds = (incident: Incident, person: Participant) =>
  person.participant_roles.filter((role) => !role.renounced_at || role.renounced_at === incident.closed_at)

/** What the person who is logged in may do with an incident, so that the page offers nothing that the API would refuse. */
export function standingOf(incident: Incident | null, session: Session | null, isAdmin: boolean) {
  if (!incident || !session) return { edit: false, timeline: false, join: false }
  const email = session.email.toLowerCase()
  const mine = incident.participants.filter((person) => person.individual?.email.toLowerCase() === email && holds(incident, person).length > 0)
  const leads = mine.some((person) => person.id === incident.commander?.id || person.id === incident.reporter?.id)
  const scribe = mine.some((person) => holds(incident, person).some((role) => role.role === 'Scribe'))
  return {
    edit: isAdmin || leads,
    timeline: isAdmin || leads || scribe,
    join: isAdmin || (incident.visibility === 'Open' && incident.project?.allow_self_join !== false),
  }
}
