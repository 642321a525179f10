// The module of in-app messages in pages of a shop on another origin, under a strict policy: what it shows in each form, what
// axe says of it in both themes and on a phone, keyboard and focus, and how long it takes from an event to a message.
// IN_APP_SCREENSHOTS=FOLDER writes a picture of each form.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { until } from '../check.mjs'
import { api, WORKSPACE, WRITE_KEY } from '../demo.mjs'
import { LOOKS, PHONE_DARK } from '../gallery.mjs'

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const TRIES = 30
const SECONDS_MAX = 5
const SHOWN_MS_MAX = 20_000

const ITEMS = '[{% for item in items %}{"id": {{ item.id | json }}, "title": {{ item.title | default: item.id | json }}, "url": "/albums", "image": "/cover.svg"}{% unless forloop.last %},{% endunless %}{% endfor %}]'
const TEXT = 'You have heard {{ event.properties.title }}. This is what others heard next.'
const BUTTONS = '[{"label": "Listen", "url": "/listen"}, {"label": "Not now"}]'
const FORMS = {
  modal: { title: 'What to hear next', text: TEXT, items: `{% recommend "in_app_next" count: 3 as items %}${ITEMS}`, buttons: BUTTONS },
  banner: { title: 'New episode', text: TEXT, buttons: BUTTONS },
  fullscreen: { title: 'A year in music', image: '/cover.svg', text: TEXT, html: '<p>See <a href="https://music.example/year">your year</a></p><script>parent.isHacked = true</script>', buttons: BUTTONS },
  inbox: { title: 'For {{ event.properties.title }}', text: TEXT, url: '/more' },
  native: { slot: 'hero', title: 'Made for you', image: '/cover.svg', text: TEXT, buttons: BUTTONS },
}
const COVER = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><rect width="4" height="3" fill="teal"/></svg>'

