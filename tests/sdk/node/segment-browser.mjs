// Pages that use @segment/analytics-next in a real browser, against real servers on another origin that serve the library too.
// The environment names the binaries: TASTEMAKER and CHROMIUM.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "web-key"
[[workspace.source]]
name = "old"
write_key = "off-key"
enabled = false
`
const LIBRARY = new URL('node_modules/@segment/analytics-next/', import.meta.url)
const { version } = JSON.parse(readFileSync(new URL('package.json', LIBRARY)))
const SETTINGS = `[sources]\nanalytics_js = ${JSON.stringify(fileURLToPath(new URL('dist/umd', LIBRARY)))}\n`

const check = checksOf('segment-browser')
const [secure, plain] = await Promise.all([
  startServer(BOOTSTRAP, { tls: true, settings: SETTINGS }),
  startServer(BOOTSTRAP, { settings: SETTINGS }),
])

const tag = ({ host }, key = 'web-key') => `<script src="${host}/analytics.js/v1/${key}/analytics.min.js"></script>`
const pages = {
  '/': tag(secure),
  '/early': `${tag(secure)}<script>
    analytics.page('Early')
    analytics.track('Product Viewed', { product_id: 'teapot' })
    analytics.ready(() => { globalThis.isReady = true })
    history.replaceState(null, '', '/later')
  </script>`,
  '/plain': tag(plain),
  '/off': tag(secure, 'off-key'),
  '/package': '<script src="/library.js"></script>',
}

/** The shop's pages, on an origin of their own; the last of them brings the library of the package along. */
async function startShop() {
  const library = readFileSync(new URL('dist/umd/index.js', LIBRARY))
  const server = createServer(({ url }, answer) => {
    const { pathname } = new URL(url, 'http://shop')
    if (pathname === '/library.js') return answer.writeHead(200, { 'Content-Type': 'text/javascript' }).end(library)
    const body = pages[pathname]
    answer.writeHead(body ? 200 : 404, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>Shop</title>${body}`)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() }
}

const shop = await startShop()
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
const requested = []

/** A page of the shop in a browser that has never been there. */
async function visit(path) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  context.on('request', (request) => requested.push(request.url()))
  const page = await context.newPage()
  await page.goto(shop.origin + path)
  return page
}
const isLoaded = (page) => page.waitForFunction(() => globalThis.analytics?.initialized, null, { timeout: 10_000 })

async function call({ host }, path, authorization) {
  const answer = await fetch(host + path, { headers: { authorization } })
  assert.equal(answer.status, 200, `${path}: ${answer.status}`)
  return answer.json()
}

/** The events of a profile that is there, once there are as many as this. */
async function events(server, who, n) {
  const path = `/v1/spaces/shop/collections/users/profiles/${who}/events?limit=100`
  for (let tries = 0; ; tries++) {
    const answer = await fetch(server.host + path, { headers: { authorization: `Basic ${btoa('profiles:')}` } })
    const data = answer.status === 200 ? (await answer.json()).data : []
    if (data.length >= n || tries >= 100) return data.reverse()
    await sleep(100)
  }
}
const ids = (list) => list.map((event) => event.message_id).sort()
const named = (list) => list.map(({ type, event, name }) => `${type} ${name || event || ''}`.trim())

