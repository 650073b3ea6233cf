// PagerDuty's own client against the fake: client.mjs ADDRESS KEY. What it understands is printed as one line of JSON.
import pdjs from '@pagerduty/pdjs'

const [address, token] = process.argv.slice(2)
const ask = (path, more = {}) => pdjs.api({ token, url: `${address}${path}`, ...more })
const service = (await ask('/services/PSVC')).data.service
// It follows the pages by itself, as long as each says where it is.
const oncalls = []
let pages = 0
for (let page = await ask('/oncalls', { queryParameters: { 'include[]': 'users', limit: '1', 'escalation_policy_ids[]': service.escalation_policy.id } }); page; page = page.next && (await page.next())) {
  oncalls.push(...page.data.oncalls.map((one) => one.user.email))
  pages++
}
const made = await ask('/incidents', {
  method: 'POST', headers: { From: 'bot@example.com' },
  data: { incident: { type: 'incident', title: 'By the client', incident_key: 'client', service: { id: service.id, type: 'service_reference' } } },
})
const refused = await pdjs.api({ token: 'wrong', url: `${address}/services/PSVC` })
console.log(JSON.stringify({ policy: service.escalation_policy.id, oncalls, pages, made: [made.status, made.data.incident.html_url], refused: [refused.status, refused.data.error.message] }))
