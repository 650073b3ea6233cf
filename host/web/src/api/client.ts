import { strings } from '../strings.ts'

export interface Detail { msg: string; loc?: (string | number)[]; type?: string }

const pathBelow = (root: string, loc: Detail['loc'] = []) => loc.slice(loc.lastIndexOf(root) + 1).join('.')

/** "incident_type must be …" as the person at the form knows it: by the field's label, or "Incident type must be …". */
function inWords({ msg, loc = [] }: Detail, labels: Record<string, string> = {}) {
  const [said, key] = msg.match(/^([a-z]\w*)(?:\.(?:name|id))?(?= )/) ?? []
  if (!said || !loc.includes(key)) return msg
  return (labels[key] ?? key[0].toUpperCase() + key.slice(1).replaceAll('_', ' ')) + msg.slice(said.length)
}

/** The same where no field stands beside it: "is required" of a configuration's "host" is "Host is required". */
function standingAlone(detail: Detail) {
  const words = inWords(detail)
  const key = detail.loc?.findLast((part) => typeof part === 'string' && part !== 'body' && part !== 'configuration') as string | undefined
  return key && /^(is|must|has|may|does|cannot|names|needs) /.test(words) ? `${key[0].toUpperCase()}${key.slice(1).replaceAll('_', ' ')} ${words}` : words
}

/** A refusal of the server, in its own words, with the fields to blame. */
export class ApiError extends Error {
  readonly status: number
  readonly details: Detail[]
  constructor(status: number, details: Detail[]) {
    super(details.map(standingAlone).join('\n'))
    this.status = status
    this.details = details
  }
  /** Messages by field path below `root` ("body" or "configuration"), e.g. {"port": "Port must be …"}. */
  fields(root = 'body', labels: Record<string, string> = {}): Record<string, string> {
    const found: Record<string, string> = {}
    for (const detail of this.details) {
      const path = pathBelow(root, detail.loc)
      if (path && !found[path]) found[path] = inWords(detail, labels)
    }
    return found
  }
  /** The messages that belong to none of these fields, one a line; empty if each has its field. */
  elsewhere(keys: string[], root = 'body'): string {
    return this.details
      .filter(({ loc }) => !keys.includes(pathBelow(root, loc).split('.')[0]))
      .map(standingAlone)
      .join('\n')
  }
}

let csrfToken = ''
export function setCsrfToken(token: string) {
  csrfToken = token
}

let onUnauthorized: () => void = () => {}
export function whenUnauthorized(handler: () => void) {
  onUnauthorized = handler
}

type Plain = string | number | boolean | null | undefined
/** A list is sent as key[]=a&key[]=b, an object (a filter expression) as JSON. */
type Query = Record<string, Plain | readonly Plain[] | { [key: string]: unknown }>

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    if (Array.isArray(value)) value.forEach((item) => parameters.append(`${key}[]`, String(item)))
    else parameters.append(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const text = parameters.toString()
  return text ? `?${text}` : ''
}

interface Options { query?: Query; body?: unknown; headers?: Record<string, string>; signal?: AbortSignal }

async function once<T>(method: string, path: string, options: Options): Promise<{ body: T; headers: Headers }> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  if (method !== 'GET') headers['X-CSRF-Token'] = csrfToken
  const answer = await fetch(`/api/v1${path}${queryText(options.query ?? {})}`, {
    method,
    headers,
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
    signal: options.signal,
    credentials: 'same-origin',
  })
  const text = await answer.text()
  let body: unknown = null
  try {
    body = text ? JSON.parse(text) : null
  } catch {
    throw new ApiError(answer.status, [{ msg: strings.errors.notJson(answer.status) }])
  }
  if (answer.ok) return { body: body as T, headers: answer.headers }
  const detail = (body as { detail?: Detail[] | string } | null)?.detail
  const error = new ApiError(answer.status, Array.isArray(detail) ? detail : [{ msg: detail || strings.errors.status(answer.status) }])
  if (answer.status === 401) onUnauthorized()
  throw error
}

/** Reads are repeated when the network fails; what changes something is not: whether it arrived is unknown. */
async function call<T>(method: string, path: string, options: Options = {}): Promise<{ body: T; headers: Headers }> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await once<T>(method, path, options)
    } catch (error) {
      const network = error instanceof TypeError
      if (!network || method !== 'GET' || attempt >= 2) throw network ? new ApiError(0, [{ msg: strings.errors.offline }]) : error
      await new Promise((resume) => setTimeout(resume, 400 * 2 ** attempt))
    }
  }
}

export const api = {
  get: async <T>(path: string, query?: Query, signal?: AbortSignal) => (await call<T>('GET', path, { query, signal })).body,
  getWithHeaders: <T>(path: string) => call<T>('GET', path),
  post: async <T>(path: string, body?: unknown, headers?: Record<string, string>) => (await call<T>('POST', path, { body: body ?? {}, headers })).body,
  put: async <T>(path: string, body: unknown, headers?: Record<string, string>) => (await call<T>('PUT', path, { body, headers })).body,
  patch: async <T>(path: string, body: unknown) => (await call<T>('PATCH', path, { body })).body,
  remove: async (path: string) => (await call<null>('DELETE', path)).body,
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
