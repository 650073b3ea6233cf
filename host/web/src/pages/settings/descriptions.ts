import type { Role } from '../../api/types.ts'
import { strings } from '../../strings.ts'

export interface Field { key: string; label: string; kind: 'text' | 'long' | 'boolean' | 'integer' | 'color' | 'choice' | 'link' | 'metadata'; choices?: (string | { value: string; title: string })[]; path?: string; required?: boolean; column?: boolean }
export interface Description { title: string; path: string; fields: Field[]; scoped: boolean; removable: boolean; creator?: Role }
export type Row = Record<string, unknown> & { id: number; name: string }

const name: Field = { key: 'name', label: 'Name', kind: 'text', required: true }
const description: Field = { key: 'description', label: 'Description', kind: 'long', column: true }
const enabled: Field = { key: 'enabled', label: 'Enabled', kind: 'boolean' }
const isDefault: Field = { key: 'default', label: 'Default', kind: 'boolean' }
const color: Field = { key: 'color', label: 'Colour', kind: 'color' }
const order: Field = { key: 'view_order', label: 'Order', kind: 'integer' }
const email: Field = { key: 'email', label: 'E-mail', kind: 'text', required: true, column: true }

/** Settings pages, `creator` being who may make a new one (an Admin, where it is left out), one line each: the page itself is the same for all. */
export const descriptions: Record<string, Description> = {
  types: { title: strings.frame.types, path: 'incident_types', scoped: true, removable: true, fields: [name, description, { key: 'visibility', label: 'Visibility', kind: 'choice', choices: ['Open', 'Restricted'], column: true }, { key: 'channel_description', label: 'Description of conversations', kind: 'long' }, { key: 'incident_template_document', label: 'Template of the incident document', kind: 'link', path: 'documents' }, { key: 'review_template_document', label: 'Template of the review document', kind: 'link', path: 'documents' }, { key: 'plugin_metadata', label: 'Values for plugins', kind: 'metadata' }, { key: 'exclude_from_review', label: 'Without a review', kind: 'boolean' }, enabled, isDefault] },
  priorities: { title: strings.frame.priorities, path: 'incident_priorities', scoped: true, removable: true, fields: [name, description, color, order, { key: 'page_commander', label: 'Page the commander', kind: 'boolean' }, enabled, isDefault] },
  severities: { title: strings.frame.severities, path: 'incident_severities', scoped: true, removable: true, fields: [name, description, color, order, enabled, isDefault] },
  tagTypes: { title: strings.frame.tagTypes, path: 'tag_types', scoped: true, removable: true, fields: [name, description, color, { key: 'exclusive', label: 'Only one of them per incident', kind: 'boolean' }, { key: 'required', label: 'Required', kind: 'boolean' }] },
  tags: { title: strings.frame.tags, path: 'tags', scoped: true, removable: true, fields: [name, description, { key: 'tag_type', label: 'Tag type', kind: 'link', path: 'tag_types', required: true, column: true }] },
  notifications: { title: strings.frame.notifications, path: 'notifications', scoped: true, removable: true, fields: [name, description, { key: 'type', label: 'Type', kind: 'choice', choices: ['email', 'conversation'], required: true, column: true }, { key: 'target', label: 'Target', kind: 'text', required: true, column: true }, enabled] },
  workflows: { title: strings.frame.workflows, path: 'workflows', scoped: true, removable: true, fields: [name, description, { key: 'plugin_instance', label: 'Plugin', kind: 'link', path: 'plugins/instances', required: true }, { key: 'resource_id', label: 'Workflow id at the other side', kind: 'text', required: true, column: true }, { key: 'trigger', label: 'Run by itself', kind: 'choice', choices: [{ value: '', title: strings.settings.byHand }, { value: 'incident.create', title: strings.settings.everyIncident }], column: true }, enabled] },
  documents: { title: strings.frame.documents, path: 'documents', scoped: true, removable: true, creator: 'Member', fields: [name, description, { key: 'resource_id', label: 'Id at the storage plugin', kind: 'text', column: true }, { key: 'weblink', label: 'Address', kind: 'text' }] },
  teams: { title: strings.frame.teams, path: 'teams', scoped: true, removable: true, fields: [name, email, { key: 'company', label: 'Company', kind: 'text' }, { key: 'is_active', label: 'Active', kind: 'boolean' }] },
  services: { title: strings.frame.services, path: 'services', scoped: true, removable: true, fields: [name, description, { key: 'type', label: 'Plugin', kind: 'text', column: true }, { key: 'external_id', label: 'Id at the other side', kind: 'text', column: true }, { key: 'is_active', label: 'Active', kind: 'boolean' }] },
  projects: { title: strings.frame.projects, path: 'projects', scoped: false, removable: true, creator: 'Manager', fields: [name, { key: 'display_name', label: 'Display name', kind: 'text' }, description, { key: 'owner_email', label: 'Owner e-mail', kind: 'text', column: true }, { key: 'report_incident_instructions', label: 'Instructions on the report form', kind: 'long' }, { key: 'allow_self_join', label: 'Anybody may join incidents', kind: 'boolean' }, enabled, isDefault] },
}
