// Builds the UI with the Node of package.json (Debian's is older than Vite wants), makes the API's types from its
// description (openapi.json, which the API's tests hold to the server), checks types, and writes csp.json:
// the hashes of whatever script or style stands inline in index.html, so that the policy needs no unsafe-inline.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const out = resolve(process.argv[2] ?? 'dist')
const node = join('node_modules', `node-linux-${process.arch}`, 'bin', 'node')

function run(...args) {
  const { status } = spawnSync(node, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

run('node_modules/openapi-typescript/bin/cli.js', 'openapi.json', '-o', 'src/api/schema.d.ts')
run('node_modules/vue-tsc/bin/vue-tsc.js', '--noEmit')
run('node_modules/vite/bin/vite.js', 'build', '--outDir', out, '--emptyOutDir')

const html = readFileSync(join(out, 'index.html'), 'utf8')
const hashes = (tag) =>
  [...html.matchAll(new RegExp(`<${tag}(?![^>]*\\bsrc=)[^>]*>([^<]+)</${tag}>`, 'g'))].map(([, text]) => `sha256-${createHash('sha256').update(text).digest('base64')}`)
writeFileSync(join(out, 'csp.json'), JSON.stringify({ script: hashes('script'), style: hashes('style') }))
