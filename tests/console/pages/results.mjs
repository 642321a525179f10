// Results: what came of lists, by day, scenario, group and kind.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { api, recommend, send } from '../demo.mjs'

const PAGE = '/console/music/results'
export const paths = async (origin) => {
  const { token } = await api(origin, 'POST', 'workspaces/music/tokens', { name: 'results', kind: 'private' })
  for (let n = 0; n < 60; n++) {
    const { recommId, recomms } = await recommend(origin, token, `reader-${n}`, { count: 3, scenario: 'home', cascadeCreate: true })
    const properties = { product_id: recomms[0].id, recomm_id: recommId }
    if (n % 5 === 0) await send(origin, [{ type: 'track', event: 'Product Viewed', userId: `reader-${n}`, messageId: `read-${n}`, properties }])
  }
  await new Promise((resolve) => setTimeout(resolve, 500))
  return [PAGE, `${PAGE}?by=kind`, `${PAGE}?by=scenario&scenario=none`]
}

export async function jobs({ check, context, origin }) {
  await check('a day that is none comes back beside its field, and the file has the rows of the days', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}${PAGE}`)
    const from = await page.locator('#field-from').inputValue()
    await page.locator('#field-from').fill('yesterday')
    await page.getByRole('button', { name: 'Show' }).click()
    assert.match(await page.locator('#field-from-error').innerText(), /must be a day/)
    assert.equal(await page.locator('#field-from').inputValue(), 'yesterday')
    await page.locator('#field-from').fill(from)
    await page.getByRole('button', { name: 'Show' }).click()
    const waiting = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Export CSV' }).click()
    const download = await waiting
    assert.match(download.suggestedFilename(), /^results-music-.*\.csv$/)
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n')
    assert.ok(lines[0].startsWith('day,trait,endpoint,scenario,group,recommendations,users,clicks'))
    await page.close()
  })
}
