// Every page of the gallery in Chromium: what holds for all of them, and then what scripts add.
import { checkPage } from './page-checks.mjs'
import { checkKeyboard, checkWithoutScript } from './keyboard-checks.mjs'
import { checkScripts } from './script-checks.mjs'
import { checkHeaders } from './header-checks.mjs'
import { startBrowser, startGallery } from './gallery.mjs'

// Much of the time is spent waiting for a page to settle.
const PAGES_AT_ONCE = 3

const counts = { ok: 0, FAIL: 0 }

/** Runs a named check and prints its line. */
async function check(name, body) {
  try {
    await body()
    counts.ok++
    console.log(`ok   console: ${name}`)
  } catch (error) {
    counts.FAIL++
    console.log(`FAIL console: ${name}: ${String(error.message).replaceAll('\n', '\n     ')}`)
  }
}

const gallery = await startGallery()
const browser = await startBrowser()
const { origin, paths } = gallery

await checkHeaders(check, origin)
const left = [...paths]
const lookAtPages = async () => {
  for (let path = left.shift(); path; path = left.shift()) {
    await checkPage(check, browser, origin, path)
    await checkKeyboard(check, browser, origin, path)
    await checkWithoutScript(check, browser, origin, path)
  }
}
await Promise.all(Array.from({ length: PAGES_AT_ONCE }, lookAtPages))
await checkScripts(check, browser, origin)

await browser.close()
gallery.stop()
console.log(`${counts.ok} passed, ${counts.FAIL} failed`)
process.exit(counts.FAIL === 0 ? 0 : 1)
