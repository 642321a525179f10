// What pages gain where scripts run.
import assert from 'node:assert/strict'
import { LOOKS } from './gallery.mjs'

export async function checkScripts(check, browser, origin) {
  const context = await browser.newContext({ ...LOOKS.light, permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  const go = (path) => page.goto(`${origin}/console/music${path}`)

  await check('the theme is chosen in the account menu, and the server remembers it', async () => {
    await go('/components')
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await background()
    await page.getByRole('button', { name: 'Account of' }).click()
    await page.getByLabel('Dark').check()
    const dark = await background()
    assert.notEqual(dark, light)
    const { headers, text } = await page.goto(page.url()).then(async (answer) => {
      return { headers: answer.headers(), text: await answer.text() }
    })
    assert.ok(text.includes('data-theme="dark"') && headers['cache-control'].includes('no-store'))
    assert.equal(await background(), dark)
    await context.clearCookies()
  })
  await check('menus open by keyboard and close by Escape', async () => {
    await go('/components')
    await page.getByRole('button', { name: 'Workspace:' }).focus()
    await page.keyboard.press('Enter')
    assert.ok(await page.getByRole('link', { name: 'bookshop' }).isVisible())
    await page.keyboard.press('Escape')
    assert.ok(await page.locator('#workspaces').isHidden())
  })
  await check('/ searches, ? lists the keys, g and a letter go to an area', async () => {
    await go('/catalog')
    await page.keyboard.press('/')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'search')
    await page.keyboard.type('g?/')
    assert.equal(await page.inputValue('#search'), 'g?/')
    await page.evaluate(() => document.activeElement.blur())
    await page.keyboard.press('?')
    assert.ok(await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).isVisible())
    await page.keyboard.press('Escape')
    await page.keyboard.press('g')
    await Promise.all([page.waitForURL('**/models'), page.keyboard.press('m')])
  })
  await check('the keys can be turned off', async () => {
    await go('/catalog')
    await page.keyboard.press('?')
    await page.getByLabel('Use these keys').uncheck()
    await page.keyboard.press('Escape')
    await go('/catalog')
    await page.keyboard.press('/')
    assert.notEqual(await page.evaluate(() => document.activeElement.id), 'search')
    await page.evaluate(() => localStorage.clear())
  })
  await check('a table whose rows are all there is sorted in place', async () => {
    await go('/catalog')
    const first = () => page.locator('tbody tr').first().innerText()
    assert.match(await first(), /Night Ferry/)
    const head = page.getByRole('link', { name: 'Price, EUR' })
    await head.click()
    assert.match(await first(), /Field Notes/)
    assert.equal(await page.getByRole('columnheader', { name: 'Price' }).getAttribute('aria-sort'), 'descending')
    await head.click()
    assert.match(await first(), /Slow Orbit/)
    await page.getByRole('link', { name: 'Item', exact: true }).click()
    assert.match(await first(), /Copper Wire/)
    assert.equal(new URL(page.url()).search, '')
  })
  await check('what is under way is kept up to date until its end', async () => {
    let n_streams = 0
    page.on('request', (request) => request.url().endsWith('/models/stream') && n_streams++)
    await go('/models')
    await page.getByText('71 %').waitFor()
    await page.locator('.progress', { hasText: 'Training run 42' }).getByText('done').waitFor()
    // The end comes as long after that as the gallery waits between events; a stream that failed would come back in a second.
    await page.waitForTimeout(3500)
    assert.equal(n_streams, 1)
  })
  await context.close()
}
