// The module of in-app messages beside @segment/analytics-next in a real browser: Jane finishes an episode and sees what to
// hear next. The environment names the binaries: TASTEMAKER and CHROMIUM.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const TRIES = 30
const SHOWN_MS_MAX = 5_000
const MODULE_BYTES_MAX = 10_000
const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "web-key"
[[workspace.trait]]
key = "next"
kind = "recommended_items"
count = 2
fallback = "trending"
[[workspace.destination]]
name = "app"
kind = "in_app"
[[workspace.campaign]]
key = "next_episode"
status = "running"
channel = "app"
start = { type = "event", event = "Episode Finished" }
content.display = "modal"
content.title = "After {{ event.properties.title }}"
content.items = '{% recommend "next" count: 2 as items %}[{% for item in items %}{"id": {{ item.id | json }}, "url": "/listen"}{% unless forloop.last %},{% endunless %}{% endfor %}]'
`
const LIBRARY = new URL('node_modules/@segment/analytics-next/dist/umd', import.meta.url)
const SETTINGS = `[sources]\nanalytics_js = ${JSON.stringify(fileURLToPath(LIBRARY))}\n`

const check = checksOf('in-app')
const server = await startServer(BOOTSTRAP, { settings: SETTINGS })

/** The shop's page on an origin of its own, with the tag and the module in either order. */
async function startShop() {
  const scripts = [`<script src="${server.host}/analytics.js/v1/web-key/analytics.min.js"></script>`,
    `<script src="${server.host}/v1/in_app/module.js" data-write-key="web-key"></script>`]
  const pages = { '/': scripts.join(''), '/first': scripts.toReversed().join(''), '/alone': scripts[1] }
  const shop = createServer(({ url }, answer) => {
    const head = pages[url]
    answer.writeHead(head ? 200 : 404, { 'Content-Type': 'text/html' }).end(`<!doctype html><html lang="en"><head><title>Shop</title>${head}</head><body><h1>Shop</h1></body></html>`)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => shop.once('listening', resolve))
  return { origin: `http://127.0.0.1:${shop.address().port}`, stop: () => (shop.closeAllConnections(), shop.close()) }
}

// What others heard, so that there is something to recommend.
const heard = ['ada', 'ben', 'eve'].flatMap((userId) =>
  ['e1', 'e2', 'e3'].map((product_id) => ({ type: 'track', userId, event: 'Product Viewed', properties: { product_id } })))
await fetch(`${server.host}/v1/batch`, { method: 'POST', body: JSON.stringify({ writeKey: 'web-key', batch: heard }) })

const shop = await startShop()
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })

async function visit(path, context) {
  const own = context ?? (await browser.newContext())
  const page = await own.newPage()
  await page.goto(shop.origin + path)
  if (path !== '/alone') await page.waitForFunction(() => globalThis.analytics?.initialized, null, { timeout: 10_000 })
  return page
}
const modal = (page) => page.locator('dialog.modal')

async function events(who) {
  const path = `/v1/spaces/shop/collections/users/profiles/${who}/events?limit=100`
  const answer = await fetch(server.host + path, { headers: { authorization: `Basic ${btoa('profiles:')}` } })
  return answer.status === 200 ? (await answer.json()).data : []
}
async function awaitEvent(who, name) {
  for (let tries = 0; tries < 100; tries++) {
    const found = (await events(who)).find(({ event }) => event === name)
    if (found) return found
    await sleep(100)
  }
  throw new Error(`no ${name}`)
}

/** Milliseconds from an event to the modal that it begins. */
const time = (page, track) =>
  page.evaluate(({ track, limit }) => {
    const began = performance.now()
    return new Promise((resolve, reject) => {
      const look = () => {
        const shown = [...document.querySelectorAll('body > div')].some((one) => one.shadowRoot?.querySelector('dialog[open]'))
        const took = performance.now() - began
        if (shown) resolve(took)
        else if (took > limit) reject(new Error(`nothing within ${limit} ms`))
        else requestAnimationFrame(look)
      }
      globalThis[track].track('Episode Finished', { title: 'episode one' })
      look()
    })
  }, { track, limit: SHOWN_MS_MAX })