await check('a page with only the script tag sends what it calls', async () => {
  const page = await visit('/')
  await isLoaded(page)
  const anonymousId = await page.evaluate(async () => {
    const { analytics } = globalThis
    await analytics.page('Home')
    await analytics.track('Product Viewed', { product_id: 'kettle', price: 55 })
    await analytics.identify('ada', { plan: 'gold' })
    await analytics.group('tea-club')
    return analytics.user().anonymousId()
  })
  const found = await events(secure, `anonymous_id:${anonymousId}`, 2)
  assert.deepEqual(named(found).sort(), ['page Home', 'track Product Viewed'])
  assert.deepEqual(ids(await events(secure, 'user_id:ada', 2)), ids(found), 'identify links what came before')
  const view = found.find(({ type }) => type === 'track')
  assert.deepEqual(view.properties, { product_id: 'kettle', price: 55 })
  assert.equal(view.context.library.name, 'analytics.js')
  assert.equal(view.context.library.version, `next-${version}`)
  assert.equal(view.context.page.url, `${shop.origin}/`)
  const { traits } = await call(secure, '/v1/spaces/shop/collections/users/profiles/user_id:ada/traits', `Basic ${btoa('profiles:')}`)
  assert.equal(traits.plan, 'gold')
})
await check('alias links a visitor', async () => {
  const page = await visit('/')
  await isLoaded(page)
  await page.evaluate(async () => {
    // The library takes the id of somebody who is known already for both ids.
    await globalThis.analytics.track('Product Viewed', { product_id: 'spoon' })
    await globalThis.analytics.alias('eve')
  })
  assert.deepEqual(named(await events(secure, 'user_id:eve', 1)), ['track Product Viewed'])
})
await check('the library and all that it needs come from our host', async () => {
  const ofHost = requested.filter((url) => url.startsWith(secure.host)).map((url) => new URL(url).pathname)
  for (const path of ['/analytics.js/v1/web-key/analytics.min.js', '/v1/projects/web-key/settings', '/v1/t', '/v1/p', '/v1/i', '/v1/g', '/v1/a']) {
    assert.ok(ofHost.includes(path), `${path} is not among ${ofHost}`)
  }
})
await check('calls before the library is ready wait, and tell of the page on which they were made', async () => {
  const page = await visit('/early')
  await isLoaded(page)
  await page.waitForFunction(() => globalThis.isReady)
  const anonymousId = await page.evaluate(() => globalThis.analytics.user().anonymousId())
  const found = await events(secure, `anonymous_id:${anonymousId}`, 2)
  assert.deepEqual(named(found).sort(), ['page Early', 'track Product Viewed'])
  assert.deepEqual(found.map(({ context }) => context.page.path), ['/early', '/early'])
})
await check('parts of the library that a page needs come from our host too', async () => {
  const page = await visit('/?ajs_uid=ben&ajs_event=Came')
  await isLoaded(page)
  const found = await events(secure, 'user_id:ben', 1)
  assert.ok(named(found).includes('track Came'), named(found).join())
  assert.ok(requested.some((url) => url.startsWith(`${secure.host}/analytics-next/bundles/queryString.`)), requested.join('\n'))
})
await check('without TLS the script finds its host as well', async () => {
  const page = await visit('/plain')
  await isLoaded(page)
  await page.evaluate(() => globalThis.analytics.track('Product Viewed', { product_id: 'mug' }))
  const anonymousId = await page.evaluate(() => globalThis.analytics.user().anonymousId())
  assert.deepEqual(named(await events(plain, `anonymous_id:${anonymousId}`, 1)), ['track Product Viewed'])
})
await check('the library of the package asks our host for its settings', async () => {
  const page = await visit('/package')
  for (const [n, { host }] of [secure, plain].entries()) {
    await page.evaluate(
      async ({ host, user }) => {
        const analytics = globalThis.AnalyticsNext.AnalyticsBrowser.load({ writeKey: 'web-key', cdnURL: host })
        await analytics.identify(user)
        await analytics.track('Product Viewed', { product_id: 'tray' })
      },
      { host, user: `cleo-${n}` },
    )
  }
  for (const [n, server] of [secure, plain].entries()) {
    const [found] = (await events(server, `user_id:cleo-${n}`, 1)).filter(({ type }) => type === 'track')
    assert.equal(found?.context.library.version, `next-${version}`)
  }
})
await check('the library sends batches where the page asks for them', async () => {
  const page = await visit('/package')
  await page.evaluate(async (host) => {
    const deliveryStrategy = { strategy: 'batching', config: { size: 3, timeout: 500 } }
    const settings = { writeKey: 'web-key', cdnURL: host }
    const analytics = globalThis.AnalyticsNext.AnalyticsBrowser.load(settings, { integrations: { 'Segment.io': { deliveryStrategy } } })
    await analytics.identify('dora')
    for (const product_id of ['mug', 'tray', 'spoon']) await analytics.track('Product Viewed', { product_id })
  }, secure.host)
  const found = (await events(secure, 'user_id:dora', 3)).filter(({ type }) => type === 'track')
  assert.deepEqual(found.map(({ properties }) => properties.product_id).sort(), ['mug', 'spoon', 'tray'])
  assert.ok(requested.includes(`${secure.host}/v1/b`), requested.join('\n'))
})
await check('the tag of a source that is off loads nothing, and a page can read why', async () => {
  const page = await visit('/off')
  assert.equal(await page.evaluate(() => typeof globalThis.analytics), 'undefined')
  const read = (key) =>
    page.evaluate(async (url) => {
      const answer = await fetch(url)
      return `${answer.status} ${(await answer.json()).error.code}`
    }, `${secure.host}/v1/projects/${key}/settings`)
  assert.equal(await read('off-key'), '403 source_disabled')
  assert.equal(await read('no-such-key'), '404 not_found')
})
await check('nothing was rejected, and no page called another host', async () => {
  for (const server of [secure, plain]) {
    const { total, latest } = await call(server, '/api/workspaces/shop/rejections', 'Bearer admin')
    assert.equal(total, 0, JSON.stringify(latest))
  }
  const origins = [...new Set(requested.map((url) => new URL(url).origin))]
  assert.deepEqual(origins.toSorted(), [shop.origin, secure.host, plain.host].toSorted())
})
await browser.close()
shop.stop()
await Promise.all([secure.stop(), plain.stop()])
