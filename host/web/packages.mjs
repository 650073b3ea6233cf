// Fetches the build packages of package-lock.json. npm leaves an optional package out without a word when the Node that runs
// npm is too old for it. Debian's is, for the compiled half of Vite; but that will run under the Node of package.json, so it is fetched
// after all, in the locked version, as a package that is asked for: npm holds against those only what they need at least, in a warning.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

function npm(...args) {
  const { status } = spawnSync(process.argv[2] ?? 'npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

npm('ci')
const fits = (wanted, found) => !wanted || wanted.includes(found)
const missing = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages)
  .filter(([path, one]) => one.optional && one.os?.includes(process.platform) && fits(one.cpu, process.arch) && fits(one.libc, 'glibc') && !existsSync(path))
  .map(([path, one]) => `${path.replace(/^.*node_modules\//, '')}@${one.version}`)
if (missing.length) npm('install', '--no-save', '--ignore-scripts', ...missing)