async function measure(path, track) {
  const page = await visit(path)
  const times = []
  for (let n = 0; n < TRIES; n++) {
    times.push(await time(page, track))
    await page.keyboard.press('Escape')
    await modal(page).waitFor({ state: 'detached' })
    await sleep(350)
  }
  times.sort((a, b) => a - b)
  const [median, p95, most] = [0.5, 0.95, 1].map((share) => Math.round(times[Math.ceil(share * TRIES) - 1]))
  console.log(`     ${path} ${track}: event to modal in ms: median ${median}, p95 ${p95}, most ${most} (wanted: p95 500)`)
  assert.ok(most < SHOWN_MS_MAX)
}

await check('the module is small', async () => {
  const module = Buffer.from(await (await fetch(`${server.host}/v1/in_app/module.js`)).arrayBuffer())
  const size = gzipSync(module).length
  console.log(`     ${module.length} bytes, ${size} compressed`)
  assert.ok(size < MODULE_BYTES_MAX)
})
for (const path of ['/', '/first']) {
  await check(`Jane finishes an episode and sees what to hear next (${path})`, async () => {
    const page = await visit(path)
    const jane = `jane${path === '/' ? '' : '-2'}`
    await page.evaluate((id) => globalThis.analytics.identify(id), jane)
    await page.evaluate(() => globalThis.analytics.track('Episode Finished', { title: 'episode one' }))
    await modal(page).waitFor({ timeout: SHOWN_MS_MAX })
    assert.match(await modal(page).innerText(), /After episode one/)
    assert.equal(await modal(page).locator('.card').count(), 2)
    await modal(page).locator('a.card').first().click()
    await page.waitForURL('**/listen')
    const clicked = await awaitEvent(`user_id:${jane}`, 'Notification Clicked')
    assert.equal(clicked.properties.campaign, 'next_episode')
    assert.match(clicked.properties.item_id, /^e[123]$/)
    await awaitEvent(`user_id:${jane}`, 'Notification Viewed')
    const again = await visit(path, page.context())
    await sleep(1_500)
    assert.equal(await modal(again).count(), 0, 'the message does not come back')
  })
}
await check('alone the module has the id that analytics.js takes over', async () => {
  const page = await visit('/alone')
  await page.evaluate(() => globalThis.Tastemaker.track('Episode Finished', { title: 'episode two' }))
  await modal(page).waitFor({ timeout: SHOWN_MS_MAX })
  const id = await page.evaluate(() => JSON.parse(localStorage.getItem('ajs_anonymous_id')))
  const beside = await visit('/', page.context())
  assert.equal(await beside.evaluate(() => globalThis.analytics.user().anonymousId()), id)
})
await check('whoever signs out sees nothing of the person before', async () => {
  const page = await visit('/')
  await page.evaluate(() => globalThis.analytics.identify('lea'))
  await page.evaluate(() => globalThis.analytics.track('Episode Finished', { title: 'hers' }))
  await modal(page).waitFor({ timeout: SHOWN_MS_MAX })
  await page.evaluate(() => globalThis.analytics.reset())
  const { anonymousId, answer } = await page.evaluate(async (host) => {
    const anonymousId = globalThis.analytics.user().anonymousId()
    const query = new URLSearchParams({ write_key: 'web-key', anonymous_id: anonymousId, user_id: 'lea' })
    return { anonymousId, answer: await (await fetch(`${host}/v1/in_app/messages?${query}`)).json() }
  }, server.host)
  assert.ok(anonymousId)
  assert.deepEqual(answer, { messages: [] })
})
await check('beside analytics.js: from an event to the message', () => measure('/', 'analytics'))
await check('alone: from an event to the message', () => measure('/alone', 'Tastemaker'))
await browser.close()
shop.stop()
await server.stop()
