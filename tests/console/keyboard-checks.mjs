// Pages by keyboard alone, and without scripts.
import assert from 'node:assert/strict'
import { LOOKS } from './gallery.mjs'

const INTERACTIVE = 'a[href], button:enabled, input:enabled, select, textarea, summary, [tabindex="0"]'

/** Numbers the elements that a keyboard has to reach: of a group of radio buttons it is one. */
function numberStops(selector) {
  const groups = new Set()
  const stops = [...document.querySelectorAll(selector)].filter((element) => {
    if (!element.checkVisibility() || element.type === 'hidden') return false
    if (element.type !== 'radio') return true
    const group = [...document.getElementsByName(element.name)].find(({ checked }) => checked)
    return element === group && groups.size !== groups.add(element.name).size
  })
  stops.forEach((element, n) => (element.dataset.stop = n))
  return stops.map((element) => element.outerHTML.slice(0, 140))
}

/** The stop that has the focus, and what is wrong with how it shows. */
function describeFocus() {
  const element = document.activeElement
  if (!element || element === document.body) return { stop: null }
  const shown = element.matches('.choice-option input') ? element.nextElementSibling : element
  const { outlineStyle, outlineWidth } = getComputedStyle(shown)
  const { top, bottom, width, height } = shown.getBoundingClientRect()
  const header = document.querySelector('.top')
  const edge = header && !header.contains(element) && !element.closest('.skip') ? header.getBoundingClientRect().bottom : 0
  const faults = []
  if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) faults.push('no outline')
  if (bottom <= edge || top >= innerHeight || !width || !height) faults.push(`out of sight at ${top} to ${bottom}`)
  return { stop: element.dataset.stop ?? element.outerHTML.slice(0, 140), faults }
}

export async function checkKeyboard(check, browser, origin, path) {
  const context = await browser.newContext({ ...LOOKS.light, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(origin + path)
  await check(`${path}: every control is reached by keyboard, and one sees where one is`, async () => {
    const stops = await page.evaluate(numberStops, INTERACTIVE)
    const reached = new Set()
    // Behind the last control of a frame the page itself has the focus for a moment.
    let nowhere = 0
    // Streams add entries meanwhile.
    for (let n = 0; n <= 2 * stops.length; n++) {
      await page.keyboard.press('Tab')
      const { stop, faults } = await page.evaluate(describeFocus)
      if (stop === null && ++nowhere > 3) break
      if (stop === null) continue
      assert.deepEqual(faults, [], stops[stop] ?? stop)
      reached.add(Number(stop))
    }
    const isThere = await page.evaluate((n_stops) => {
      return Array.from({ length: n_stops }, (_, n) => document.querySelector(`[data-stop="${n}"]`) !== null)
    }, stops.length)
    assert.deepEqual(stops.filter((_, n) => isThere[n] && !reached.has(n)), [], 'never reached')
  })
  await context.close()
}

export async function checkWithoutScript(check, browser, origin, path) {
  const context = await browser.newContext({ ...LOOKS.phone, javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(origin + path)
  await check(`${path}: is read and left without scripts`, async () => {
    assert.ok(await page.locator('h1').isVisible())
    assert.equal(await page.locator('.needs-script').filter({ visible: true }).count(), 0)
    const menu = page.getByRole('button', { name: 'Menu' })
    if ((await menu.count()) > 0) {
      await menu.click()
      await page.locator('#navigation').getByRole('link', { name: 'Catalog' }).click()
      // Pages that belong to no workspace offer the first one, music; others their own.
      const own = path.match(/^\/console\/(teams|news)\//)?.[1] ?? 'music'
      assert.equal(new URL(page.url()).pathname, `/console/${own}/catalog`)
    }
  })
  await context.close()
}
