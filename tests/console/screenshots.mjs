// Writes a picture of every page in both themes, as on a desk and as on a phone, into the folder SCREENSHOTS.
import { join } from 'node:path'
import { LOOKS, PHONE_DARK, startBrowser, startGallery } from './gallery.mjs'

const { origin, paths, stop } = await startGallery()
const browser = await startBrowser()
for (const [look, options] of Object.entries({ ...LOOKS, 'phone-dark': PHONE_DARK })) {
  const context = await browser.newContext({ ...options, deviceScaleFactor: 1 })
  const page = await context.newPage()
  for (const path of paths) {
    await page.goto(origin + path)
    const name = path.replace(/^\/console\/(-\/)?/, '').replaceAll('/', '-')
    await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${look}.png`), fullPage: true })
  }
  await context.close()
}
await browser.close()
stop()
console.log(`${4 * paths.length} pictures in ${process.env.SCREENSHOTS}`)
