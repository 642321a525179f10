// What pages gain where scripts run.
import assert from 'node:assert/strict'
import { LOOKS } from './gallery.mjs'

export async function checkScripts(check, browser, origin) {
  const context = await browser.newContext({ ...LOOKS.light, permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  const go = (path) => page.goto(`${origin}/console/music${path}`)

  await check('the theme is chosen in the account menu, and the server remembers it', async () => {
    await go('')
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
    await go('')
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
  await check('code is copied', async () => {
    await go('/try-it')
    const button = page.getByRole('button', { name: 'Copy' })
    await button.click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -X POST/)
  })
  await check('a preview follows the form, and a newer one replaces the one before', async () => {
    await go('/try-it')
    const slider = page.getByLabel('Diversity')
    await slider.fill('0.9')
    assert.equal(await page.locator('output[for=field-diversity]').innerText(), '0.9')
    const filter = page.getByLabel('Filter')
    await page.locator('#preview').getByText('Filter, column 2').waitFor()
    await filter.fill("'price' < 20")
    await page.locator('#preview').getByText('Static Bloom').waitFor()
    assert.equal(await page.locator('#preview[aria-busy]').count(), 0)
  })
  await check('a request that is under way is given up for a newer one', async () => {
    await go('/try-it')
    let n_held = 0
    await page.route('**/preview', async (route) => {
      if (n_held++ === 0) return
      await route.continue()
    })
    const given_up = page.waitForEvent('requestfailed')
    const filter = page.getByLabel('Filter')
    const first = page.waitForRequest('**/preview')
    await filter.fill("'prize' < 1")
    await first
    await filter.fill("'price' < 2")
    await given_up
    await page.locator('#preview .rank-diff').waitFor()
    await page.unroute('**/preview')
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
