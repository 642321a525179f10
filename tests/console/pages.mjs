// The pages of the console on a real server, in Chromium. Every file of `pages/` has the paths of its pages, which are
// looked at as those of the gallery are, and the jobs that they exist for.
// PAGES=name,name runs these only.
import { readdir } from 'node:fs/promises'
import { checksOf, WAIT_SECONDS_MAX } from './check.mjs'
import { startBrowser } from './gallery.mjs'
import { checkKeyboard, checkWithoutScript } from './keyboard-checks.mjs'
import { checkPage } from './page-checks.mjs'
import { startDemo } from './demo.mjs'

// Much of the time is spent waiting for a page to settle.
const PAGES_AT_ONCE = 3

const { check, fail, finish } = checksOf('console')

const wanted = process.env.PAGES?.split(',')
const files = (await readdir(new URL('pages/', import.meta.url))).filter((name) => name.endsWith('.mjs')).sort()
const demo = await startDemo()
const browser = await startBrowser()
for (const file of files) {
  if (wanted && !wanted.includes(file.replace('.mjs', ''))) continue
  const { paths = [], jobs } = await import(new URL(`pages/${file}`, import.meta.url))
  let left = []
  await check(`${file}: its pages are prepared`, async () => {
    left = typeof paths === 'function' ? await paths(demo.origin) : [...paths]
  }, WAIT_SECONDS_MAX)
  const lookAtPages = async () => {
    for (let path = left.shift(); path; path = left.shift()) {
      await checkPage(check, browser, demo.origin, path)
      await checkKeyboard(check, browser, demo.origin, path)
      await checkWithoutScript(check, browser, demo.origin, path)
    }
  }
  await Promise.all(Array.from({ length: PAGES_AT_ONCE }, lookAtPages))
  // A context of its own: whoever opens a page is signed in as the visitor of the demo.
  const context = await browser.newContext()
  try {
    await jobs?.({ check, browser, context, origin: demo.origin })
  } catch (error) {
    fail(file, error)
  }
  await context.close()
}
await browser.close()
demo.stop()
finish()
