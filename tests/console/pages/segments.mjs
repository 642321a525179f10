// Segmentations, synonyms, series and groups: list, edit, try.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api, WORKSPACE } from '../demo.mjs'
import { segment } from '../jobs.mjs'

const start = '/console/music/segments'
const HOSTILE = '<script>window.isHacked = true</script>'

export async function paths(origin) {
  await api(origin, 'POST', `workspaces/${WORKSPACE}/segmentations`, { id: 'looked-at', title: HOSTILE, rule: { property: 'genres' } })
  await api(origin, 'POST', `workspaces/${WORKSPACE}/synonyms`, { term: HOSTILE, synonym: 'rock' })
  await api(origin, 'POST', `workspaces/${WORKSPACE}/series`, { id: 'looked-at' })
  const names = ['', '/new', '/of/looked-at', '/of/looked-at/delete', '/synonyms', '/series', '/series/looked-at', '/groups']
  return names.map((name) => start + name)
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  await check('a segmentation by a property shows its segments with sizes and examples', async () => {
    await page.goto(`${origin}${start}/new`)
    await page.getByLabel('Id', { exact: true }).fill('genres')
    await page.getByRole('textbox', { name: 'Property' }).fill('genres')
    await page.locator('#segments-preview table').waitFor()
    await page.getByRole('button', { name: 'Make segmentation' }).click()
    await page.waitForURL(`${origin}${start}/of/genres`)
    assert.ok((await page.locator('#segments-preview tbody tr').count()) > 3)
    assert.match(await page.locator('#segments-preview').innerText(), /segments have an item/)
  })
  await check('a mistake in an expression is marked at its column while typing, and beside the field when sent', async () => {
    await page.goto(`${origin}${start}/new`)
    await page.getByLabel('Id', { exact: true }).fill('old')
    await page.getByRole('radio', { name: 'An expression' }).check()
    await page.getByRole('textbox', { name: 'Expression' }).fill("if 'nothing' < 1980 then {\"old\"} else {}")
    await page.locator('#segments-preview mark').waitFor()
    await page.getByRole('button', { name: 'Make segmentation' }).click()
    assert.match(await page.locator('#field-expression-error').innerText(), /column 4/)
    assert.match(await page.getByRole('textbox', { name: 'Expression' }).inputValue(), /nothing/)
    await page.getByRole('textbox', { name: 'Expression' }).fill("if 'year' < 1980 then {\"old\"} else {\"new\"}")
    await page.locator('#segments-preview tbody tr').nth(1).waitFor()
    await page.getByRole('button', { name: 'Make segmentation' }).click()
    await page.waitForURL(`${origin}${start}/of/old`)
  })
  await check('filters make segments one by one, and those that are left out go', async () => {
    await segment(page, origin, WORKSPACE, 'decades', ["early: 'year' < 1980", "late: 'year' >= 1980"])
    assert.equal(await page.locator('#segments-preview tbody tr').count(), 2)
    await page.getByRole('textbox', { name: 'Filters' }).fill("late: 'year' >= 1990")
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForLoadState()
    const { rule } = await api(origin, 'GET', `workspaces/${WORKSPACE}/segmentations/decades`)
    assert.deepEqual(rule.filters, [{ id: 'late', filter: "'year' >= 1990", title: null }])
  })
  await check('a synonym makes the search find the other word', async () => {
    await page.goto(`${origin}${start}/synonyms`)
    await page.getByLabel('A search for').fill('zzyzx')
    await page.getByLabel('also finds').fill('blue')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('rowheader', { name: 'zzyzx' }).waitFor()
  })
  await check('a series holds albums in their order', async () => {
    await page.goto(`${origin}${start}/series`)
    await page.getByLabel('Id of a new one').fill('trilogy')
    await page.getByRole('button', { name: 'Make it' }).click()
    const { items } = await api(origin, 'GET', `workspaces/${WORKSPACE}/recommendations?user=nobody&count=2`)
    for (const [n, { id }] of items.entries()) {
      await page.getByLabel('Id', { exact: true }).fill(id)
      await page.getByRole('button', { name: 'Add' }).click()
      await page.getByRole('cell', { name: String(n + 1), exact: true }).waitFor()
    }
    await page.getByLabel('Id', { exact: true }).fill('no such album')
    await page.getByRole('button', { name: 'Add' }).click()
    assert.match(await page.locator('#field-member-error').innerText(), /no item/)
    await page.getByRole('link', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete this series' }).click()
    await page.waitForURL(`${origin}${start}/series`)
    assert.equal(await page.getByRole('rowheader', { name: 'trilogy' }).count(), 0)
  })
  await check('whoever only reads sees segmentations and no form, and is refused', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'segments-analyst', role: 'analyst' })
    const headers = { authorization: `Bearer ${key}` }
    const shown = await (await fetchSoon(`${origin}${start}/of/looked-at`, { headers })).text()
    assert.ok(shown.includes('Segments by size') && !shown.includes('Save'))
    const refused = await fetchSoon(`${origin}${start}/of/looked-at/delete`, { method: 'POST', headers })
    assert.equal(refused.status, 403)
  })
  await page.close()
}
