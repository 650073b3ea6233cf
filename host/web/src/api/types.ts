// The shapes that this program reads, made from the API's own description: schema.d.ts is generated from openapi.json at each build.
import type { components } from './schema.d.ts'

type Api = components['schemas']
/** What the API answers, all of it, with what its description leaves open said more closely. A member that the API does not have is an error here. */
type Read<Name extends keyof Api, Closer extends Partial<Record<keyof Api[Name], unknown>> = object> = Omit<Required<Api[Name]>, keyof Closer> & Closer

export type Project = Read<'ProjectRead', { name: string; display_name: string; default: boolean }>
export type Participant = Read<'ParticipantRead', { individual: Individual | null; participant_roles: Read<'ParticipantRoleRead', { role: string; assumed_at: string }>[] }>
export type TimelineEvent = Read<'EventRead', { uuid: string; started_at: string; source: string; description: string; type: string; pinned: boolean }>
export type Tag = Read<'TagRead', { name: string; tag_type?: Named | null }>
export type Incident = Read<
  'IncidentRead',
  {
    name: string
    title: string
    status: Status
    visibility: string
    kind: string
    reported_at: string
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
>
export type Plugin = Read<'PluginRead', { slug: string; title: string; type: string; version: string; author: string; description: string; usable: boolean; reason: string; state: string; home: string; configuration_schema: Schema }>
export type PluginInstance = Read<
  'PluginInstanceRead',
  {
    enabled: boolean
    state: string
    reason: string
    origin: string
    field_origins?: Record<string, string>
    plugin: Plugin
    project: Project | null
    running?: Running | null
    configuration_schema: Schema
  }
> & { configuration?: Record<string, unknown> | null }
/** Where an instance lives, and how that goes. */
export interface Running {
  home: 'process' | 'worker'
  version: string
  process: number
  sandbox: string
  memory_bytes: number
  restarts: number
  denied: number
  last_denied: string
  last_crash: string
  last_crash_at: string
  calls: number
  failures: number
  p50_ms: number
  p99_ms: number
  last_error: string
  last_error_at: string
  outbound: { at: string; method: string; host: string; port: number; path: string; status: number; milliseconds: number; error: string }[]
}
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
export type Status = 'Active' | 'Stable' | 'Closed'
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
