// Every page of the gallery in Chromium: what holds for all of them, and then what scripts add.
import assert from 'node:assert/strict'
import { checksOf, within } from './check.mjs'
import { checkPage } from './page-checks.mjs'
import { checkKeyboard, checkWithoutScript } from './keyboard-checks.mjs'
import { checkScripts } from './script-checks.mjs'
import { checkHeaders } from './header-checks.mjs'
import { startBrowser, startGallery } from './gallery.mjs'

// Much of the time is spent waiting for a page to settle.
const PAGES_AT_ONCE = 3

const { check, finish } = checksOf('console')
const gallery = await startGallery()
const browser = await startBrowser()
const { origin, paths } = gallery

await check('what hangs fails with its name', async () => {
  const hung = new Promise(() => {})
  await assert.rejects(within(0.1, 'the answer', hung), /^Error: the answer did not end within 0.1 s$/)
})
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
finish()
