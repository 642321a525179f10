// The overview: how a workspace is doing, and the way to what needs attention.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api, send } from '../demo.mjs'

export const paths = ['/console/music']

/** The number of a tile. */
const tile = async (page, label) => {
  const text = await page.locator('.stat', { hasText: label }).first().locator('.stat-value').innerText()
  return Number(text.replace(/[^0-9.]/g, ''))
}

export async function jobs({ check, context, browser, origin }) {
  await check('messages that were sent are counted, and a refused one leads to the refused messages', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console`)
    assert.equal(new URL(page.url()).pathname, '/console/music')
    const before = await tile(page, 'Messages in the last hour')
    const message = (n) => ({ type: 'track', event: 'Something Else', userId: `overview-${n}`, messageId: `overview-${n}` })
    await send(origin, [message(1), message(2), { type: 'track', userId: 'overview-3' }])
    await page.reload()
    assert.equal(await tile(page, 'Messages in the last hour'), before + 3)
    const refused = page.locator('.callout', { hasText: 'refused in the last day' })
    await refused.getByRole('link', { name: 'Look at the refused messages' }).first().click()
    const address = new URL(page.url())
    assert.equal(address.pathname + address.search, '/console/music/live?outcome=rejected')
    await page.close()
  })

  await check('the part about now follows what arrives without a reload', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console/music`)
    const before = await tile(page, 'Messages in the last hour')
    await send(origin, [{ type: 'track', event: 'Something Else', userId: 'overview-live', messageId: 'overview-live' }])
    await page.waitForFunction(
      (before) => [...document.querySelectorAll('.stat')].some((stat) => stat.textContent.includes('Messages in the last hour')
        && Number(stat.querySelector('.stat-value').textContent.replace(/[^0-9]/g, '')) > before),
      before,
      { timeout: 15_000 },
    )
    await page.close()
  })

  await check('the tiles leave no hole on any screen', async () => {
    const page = await context.newPage()
    for (const width of [320, 390, 600, 760, 1000, 1280, 1440, 1920]) {
      await page.setViewportSize({ width, height: 900 })
      await page.goto(`${origin}/console/music`)
      for (const strip of await page.locator('.stats').all()) {
        const outer = await strip.boundingBox()
        const tiles = await Promise.all((await strip.locator('.stat').all()).map((tile) => tile.boundingBox()))
        const right = outer.x + outer.width
        for (const row of new Set(tiles.map((tile) => Math.round(tile.y)))) {
          const ends = tiles.filter((tile) => Math.round(tile.y) === row).map((tile) => tile.x + tile.width)
          assert.ok(right - Math.max(...ends) < 4, `a hole at ${width} pixels`)
        }
      }
    }
    await page.close()
  })

  await check('support sees what is there, but neither the model nor results', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'overview-support', role: 'support' })
    const headers = { authorization: `Bearer ${key}` }
    const overview = await (await fetchSoon(`${origin}/api/workspaces/music/overview`, { headers })).json()
    assert.equal(overview.figures, null)
    assert.ok(overview.counts.known_users > 0)
    const models = await fetchSoon(`${origin}/console/music/models`, { headers })
    assert.equal(models.status, 403)
  })
}
