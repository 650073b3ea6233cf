import type { Incident } from './api/types.ts'
import { strings } from './strings.ts'

/** What an incident has on the outside, in the order people look for it. */
export interface Outside { title: string; name: string; weblink?: string; note?: string }

/** A plugin wrote these addresses: one that would run something instead of leading somewhere is no link. */
const leadsSomewhere = (weblink: string) => /^(https?|xmpp|mailto|tel):/i.test(weblink)

export function outsideOf(incident: Incident): Outside[] {
  const text = strings.incident
  const all: Outside[] = []
  const add = (title: string, one: { weblink?: string | null } | null | undefined, name: string | null | undefined, note?: string) => {
    if (one?.weblink || (one && name)) all.push({ title, name: name || one.weblink || '', weblink: one.weblink && leadsSomewhere(one.weblink) ? one.weblink : undefined, note })
  }
  add(text.ticket, incident.ticket, incident.ticket?.resource_id)
  add(text.conversation, incident.conversation, incident.conversation?.name)
  const challenge = incident.conference?.conference_challenge
  add(text.conference, incident.conference, undefined, challenge ? text.challenge(challenge) : undefined)
  add(text.document, incident.incident_document, incident.incident_document?.name)
  add(text.review, incident.incident_review_document, incident.incident_review_document?.name)
  add(text.storage, incident.storage, incident.storage?.name)
  const group = incident.tactical_group
  if (group?.email) all.push({ title: text.group, name: group.email, weblink: `mailto:${group.email}` })
  return all
}
