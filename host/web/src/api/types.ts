// The shapes this program reads, in the API's words (see /api/v1/docs/openapi.json).
export interface Project { id: number; name: string; display_name: string; color: string | null; default: boolean; report_incident_instructions?: string | null; report_incident_title_hint?: string | null; report_incident_description_hint?: string | null }
export interface Session {
  email: string
  user_id: number
  role: Role
  organization: { id: number; slug: string }
  csrf_token: string
  projects: { project: Project; default: boolean; role: string }[]
  admin_missing: boolean
  admin_command: string
  version: string
}
export type Role = 'Owner' | 'Manager' | 'Admin' | 'Member'
export interface Page<T> { items: T[]; itemsPerPage: number; page: number; total: number }
export interface Named { id: number; name: string; color?: string | null; description?: string | null; default?: boolean; enabled?: boolean }
export interface Individual { id: number; name: string | null; email: string }
export interface Participant {
  id: number
  individual: Individual | null
  team: string | null
  location: string | null
  added_reason: string | null
  participant_roles: { id: number; role: string; assumed_at: string; renounced_at: string | null }[]
}
export interface TimelineEvent { uuid: string; started_at: string; source: string; description: string; details: unknown; type: string; owner: string | null; pinned: boolean }
export interface Tag { id: number; name: string; tag_type?: Named | null }
export type Status = 'Active' | 'Stable' | 'Closed'
export interface Incident {
  id: number
  name: string
  title: string
  description: string
  resolution: string | null
  status: Status
  visibility: string
  kind: string
  reported_at: string
  stable_at: string | null
  closed_at: string | null
  project: Project
  incident_type: Named
  incident_priority: Named
  incident_severity: Named
  commander: Participant | null
  reporter: Participant | null
  participants: Participant[]
  events: TimelineEvent[]
  tags: Tag[]
  ticket: { weblink: string; resource_id: string } | null
  version: number
}
export type StepState = 'pending' | 'running' | 'done' | 'failed' | 'skipped' | 'waiting' | 'uncertain'
export interface Step {
  id: number
  key: string
  title: string
  plugin: string | null
  state: StepState
  reason: string | null
  error: string | null
  attempt: number
  next_try_at: string | null
  started_at: string | null
  finished_at: string | null
  actions: ('retry' | 'skip' | 'confirm')[]
}
export interface Flow { id: number; kind: string; state: string; created_at?: string; steps: Step[] }
export interface Plugin {
  id: number
  slug: string
  title: string
  type: string
  version: string
  author: string
  author_url: string
  description: string
  multiple: boolean
  usable: boolean
  reason: string
  configuration_schema: Schema
}
export interface PluginInstance {
  id: number
  enabled: boolean
  state: string
  reason: string
  origin: string
  field_origins?: Record<string, string>
  plugin: Plugin
  project: Project | null
  configuration?: Record<string, unknown> | null
  configuration_schema: Schema
}
export interface Schema {
  type?: string | string[]
  title?: string
  description?: string
  enum?: unknown[]
  default?: unknown
  format?: string
  writeOnly?: boolean
  minimum?: number
  maximum?: number
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
  'x-dispatch-secret'?: boolean
  'x-dispatch-order'?: number
  'x-dispatch-test'?: Schema
}
export interface TestResult { ok: boolean; summary: string; message: string; checks: { name: string; ok: boolean; detail: string }[] }
export interface Provider { id: string; title: string; actions: string[]; forms: Record<string, Schema> }
