// Results: what came of lists, by day, scenario, group and kind.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

const PAGE = '/console/music/results'
export const paths = [PAGE, `${PAGE}?by=kind`, `${PAGE}?by=scenario&scenario=none`]

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