/** Pages of a shop that loads the module, with policies that allow no inline script and no inline style. */
async function startShop(origin) {
  const policy = `default-src 'none'; script-src 'self' ${origin}; style-src 'self'; img-src 'self'; connect-src ${origin}; frame-src 'none'`
  const page = `<!doctype html><html lang="en"><head><title>Shop</title><meta name="viewport" content="width=device-width">
    <link rel="stylesheet" href="/shop.css"><script src="${origin}/v1/in_app/module.js" data-write-key="${WRITE_KEY}" defer></script>
    <script src="/shop.js" defer></script></head>
    <body><main><h1>Shop</h1><p>All the music.</p><button id="play">Play</button><div data-tastemaker-slot="hero"></div><div id="inbox"></div></main></body></html>`
  const files = {
    '/shop.css': ['text/css', ':root{color-scheme:light dark;font-family:sans-serif}'],
    '/shop.js': ['text/javascript', "if (location.search === '?inbox') Tastemaker.inbox.mount(document.getElementById('inbox'))"],
    '/cover.svg': ['image/svg+xml', COVER],
  }
  const server = createServer(({ url }, answer) => {
    const [type, body] = files[url] ?? ['text/html', page]
    answer.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': policy }).end(body)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => (server.closeAllConnections(), server.close()) }
}

const event = (display) => `In-App ${display}`

async function prepare(origin) {
  const workspace = `workspaces/${WORKSPACE}`
  await api(origin, 'PUT', `${workspace}/traits/in_app_next`, { kind: 'recommended_items', count: 3, fallback: 'trending' })
  await api(origin, 'PUT', `${workspace}/destinations/in_app`, { kind: 'in_app' })
  for (const [display, content] of Object.entries(FORMS)) {
    const start = { type: 'event', event: event(display) }
    await api(origin, 'PUT', `${workspace}/campaigns/in_app_${display}`, { status: 'running', channel: 'in_app', start, content: { display, ...content } })
  }
}

/** A page of the shop in a browser that has never been there, with what went wrong in it. */
async function visit(browser, shop, options, path = '/') {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  await page.goto(shop.origin + path)
  return { page, faults, close: () => context.close() }
}
const track = (page, display, title = 'episode one') =>
  page.evaluate(({ name, title }) => globalThis.Tastemaker.track(name, { title }), { name: event(display), title })
const box = (page, display) => page.locator({ modal: 'dialog.modal', banner: '.banner', fullscreen: 'dialog.fullscreen', inbox: '.list article', native: '[data-tastemaker-slot] .box' }[display])
const shown = (page, display) => box(page, display).first().waitFor({ timeout: SHOWN_MS_MAX })

async function violations(page) {
  await page.evaluate(AXE)
  const found = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), TAGS)
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`))
}

export async function jobs({ check, browser, origin }) {
  const shop = await startShop(origin)
  await prepare(origin)
  const person = async (page) => {
    const id = await page.evaluate(() => JSON.parse(localStorage.getItem('ajs_anonymous_id')))
    const { events } = await api(origin, 'GET', `workspaces/${WORKSPACE}/people/anonymous_id:${id}`)
    return JSON.stringify(events)
  }
  for (const display of Object.keys(FORMS)) {
    for (const [name, look] of Object.entries({ ...LOOKS, 'phone, dark': PHONE_DARK })) {
      await check(`in-app: ${display} in ${name}: axe, no fault, nothing wider than the page`, async () => {
        const { page, faults, close } = await visit(browser, shop, { ...look, bypassCSP: false }, display === 'inbox' ? '/?inbox' : '/')
        await track(page, display)
        await shown(page, display)
        await page.waitForTimeout(400)
        if (process.env.IN_APP_SCREENSHOTS) {
          await page.screenshot({ path: join(process.env.IN_APP_SCREENSHOTS, `${display}-${name.replace(', ', '-')}.png`) })
        }
        const { width, left, right } = await box(page, display).first().evaluate((element) => {
          const { left, right } = element.getBoundingClientRect()
          return { width: document.documentElement.clientWidth, left, right }
        })
        assert.ok(left >= 0 && right <= width + 1, `${left} to ${right} of ${width}`)
        assert.deepEqual(faults, [])
        assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
        assert.deepEqual(await violations(page), [])
        await close()
      })
    }
  }
  await check('in-app: a modal holds the keyboard, Escape ends it, and the focus goes back', async () => {
    const { page, close } = await visit(browser, shop, LOOKS.light)
    await page.locator('#play').focus()
    await track(page, 'modal')
    await shown(page, 'modal')
    const isInside = () => page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.closest('dialog') !== null && document.activeElement !== document.body)
    assert.ok(await isInside(), 'the focus is in the modal')
    assert.equal(await page.getByRole('dialog', { name: 'What to hear next' }).count(), 1)
    for (let n = 0; n < 12; n++) {
      await page.keyboard.press('Tab')
      assert.ok(!(await page.evaluate(() => document.activeElement.id === 'play')), 'it does not leave to the page')
    }
    await page.keyboard.press('Escape')
    await box(page, 'modal').waitFor({ state: 'detached' })
    assert.equal(await page.evaluate(() => document.activeElement.id), 'play')
    await until('the dismissal', async () => (await person(page)).includes('Notification Dismissed'))
    await page.reload()
    await page.waitForTimeout(1_000)
    assert.equal(await box(page, 'modal').count(), 0, 'it does not come back')
    await close()
  })
  await check('in-app: a click on a recommended item is journalled, and leads there', async () => {
    const { page, close } = await visit(browser, shop, LOOKS.light)
    await track(page, 'modal')
    await shown(page, 'modal')
    const cards = box(page, 'modal').locator('a.card')
    assert.equal(await cards.count(), 3, 'three items')
    await Promise.all([page.waitForURL('**/albums'), cards.first().click()])
    await until('the click', async () => (await person(page)).includes('Notification Clicked'))
    await page.waitForTimeout(1_000)
    assert.equal(await box(page, 'modal').count(), 0, 'it does not come back')
    await close()
  })
  await check('in-app: an inbox counts what is unread, and keeps it until it is dismissed', async () => {
    const { page, close } = await visit(browser, shop, LOOKS.light)
    await track(page, 'inbox')
    await page.waitForFunction(() => globalThis.Tastemaker.inbox.unread() === 1, null, { timeout: SHOWN_MS_MAX })
    await page.goto(`${shop.origin}/?inbox`)
    await shown(page, 'inbox')
    await page.waitForFunction(() => globalThis.Tastemaker.inbox.unread() === 0)
    await until('the view', async () => (await person(page)).includes('Notification Viewed'))
    await page.reload()
    await shown(page, 'inbox')
    await page.getByRole('button', { name: 'Dismiss: For episode one' }).click()
    await page.getByText('No messages').waitFor()
    await until('the dismissal', async () => (await person(page)).includes('Notification Dismissed'))
    await page.reload()
    await page.getByText('No messages').waitFor()
    await close()
  })
  await check('in-app: texts of others stay texts', async () => {
    const { page, faults, close } = await visit(browser, shop, LOOKS.light)
    await track(page, 'banner', '<img src=x onerror="isHacked = true"><b>bold</b>')
    await shown(page, 'banner')
    assert.match(await box(page, 'banner').innerText(), /<img src=x/)
    assert.equal(await box(page, 'banner').locator('b, img').count(), 0)
    assert.deepEqual(faults, [])
    await close()
  })
  await check('in-app: nothing is thrown where the server is away', async () => {
    const { page, close } = await visit(browser, shop, LOOKS.light)
    const thrown = []
    page.on('pageerror', (error) => thrown.push(error.message))
    let n = 0
    await page.route(`${origin}/**`, (route) => (n++, route.abort()))
    await page.evaluate(() => globalThis.Tastemaker.identify('somebody'))
    await track(page, 'modal')
    await page.waitForTimeout(3_000)
    assert.deepEqual(thrown, [])
    assert.ok(n >= 3 && n < 15, `${n} requests in three seconds`)
    await close()
  })
  await check('in-app: from an event to the message that it begins', async () => {
    const { page, close } = await visit(browser, shop, LOOKS.light)
    const times = []
    for (let n = 0; n < TRIES; n++) {
      const took = page.evaluate((name) => {
        const began = performance.now()
        return new Promise((resolve) => {
          const look = () => {
            const host = [...document.querySelectorAll('body > div')].find((one) => one.shadowRoot?.querySelector('dialog[open]'))
            if (host) resolve(performance.now() - began)
            else requestAnimationFrame(look)
          }
          globalThis.Tastemaker.track(name, { title: 'episode' })
          look()
        })
      }, event('modal'))
      times.push(await took)
      await page.keyboard.press('Escape')
      await box(page, 'modal').waitFor({ state: 'detached' })
      await page.waitForTimeout(350)
    }
    times.sort((a, b) => a - b)
    const [median, p95, most] = [0.5, 0.95, 1].map((share) => Math.round(times[Math.ceil(share * TRIES) - 1]))
    console.log(`     in-app: event to modal in ms: median ${median}, p95 ${p95}, most ${most} (wanted: p95 500)`)
    assert.ok(most < 1000 * SECONDS_MAX, `${most} ms`)
    await close()
  })
  shop.stop()
}
