// What the browser tests stand on: the installed server, a real SMTP server with STARTTLS, a web server for workflows.
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'

export const freePort = () =>
  new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function until(what, check, seconds = 20) {
  const end = Date.now() + seconds * 1000
  let last
  while (Date.now() < end) {
    try {
      last = await check()
      if (last) return last
    } catch (error) {
      last = error
    }
    await sleep(100)
  }
  throw new Error(`${what} did not come true within ${seconds} s (last: ${last})`)
}

/** A certificate authority for this run, and a server certificate for 127.0.0.1 and localhost by it. */
export function certificates(directory) {
  mkdirSync(directory, { recursive: true })
  const at = (name) => join(directory, name)
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=Dispatch test CA')
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost')
  writeFileSync(at('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl('x509', '-req', '-in', at('server.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('san.cnf'), '-out', at('server.pem'))
  return { ca: at('ca.pem'), key: readFileSync(at('server.key')), cert: readFileSync(at('server.pem')) }
}

export async function smtp({ key, cert }) {
  const state = { mails: [], refuse: false }
  const server = new SMTPServer({
    key, cert, authMethods: ['PLAIN', 'LOGIN'], size: 10 * 1024 * 1024,
    onAuth: (auth, _session, done) => (auth.username === 'mailer' && auth.password === 'correct horse' ? done(null, { user: 'mailer' }) : done(new Error('Invalid username or password'))),
    onRcptTo: (address, _session, done) => (address.address.startsWith('nobody@') || state.refuse ? done(new Error('No such user here')) : done()),
    onData(stream, session, done) {
      let text = ''
      stream.on('data', (piece) => (text += piece))
      stream.on('end', () => {
        state.mails.push({ to: session.envelope.rcptTo.map((entry) => entry.address), secure: session.secure, user: session.user, text })
        done(null, 'accepted')
      })
    },
  })
  server.on('error', () => {})
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { ...state, state, get mails() { return state.mails }, port: server.server.address().port, close: () => server.close() }
}

export async function workflows() {
  const state = { calls: [], status: 200 }
  const server = http.createServer((request, response) => {
    let text = ''
    request.on('data', (piece) => (text += piece))
    request.on('end', () => {
      if (request.method === 'POST') state.calls.push({ body: text, authorization: request.headers.authorization })
      response.writeHead(state.status, { 'Content-Type': 'application/json' })
      response.end(state.status === 200 ? JSON.stringify({ status: 'Completed', weblink: 'http://127.0.0.1/run/1', artifacts: [] }) : JSON.stringify({ error: 'the workflow engine is down' }))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { state, port: server.address().port, close: () => server.close() }
}

export class Dispatch {
  constructor(out, dialect, port, ca) {
    Object.assign(this, { out, dialect, port, ca, url: `http://127.0.0.1:${port}`, prefix: join(out, 'prefix'), child: null })
    this.program = join(this.prefix, 'bin', 'dispatch')
  }
  configure(allow) {
    const etc = join(this.prefix, 'etc', 'dispatch')
    mkdirSync(etc, { recursive: true })
    const key = () => randomBytes(36).toString('base64url')
    const lines = [`DISPATCH_ENCRYPTION_KEY=${key()}`, `DISPATCH_JWT_SECRET=${key()}`, `DISPATCH_PORT=${this.port}`, `DISPATCH_UI_URL=${this.url}`, 'LOG_LEVEL=INFO']
    if (this.dialect === 'postgresql') {
      const parts = Object.fromEntries(process.env.DISPATCH_TEST_POSTGRESQL.split(/\s+/).map((part) => part.split('=').map((text) => text.replace(/^'|'$/g, ''))))
      const name = `e2e_${process.pid}`
      execFileSync('psql', ['-X', '-q', '-c', `CREATE DATABASE ${name}`, process.env.DISPATCH_TEST_POSTGRESQL])
      lines.push(`DATABASE_HOSTNAME=${parts.host}`, `DATABASE_PORT=${parts.port}`, `DATABASE_NAME=${name}`, `DATABASE_CREDENTIALS=${parts.user}:${parts.password ?? 'unused'}`)
    }
    writeFileSync(join(etc, '.env'), `${lines.join('\n')}\n`, { mode: 0o600 })
    writeFileSync(join(etc, 'dispatch.yaml'), `unsigned: [watch-feed]\nallow:\n${allow.map((entry) => `  - ${JSON.stringify(entry)}\n`).join('')}`)
  }
  cli(...args) {
    return execFileSync(this.program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
  async start(environment = {}) {
    const log = join(this.out, 'server.out')
    this.child = spawn(this.program, ['server', 'start'], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (piece) => writeFileSync(log, piece, { flag: 'a' }))
    this.child.on('exit', () => (this.child = null))
    await until('The server', async () => {
      if (!this.child) throw new Error(`it ended: ${existsSync(log) ? readFileSync(log, 'utf8').slice(-1500) : ''}`)
      return (await fetch(`${this.url}/readyz`)).ok
    })
  }
  async stop(signal = 'SIGTERM') {
    const child = this.child
    if (!child) return
    const gone = new Promise((resolve) => child.on('exit', resolve))
    child.kill(signal)
    await gone
  }
}
