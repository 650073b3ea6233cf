// The product as people use it: points 2 to 7 of the promise in README.md. Each step is a named check; the run ends with the count.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { certificates, Dispatch, freePort, smtp, until, workflows } from './machine.mjs'

const [out, dialect] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const email = 'ada@example.com'
let password = 'a long enough passphrase'

const tls = certificates(join(out, 'tls'))
const mail = await smtp(tls)
const hook = await workflows()
const dispatch = new Dispatch(out, dialect, await freePort(), tls.ca)
dispatch.configure([
  { plugin: 'smtp-email', host: '127.0.0.1', port: mail.port, ca_file: tls.ca },
  { plugin: 'generic-workflow', host: '127.0.0.1', port: hook.port },
])

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync', '--disable-component-update', '--disable-quic'] })
const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce' })
context.setDefaultTimeout(15000)
const complaints = []
const foreign = []
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
const page = await context.newPage()

let passed = 0
let failed = 0
async function check(name, work) {
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
const shot = (name) => page.screenshot({ path: join(out, `${name}.png`) })
const go = (path) => page.goto(`${dispatch.url}${path}`)
const seen = (text, where = page) => where.getByText(text).first().waitFor()
async function accessible() {
  // The ring in a button that works has no name of its own: the button has it.
  await page.locator('.v-btn--loading').first().waitFor({ state: 'detached' })
  await page.evaluate(axe)
  // Text in the colour of its ground, which the checker takes for undecidable.
  const invisible = await page.evaluate(() =>
    [...document.querySelectorAll('a, button')].filter((one) => one.innerText?.trim() && getComputedStyle(one).color === getComputedStyle(one).backgroundColor).map((one) => one.innerText))
  if (invisible.length) throw new Error(`cannot be read: ${invisible.join(', ')}`)
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const serious = violations.filter((violation) => ['serious', 'critical'].includes(violation.impact))
  if (serious.length) throw new Error(serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target).slice(0, 3).join(' | ')}`).join('; '))
}
async function choose(label, option) {
  await page.getByLabel(label, { exact: false }).first().click({ force: true })
  await page.getByRole('option', { name: option, exact: true }).click()
}
/** Looked at, not scrolled to: a browser test's own waiting does not tell whether a person sees it. */
const inView = (selector) =>
  until(`${selector} in view`, () =>
    page.locator(selector).evaluate((one) => {
      const { left, top, bottom } = one.getBoundingClientRect()
      return bottom > top && top >= 0 && one.contains(document.elementFromPoint(left + 30, top + 8)) && one.contains(document.elementFromPoint(left + 30, Math.min(bottom, innerHeight) - 8))
    }))
const request = (method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const session = await (await fetch('/api/v1/default/auth/session')).json()
      const answer = await fetch(`/api/v1/default${path}`, { method, headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': session.csrf_token }, body: body && JSON.stringify(body) })
      return { status: answer.status, body: await answer.json() }
    },
    [method, path, body])
const step = (key) => page.locator(`[data-step="${key}"]`)
const stepState = (key, state, seconds = 20) => page.locator(`[data-step="${key}"][data-state="${state}"]`).first().waitFor({ timeout: seconds * 1000 })

await dispatch.start()
await check('the first page of a fresh installation leads to registration', async () => {
  await go('/')
  await page.waitForURL('**/default/auth/register')
  await seen('Create your account')
  await accessible()
  await shot('register')
})
await check('a short password is refused at its field, and nothing is lost', async () => {
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password', { exact: true }).fill('short')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.locator('.v-messages__message', { hasText: /15/ }).first().waitFor()
  if ((await page.getByLabel('E-mail').inputValue()) !== email) throw new Error('the e-mail address was lost')
})
await check('registering logs in as Member and says that an Admin is missing, and which command makes one', async () => {
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.locator('[data-test="admin-missing"]').waitFor()
  await seen(`dispatch user update --role Admin --organization default ${email}`)
  await seen('No incidents yet')
  await accessible()
  await shot('first-login')
  if (await page.getByRole('link', { name: 'Plugins' }).count()) throw new Error('a Member sees the Admin pages')
})
await check('the command makes an Admin at once', async () => {
  dispatch.cli('user', 'update', '--role', 'Admin', '--organization', 'default', email)
  await page.reload()
  await page.getByRole('link', { name: 'Plugins' }).waitFor()
  if (await page.locator('[data-test="admin-missing"]').count()) throw new Error('the warning is still there')
})
await check('the plugins page shows every plugin with type, version, author and state', async () => {
  await page.getByRole('link', { name: 'Plugins' }).click()
  for (const id of ['dispatch-ticket', 'dispatch-contact', 'dispatch-participant-resolver', 'smtp-email', 'generic-workflow', 'dispatch-auth-provider-basic', 'sodium'])
    await page.locator(`[data-plugin="${id}"]`).waitFor()
  await page.locator('[data-plugin="dispatch-ticket"] [data-test="state"]', { hasText: 'healthy' }).waitFor()
  await accessible()
  await shot('plugins')
})
const field = (name) => page.locator(`[data-test="plugin-form"] [data-field="${name}"] input`).first()
await check('the SMTP form refuses what breaks its schema, at the field', async () => {
  await page.locator('[data-plugin="smtp-email"]').getByRole('button', { name: 'Configure' }).click()
  await field('host').fill('127.0.0.1')
  await field('port').fill('70000')
  await field('from_address').fill('dispatch@example.com')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-test="plugin-form"] .v-messages__message', { hasText: /65535|port/i }).first().waitFor()
  await inView('[data-test="plugin-form"] .v-input--error')
  await field('host').fill('what server?')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-test="plugin-form"] .v-messages__message', { hasText: /expected form.*smtp\.example\.com/ }).waitFor()
  await field('host').fill('127.0.0.1')
})
await check('Test shows the reason of the mail server for a wrong password, in view', async () => {
  await field('port').fill(String(mail.port))
  await field('username').fill('mailer')
  await field('password').fill('wrong')
  await page.locator('[data-test="test"]').click()
  await page.locator('[data-test="test-result"]', { hasText: /535|Invalid username or password/ }).waitFor()
  await inView('[data-test="test-result"]')
  await shot('plugin-test-failed')
})
await check('Test sends a mail through STARTTLS with the right one', async () => {
  await field('password').fill('correct horse')
  const recipient = page.locator('[data-test="plugin-form"] [data-field="recipient"] input')
  if (await recipient.count()) await recipient.first().fill(email)
  await page.locator('[data-test="test"]').click()
  await page.locator('[data-test="test-result"]', { hasText: 'It works' }).waitFor()
  await shot('plugin-test-worked')
  const got = mail.mails.at(-1)
  if (!got?.secure || got.user !== 'mailer') throw new Error('the mail did not come over TLS with a login')
})
await check('saving enables it, and the secret is never shown again', async () => {
  await page.locator('[data-test="plugin-form"] .v-switch input').first().check({ force: true })
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-plugin="smtp-email"] [data-test="state"]', { hasText: 'healthy' }).waitFor()
  const body = await page.evaluate(async () => {
    const list = await (await fetch('/api/v1/default/plugins/instances?itemsPerPage=-1')).json()
    const id = list.items.find((item) => item.plugin.slug === 'smtp-email').id
    return (await fetch(`/api/v1/default/plugins/instances/${id}`)).text()
  })
  if (body.includes('correct horse') || !body.includes('**********')) throw new Error('the API shows the secret')
  await page.keyboard.press('Escape')
})
await check('a workflow plugin is enabled and given a workflow that runs on every incident', async () => {
  await page.locator('[data-plugin="generic-workflow"]').getByRole('button', { name: 'Configure' }).click()
  await field('api_url').fill(`http://127.0.0.1:${hook.port}/workflows`)
  await field('auth_header').fill('Bearer token-of-the-engine')
  await page.locator('[data-test="plugin-form"] .v-switch input').first().check({ force: true })
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-plugin="generic-workflow"] [data-test="state"]', { hasText: 'healthy' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Workflows' }).click()
  await page.getByRole('button', { name: 'New' }).first().click()
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-field="plugin_instance"]').getByText('Plugin is required').waitFor()
  await shot('workflow-refused')
  await page.getByLabel('Name').fill('Collect diagnostics')
  await choose('Plugin', 'Generic Workflow Plugin - Workflow Management')
  await page.getByLabel('Workflow id at the other side').fill('diagnose')
  await choose('Run by itself', 'On every new incident')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-row="Collect diagnostics"]').waitFor()
})

