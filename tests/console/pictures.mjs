// The pictures of the documentation: pages of the console on the data of the demo. PICTURES names the folder.
import { startDemo, send } from './demo.mjs'
import { LOOKS, startBrowser } from './gallery.mjs'

const SETTLED_MS = 1_500
const LISTENER = 'listener-00007'

/** Name of the file, path, and what is done on the page before. */
const PAGES = [
  ['overview', ''],
  ['live', '/live'],
  ['person', `/people/${LISTENER}`],
  ['try-it', `/try-it?user=${LISTENER}`],
  ['scenarios', '/scenarios'],
  ['models', '/models'],
]

const demo = await startDemo()
const browser = await startBrowser()
const context = await browser.newContext({ ...LOOKS.light, deviceScaleFactor: 1 })
const page = await context.newPage()
await send(demo.origin, [
  { type: 'track', userId: LISTENER, event: 'Product Viewed', properties: { product_id: 'night-ferry' } },
  { type: 'identify', userId: LISTENER, traits: { city: 'Bremen' } },
])
for (const [name, path] of PAGES) {
  await page.goto(`${demo.origin}/console/music${path}`, { waitUntil: 'load' })
  await page.waitForTimeout(SETTLED_MS)
  await page.screenshot({ path: `${process.env.PICTURES}/${name}.png` })
  console.log(`${process.env.PICTURES}/${name}.png`)
}
await browser.close()
demo.stop()
process.exit(0)
