// What holds for every page, in light, in dark and on a phone.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { LOOKS } from './gallery.mjs'

const AXE = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
// The theme changes colours only; the rest is looked at in light.
const COLOURS = ['color-contrast', 'link-in-text-block']
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
// Long enough for modules, pictures and the first answer of a stream; shorter than the gallery waits between messages.
const SETTLED_MS = 250

/** Opens a page and writes down what it does on the way. */
async function look(browser, origin, path, options) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const seen = { strange: [], faults: [] }
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.origin !== origin && url.protocol !== 'data:') seen.strange.push(request.url())
  })
  // A page that shows a mistake in its own address is answered 422.
  const isMistake = (answer) => answer.status() === 422 && answer.request().isNavigationRequest()
  page.on('response', (answer) => answer.status() >= 400 && !isMistake(answer) && seen.faults.push(`${answer.status()} ${answer.url()}`))
  page.on('console', (message) => {
    const isOfMistake = message.text().includes('status of 422') && message.location().url === origin + path
    // axe looks into frames of mails too, in which nothing may run.
    const isOfFrame = message.text().startsWith("Blocked script execution in 'about:srcdoc'")
    if (message.type() === 'error' && !isOfMistake && !isOfFrame) seen.faults.push(message.text())
  })
  page.on('pageerror', (error) => seen.faults.push(error.message))
  await page.addInitScript(() => {
    globalThis.shifts = []
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        const names = sources.map(({ node }) => node?.className || node?.nodeName).join(', ')
        globalThis.shifts.push(`${value.toFixed(4)} by ${names}`)
      }
    }).observe({ type: 'layout-shift', buffered: true })
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`content security policy: ${violatedDirective} ${blockedURI}`)
    })
  })
  await page.goto(origin + path, { waitUntil: 'load' })
  await page.waitForTimeout(SETTLED_MS)
  return { page, seen, close: () => context.close() }
}

async function violations(page, only) {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate((only) => {
    return globalThis.axe.run({ runOnly: only, resultTypes: ['violations'] })
  }, only)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, any }) => `${id}: ${help}: ${html.slice(0, 160)} ${any[0]?.message ?? ''}`),
  )
}

/** Elements that stick out of the page at the right. */
const tooWide = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    const all = [...document.querySelectorAll('body *')]
    const isClipped = (element) => element.parentElement?.closest('pre, table, svg, .tabs, .visually-hidden')
    const sticksOut = (element) => element.getBoundingClientRect().right > clientWidth + 1 && !isClipped(element)
    const wide = all.filter(sticksOut)
    return [`${scrollWidth} pixels`, ...wide.slice(0, 5).map((element) => element.outerHTML.slice(0, 120))]
  })

/** Texts of the gallery that would run if they were not escaped. */
const HOSTILE = ['<script>window.isHacked = true</script>', '"><img src=x onerror=', '<svg onload=']

/** `session` is the state of a browser that somebody has signed in with, where the server asks for it. */
export async function checkPage(check, browser, origin, path, session) {
  for (const [name, options] of Object.entries(LOOKS)) {
    const { page, seen, close } = await look(browser, origin, path, { ...options, storageState: session })
    await check(`${path}, ${name}: loads only from its host, without errors, and nothing moves`, async () => {
      assert.deepEqual(seen, { strange: [], faults: [] })
      assert.deepEqual(await page.evaluate(() => globalThis.shifts), [])
      const injected = "script:not([src]), [style], [onload], [onerror], [onfocus], a[href^='javascript']"
      assert.equal(await page.locator(injected).count(), 0)
      assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
    })
    if (path.endsWith('/hostile')) {
      await check(`${path}, ${name}: script in texts is shown as text`, async () => {
        const text = await page.evaluate(() => document.body.innerText)
        for (const part of HOSTILE) assert.ok(text.split(part).length > 10, part)
      })
    }
    await check(`${path}, ${name}: axe-core finds nothing`, async () => {
      assert.deepEqual(await violations(page, name === 'dark' ? COLOURS : TAGS), [])
    })
    if (name === 'phone') {
      await check(`${path}, ${name}: fits 320 pixels`, async () => assert.deepEqual(await tooWide(page), []))
    }
    await close()
  }
}