let name = ''
await check('an empty report says what is missing and keeps the draft', async () => {
  // The second time the page is there before the key's own letter would be typed.
  for (const time of ['first', 'second']) {
    if (time === 'second') {
      await page.getByRole('link', { name: 'Incidents', exact: true }).first().click()
      await page.locator('[data-search]').waitFor()
    }
    await page.keyboard.press('n')
    await until('the cursor in the title', () => page.getByLabel('Title').evaluate((field) => field === document.activeElement))
    const typed = await page.getByLabel('Title').inputValue()
    if (typed !== '') throw new Error(`the ${time} time the title begins with "${typed}"`)
  }
  await page.keyboard.type('Payments answer 500')
  await page.getByRole('button', { name: 'Report incident' }).last().click()
  await page.locator('[data-test="report-error"]').waitFor()
  await page.reload()
  await seen('Your draft from before was restored.')
  if ((await page.getByLabel('Title').inputValue()) !== 'Payments answer 500') throw new Error('the draft is gone')
})
await check('reporting shows the receipt, which fills in live: ticket, people, mail, workflow', async () => {
  await page.getByLabel('Description').fill('Since 03:12 every checkout fails. <b>Not</b> & "quoted".')
  await choose('Severity', 'High')
  await choose('Priority', 'High')
  hook.state.status = 503
  await page.getByRole('button', { name: 'Report incident' }).last().click()
  await page.locator('[data-test="name"]').waitFor()
  name = (await page.locator('[data-test="name"]').innerText()).trim()
  if (!/^dispatch-default-default-\d+$/.test(name)) throw new Error(`its name is ${name}`)
  await stepState('ticket.create', 'done')
  await page.locator('[data-test="commander"]', { hasText: /ada/i }).waitFor()
  await until('the mail', () => mail.mails.some((entry) => entry.to.includes(email) && entry.text.includes(name)))
  await shot('receipt')
  await accessible()
})
await check('a failing workflow is shown with its reason, and Retry mends it', async () => {
  const workflow = page.locator('[data-step^="workflow"]').filter({ has: page.locator('[data-action="retry"], [data-action="skip"]') }).first()
  await workflow.waitFor({ timeout: 30000 })
  await seen(/503|workflow engine is down/)
  await shot('receipt-failed')
  // While the engine is still down: afterwards the step may be tried by itself before anybody can click.
  const calls = hook.state.calls.length
  await workflow.locator('[data-action="retry"]').click()
  await until('the workflow', () => hook.state.calls.length > calls, 40)
  hook.state.status = 200
  await workflow.locator('[data-action="retry"]').click({ timeout: 3000 }).catch(() => {})
  await page.locator('[data-step^="workflow"][data-state="done"]').last().waitFor({ timeout: 40000 })
  if (hook.state.calls.at(-1).authorization !== 'Bearer token-of-the-engine') throw new Error('the secret header did not arrive')
  await shot('receipt-done')
})
await check('a plugin type that is not enabled is skipped with the reason', async () => {
  dispatch.cli('plugins', 'disable', 'smtp-email', '--organization', 'default', '--project', 'default')
  await go('/default/incidents/report?title=Second%20incident&description=Without%20mail')
  await page.getByRole('button', { name: 'Report incident' }).last().click()
  await page.locator('[data-state="skipped"]', { hasText: /email|mail/i }).first().waitFor()
  await shot('receipt-skipped')
  const second = (await page.locator('[data-test="name"]').innerText()).trim()
  if (second === name) throw new Error('the second receipt shows the first incident')
  await seen('Second incident')
  await go(`/default/incidents/${second}`)
  await until('the title', async () => (await page.getByLabel('Title').inputValue()) === 'Second incident')
  dispatch.cli('plugins', 'enable', 'smtp-email', '--organization', 'default', '--project', 'default')
})
await check('status, people and commander change on the incident page, each on the timeline', async () => {
  await go(`/default/incidents/${name}`)
  await page.locator('[data-status="Stable"]').click()
  await page.locator('[data-test="status"]', { hasText: 'Stable' }).first().waitFor()
  await page.getByRole('tab', { name: /People/ }).click()
  await page.locator('[data-test="person"] input').fill('grace@example.com')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const grace = page.locator('[data-person="grace@example.com"]')
  await grace.getByRole('button', { name: 'Make commander' }).click()
  await grace.getByText('Incident Commander').waitFor()
  await page.locator('[data-test="person"] input').fill('alan@example.com')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.locator('[data-person="alan@example.com"]').getByRole('button', { name: 'Remove' }).click()
  await page.locator('[data-person="alan@example.com"]').getByText('left').waitFor()
  await shot('people')
  await accessible()
  await page.locator('[data-status="Closed"]').click()
  await page.locator('[data-test="status"]', { hasText: 'Closed' }).first().waitFor()
  await page.getByRole('tab', { name: 'Timeline' }).click()
  const timeline = page.locator('[data-test="timeline"]')
  for (const text of [/Incident created/, /Stable/, /grace@example.com|Grace/i, /Commander/, /alan/i, /Closed/]) await timeline.getByText(text).first().waitFor()
  await shot('timeline')
  await accessible()
})
await check('two people editing: the second is told, and decides', async () => {
  await go(`/default/incidents/${name}`)
  await page.locator('textarea').first().waitFor()
  await page.getByLabel('Description').fill('My text')
  const item = (await request('GET', `/incidents?q=${name}&itemsPerPage=-1`)).body.items.find((entry) => entry.name === name)
  const { description, status, visibility, incident_type, incident_priority, incident_severity } = item
  await request('PUT', `/incidents/${item.id}`, { title: 'Payments answer 500 again', description, status, visibility, incident_type, incident_priority, incident_severity, tags: [] })
  await page.locator('[data-test="conflict"]').waitFor()
  if ((await page.getByLabel('Description').inputValue()) !== 'My text') throw new Error('the text was lost')
  await page.getByRole('button', { name: 'Show their version' }).click()
  await seen('Payments answer 500 again')
})
await check('the incidents table searches, filters, and keeps both in the address', async () => {
  await go('/default/incidents')
  await page.locator('[data-search] input').fill('Second')
  await until('the address', () => page.url().includes('q=Second'))
  await page.getByRole('link', { name: /dispatch-default-default-/ }).first().waitFor()
  await until('one row', async () => (await page.locator('[data-test="total"]').innerText()) === '1')
  await go('/default/incidents?status=Closed')
  await until('the closed one', async () => (await page.locator('[data-test="total"]').innerText()) === '1')
  await page.getByRole('link', { name }).waitFor()
  await shot('incidents-filtered')
  await go('/default/incidents')
  await page.getByRole('link', { name }).waitFor()
  await page.locator('.v-data-table--loading').waitFor({ state: 'detached' })
  const clipped = await page.locator('.v-data-table .v-table__wrapper').evaluate((table) => table.scrollWidth - table.clientWidth)
  if (clipped > 1) throw new Error(`the table is ${clipped} px too wide`)
  await shot('incidents')
  await accessible()
})
await check('fields follow the address, and a page that is not there is the last one', async () => {
  await go('/default/incidents?status=Closed&q=Payments')
  await page.getByRole('link', { name }).waitFor()
  const chip = page.locator('[data-filter="status"] .v-chip', { hasText: 'Closed' })
  await chip.waitFor()
  await page.getByRole('link', { name: 'Incidents', exact: true }).first().click()
  await page.waitForURL('**/default/incidents')
  await chip.waitFor({ state: 'detached' })
  await until('the empty search', async () => (await page.locator('[data-search] input').inputValue()) === '')
  await page.goBack()
  await chip.waitFor()
  await until('the words again', async () => (await page.locator('[data-search] input').inputValue()) === 'Payments')
  await page.getByRole('button', { name: 'Clear filters' }).click()
  await chip.waitFor({ state: 'detached' })
  await go('/default/incidents?page=99')
  await page.waitForURL('**/default/incidents?page=1')
  await page.getByRole('link', { name }).waitFor()
})
await check('members, types, priorities and severities have their pages', async () => {
  await go('/default/settings/members')
  await page.locator(`[data-member="${email}"]`).waitFor()
  await accessible()
  for (const [path, row] of [['incidentTypes', 'Default'], ['incidentPriorities', 'Low'], ['incidentSeverities', 'Undetermined']]) {
    await go(`/default/settings/projects/${path}`)
    await page.locator(`[data-row="${row}"]`).waitFor()
  }
  await page.getByRole('button', { name: 'New' }).click()
  await page.locator('input[name="name"]').fill('Catastrophic')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-row="Catastrophic"]').waitFor()
  await shot('severities')
})
await check('with a second project, each has its own settings', async () => {
  await go('/default/settings/projects')
  await page.locator('[data-row="default"]').waitFor()
  if (await page.locator('[data-test="new"]').count()) throw new Error('an Admin is offered what only Managers may do')
  dispatch.cli('user', 'update', '--role', 'Manager', '--organization', 'default', email)
  await page.reload()
  await page.locator('[data-test="new"]').click()
  await page.locator('input[name="name"]').fill('Payments')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-row="Payments"]').waitFor()
  await page.getByRole('link', { name: 'Severities' }).click()
  await page.locator('[data-row="Catastrophic"]').waitFor()
  await choose('Project', 'Payments')
  await page.locator('[data-row="Catastrophic"]').waitFor({ state: 'detached' })
  await page.locator('[data-test="new"]').click()
  await page.locator('input[name="name"]').fill('Money is lost')
  await page.locator('[data-test="save"]').click()
  await page.locator('[data-row="Money is lost"]').waitFor()
  await shot('severities-second-project')
  await accessible()
  const { body } = await request('GET', '/incident_severities?itemsPerPage=-1&q=money')
  if (body.items[0]?.project.name !== 'Payments') throw new Error(`it is in the project ${body.items[0]?.project.name}`)
  await page.getByRole('link', { name: 'Plugins' }).click()
  await page.locator('[data-plugin="smtp-email"] [data-test="state"]', { hasText: 'disabled' }).waitFor()
})
await check('the last who administers cannot step down by a slip', async () => {
  await page.getByRole('link', { name: 'Members' }).click()
  await page.locator(`[data-member="${email}"]`).waitFor()
  await choose('Role', 'Member')
  await seen('is the last who can administer this organization')
  await choose('Role', 'Admin')
  await page.locator('[data-test="lowering"]').getByRole('button', { name: 'Cancel' }).click()
  await page.locator('[data-test="lowering"]').waitFor({ state: 'detached' })
  const { body } = await request('GET', '/auth/session')
  if (body.role !== 'Manager') throw new Error(`the role is ${body.role}`)
})
await check('a Member is offered nothing on the incident of somebody else', async () => {
  const other = await browser.newContext({ viewport: { width: 1360, height: 900 }, reducedMotion: 'reduce' })
  const theirs = await other.newPage()
  await theirs.goto(`${dispatch.url}/default/auth/register?next=/default/incidents/${name}`)
  await theirs.getByLabel('E-mail').fill('mary@example.com')
  await theirs.getByLabel('Password', { exact: true }).fill(password)
  await theirs.getByRole('button', { name: 'Create account' }).click()
  await theirs.locator('[data-test="read-only"]').waitFor({ timeout: 30000 })
  if (await theirs.locator('[data-status]').count()) throw new Error('a Member is offered to change the status')
  if (await theirs.getByLabel('Title').isEditable()) throw new Error('a Member is offered to change the title')
  await theirs.screenshot({ path: join(out, 'incident-as-member.png') })
  await other.close()
})
await check('one changes one\'s own password', async () => {
  await page.locator('.who').click()
  await page.getByText('Your account').click()
  await page.getByLabel('Current password', { exact: true }).fill('not my passphrase')
  await page.getByLabel('New password', { exact: true }).fill('another long enough passphrase')
  await page.locator('[data-test="change-password"]').click()
  await page.locator('.v-input--error .v-messages__message').first().waitFor()
  await accessible()
  await shot('account')
  await page.getByLabel('Current password', { exact: true }).fill(password)
  await page.locator('[data-test="change-password"]').click()
  await seen('Your password is changed')
  password = 'another long enough passphrase'
  await go('/default/incidents')
  await page.locator('.who, [name="password"]').first().waitFor()
  if (await page.locator('[name="password"]').count()) {
    await page.getByLabel('E-mail').fill(email)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.locator('.who').waitFor()
  }
})
await check('eight tabs are all live', async () => {
  const tabs = await Promise.all(Array.from({ length: 8 }, () => context.newPage()))
  await Promise.all(tabs.map((tab) => tab.goto(`${dispatch.url}/default/incidents/status`)))
  await Promise.all(tabs.map((tab) => tab.getByText('Second incident').waitFor()))
  await request('POST', '/incidents', { title: 'Seen in all tabs', description: 'live' })
  await Promise.all(tabs.map((tab) => tab.getByText('Seen in all tabs').waitFor()))
  await Promise.all(tabs.map((tab) => tab.close()))
})
await check('after kill -9 and a start the page goes on by itself', async () => {
  await go('/default/incidents/status')
  await seen('Seen in all tabs')
  await dispatch.stop('SIGKILL')
  await seen('Live updates are interrupted', page)
  // Its chunks were not fetched since the page was loaded.
  await page.getByRole('link', { name: 'Members' }).click()
  await seen('The server cannot be reached')
  await dispatch.start()
  await until('the warning to go', async () => !(await page.getByText('Live updates are interrupted').count()), 30)
})
await check('dark mode and a phone', async () => {
  await page.getByRole('button', { name: 'Dark mode' }).click()
  await go('/default/incidents')
  await accessible()
  await shot('dark')
  await page.setViewportSize({ width: 390, height: 844 })
  await go(`/default/incidents/${name}`)
  await seen('Payments answer 500 again')
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  if (overflow > 1) throw new Error(`the page is ${overflow} px too wide`)
  await shot('phone')
  await go('/default/incidents/report')
  await shot('phone-report')
  await page.setViewportSize({ width: 1360, height: 900 })
})
await check('logging out ends the session', async () => {
  await go('/default/incidents')
  await page.locator('.who').click()
  await page.getByText('Log out').click()
  await page.getByRole('button', { name: 'Log in' }).waitFor()
  const status = await page.evaluate(async () => (await fetch('/api/v1/default/auth/session')).status)
  if (status !== 401) throw new Error(`the session answers ${status}`)
})
await check('a link that the operator made logs in, once', async () => {
  const { url } = JSON.parse(dispatch.cli('--json', 'user', 'login-link', email))
  await go(new URL(url).pathname + new URL(url).hash)
  await accessible()
  await shot('login-link')
  await page.locator('[data-test="link-enter"]').click()
  await page.waitForURL('**/default/incidents')
  await page.context().clearCookies()
  await go(new URL(url).pathname + new URL(url).hash)
  await page.reload()
  await page.locator('[data-test="link-enter"]').click()
  await seen('This link is not good', page.locator('[data-test="link-error"]'))
})
await check('no request left the origin, and the browser had nothing to complain about', async () => {
  if (foreign.length) throw new Error(`requests elsewhere: ${[...new Set(foreign)].join(', ')}`)
  const real = complaints.filter((text) => !/ERR_CONNECTION_REFUSED|net::ERR|Failed to fetch/.test(text))
  if (real.length) throw new Error([...new Set(real)].join(' | ').slice(0, 800))
})

await browser.close()
await dispatch.stop()
mail.close()
hook.close()
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
