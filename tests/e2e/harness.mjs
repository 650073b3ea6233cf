// A browser beside the real server, mail server and web server: what the steps of the journey share.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { certificates, Dispatch, freePort, smtp, until, workflows } from './machine.mjs'

export const [out, dialect] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
export const email = 'ada@example.com'

const tls = certificates(join(out, 'tls'))
export const mail = await smtp(tls)
export const hook = await workflows()
export const dispatch = new Dispatch(out, dialect, await freePort(), tls.ca)
dispatch.configure([
  { plugin: 'smtp-email', host: '127.0.0.1', port: mail.port, ca_file: tls.ca },
  { plugin: 'generic-workflow', host: '127.0.0.1', port: hook.port },
])

export const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync', '--disable-component-update', '--disable-quic'] })
export const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce' })
context.setDefaultTimeout(15000)
export const complaints = []
export const foreign = []
context.on('page', (page) => {
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (401|403|409|422|503)/.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(dispatch.url) && !url.startsWith('data:') && !url.startsWith('blob:')) foreign.push(url)
  })
})
export const page = await context.newPage()

let passed = 0
let failed = 0
export async function check(name, work) {
  const began = Date.now()
  try {
    await work()
    passed++
    console.log(`  ok    ${name} (${Date.now() - began} ms)`)
  } catch (error) {
    failed++
    console.log(`  FAIL  ${name}: ${error.message}`)
    await page.screenshot({ path: join(out, `failed-${failed}.png`) }).catch(() => {})
  }
}
export const shot = (name) => page.screenshot({ path: join(out, `${name}.png`) })
export const go = (path) => page.goto(`${dispatch.url}${path}`)
export const seen = (text, where = page) => where.getByText(text).first().waitFor()
export async function accessible() {
  // The ring in a button that works has no name of its own: the button has it.
  await page.locator('.v-btn--loading').first().waitFor({ state: 'detached' })
  // A table that is being fetched again is dimmed for that moment.
  await page.locator('.v-data-table--loading').first().waitFor({ state: 'detached' })
  // So is what comes and goes: colours in between are nobody's.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity).map((one) => one.finished.catch(() => {}))))
  await page.evaluate(axe)
  // Text in the colour of its ground, which the checker takes for undecidable.
  const invisible = await page.evaluate(() =>
    [...document.querySelectorAll('a, button')].filter((one) => one.innerText?.trim() && getComputedStyle(one).color === getComputedStyle(one).backgroundColor).map((one) => one.innerText))
  if (invisible.length) throw new Error(`cannot be read: ${invisible.join(', ')}`)
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const serious = violations.filter((violation) => ['serious', 'critical'].includes(violation.impact))
  if (serious.length) throw new Error(serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => `${node.target} ${node.any?.[0]?.message ?? ''}`).slice(0, 3).join(' | ')}`).join('; '))
}
export async function choose(label, option) {
  await page.getByLabel(label, { exact: false }).first().click({ force: true })
  await page.getByRole('option', { name: option, exact: true }).click()
}
/** Looked at, not scrolled to: a browser test's own waiting does not tell whether a person sees it. */
export const inView = (selector) =>
  until(`${selector} in view`, () =>
    page.locator(selector).evaluate((one) => {
      const { left, top, bottom } = one.getBoundingClientRect()
      return bottom > top && top >= 0 && one.contains(document.elementFromPoint(left + 30, top + 8)) && one.contains(document.elementFromPoint(left + 30, Math.min(bottom, innerHeight) - 8))
    }))
export const request = (method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const session = await (await fetch('/api/v1/default/auth/session')).json()
      const answer = await fetch(`/api/v1/default${path}`, { method, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': session.csrf_token }, body: body && JSON.stringify(body) })
      return { status: answer.status, body: await answer.json() }
    },
    [method, path, body])
export const step = (key) => page.locator(`[data-step="${key}"]`)
export const stepState = (key, state, seconds = 20) => page.locator(`[data-step="${key}"][data-state="${state}"]`).first().waitFor({ timeout: seconds * 1000 })

/** Ends everything, says how many checks passed, and with which result. */
export async function end() {
  await browser.close()
  await dispatch.stop()
  mail.close()
  hook.close()
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exit(failed ? 1 : 0)
}
