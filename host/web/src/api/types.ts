// The shapes that this program reads, made from the API's own description: schema.d.ts is generated from openapi.json at each build.
import type { components } from './schema.d.ts'

type Api = components['schemas']
/** What the API answers, all of it, with what its description leaves open said more closely. A member that the API does not have is an error here. */
type Read<Name extends keyof Api, Closer extends Partial<Record<keyof Api[Name], unknown>> = object> = Omit<Required<Api[Name]>, keyof Closer> & Closer

export type Project = Read<'ProjectRead'>
export type Participant = Read<'ParticipantRead', { individual: Individual; participant_roles: Read<'ParticipantRoleRead'>[] }>
export type TimelineEvent = Read<'EventRead'>
export type Tag = Read<'TagRead', { tag_type?: Named | null }>
export type Incident = Read<
  'IncidentRead',
  {
    name: string
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
  }
>
export type Plugin = Read<'PluginRead', { configuration_schema: Schema }>
export type PluginInstance = Read<'PluginInstanceRead', { plugin: Plugin; project: Project; configuration_schema: Schema }> & { configuration?: Record<string, unknown> | null }
/** What a manifest asks for, and what an instance has of it. */
export type Granted = Api['Granted']
/** Where an instance lives, and how that goes. */
export type Running = Api['Running']
export type WebhookDelivery = Api['WebhookDelivery']
export type Source = Api['Source']
export type Session = Api['Session']
export type Role = Session['role']
export interface Page<T> { items: T[]; itemsPerPage: number; page: number; total: number }
export interface Named { id: number; name: string; color?: string | null; description?: string | null; default?: boolean; enabled?: boolean }
export interface Individual { id: number; name: string | null; email: string }
export type Status = 'Active' | 'Stable' | 'Closed'
export type Step = Api['Step']
export type StepState = Step['state']
export type Flow = Api['Flow']
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
export type TestResult = Api['TestResult']
export type AuthProviders = Api['AuthProviders']
export type OrganizationEvent = Api['OrganizationEvent']
