/** What somebody types is kept while they type it, one draft for each page they type it on.
 *
 *  A draft lives in localStorage, so that it outlives the browser; whose it is, a lock says that its page holds. A page takes up its own
 *  draft again after a reload. Drafts that nobody holds are what was left lying: they are offered, never mixed with another. Where
 *  pages have no locks (plain HTTP under a name that is not this machine's), two pages may be offered the same draft. */
export interface Kept<T> { key: string; at: number; value: T }

const anyId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')

/** A number that no other request has: Idempotency-Key. `crypto.randomUUID` is only there under HTTPS. */
export const freshKey = anyId

export class Drafts<T> {
  private readonly prefix: string
  private key = ''
  private release: () => void = () => {}
  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** Newest first; what cannot be read any more is dropped. */
  private all(): Kept<T>[] {
    const found: Kept<T>[] = []
    for (const key of Object.keys(localStorage)) {
      if (key !== this.prefix && !key.startsWith(`${this.prefix}/`)) continue
      try {
        const { draftedAt = 0, ...value } = JSON.parse(localStorage.getItem(key) ?? 'null')
        found.push({ key, at: draftedAt, value: value as T })
      } catch {
        localStorage.removeItem(key)
      }
    }
    return found.sort((a, b) => b.at - a.at)
  }

  /** Whether this page holds the draft from now on. `patience`: ms to wait for a page that is just going away. */
  private hold(key: string, patience = 0): Promise<boolean> {
    if (!navigator.locks) return Promise.resolve(true)
    return new Promise((resolve) => {
      const options = patience ? { signal: AbortSignal.timeout(patience) } : { ifAvailable: true }
      navigator.locks
        .request(key, options, (lock) => {
          resolve(!!lock)
          if (lock) return new Promise<void>((end) => (this.release = end))
        })
        .catch(() => resolve(false))
    })
  }
  private async take(key: string, patience = 0) {
    const before = this.release
    if (!(await this.hold(key, patience))) return false
    before()
    this.key = key
    sessionStorage.setItem(this.prefix, key)
    return true
  }

  /** The draft that this page was writing before it was loaded again. */
  async own(): Promise<T | null> {
    const key = sessionStorage.getItem(this.prefix)
    const mine = key ? this.all().find((draft) => draft.key === key) : undefined
    if (mine && (await this.take(mine.key, 500))) return mine.value
    await this.startAnew()
    return null
  }
  /** Another, empty one for this page; its own stays behind. */
  startAnew = () => this.take(`${this.prefix}/${anyId()}`)
  /** Drafts that no page holds. */
  async abandoned(): Promise<Kept<T>[]> {
    const held = new Set((await navigator.locks?.query())?.held?.map((lock) => lock.name))
    return this.all().filter((draft) => draft.key !== this.key && !held.has(draft.key))
  }
  /** Goes on with an abandoned draft; the page's own stays behind. False: another page was quicker. */
  goOn = (draft: Kept<T>) => this.take(draft.key)

  keep(value: T) {
    if (this.key) localStorage.setItem(this.key, JSON.stringify({ ...value, draftedAt: Date.now() }))
  }
  drop(key = this.key) {
    localStorage.removeItem(key)
  }
  /** The page goes: its draft, if there is one, is anybody's. */
  leave() {
    this.release()
  }
}
