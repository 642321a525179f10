// The catalog: find an item, take it off everywhere, and put a file in force.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fetchSoon } from '../check.mjs'
import { api, WORKSPACE } from '../demo.mjs'
import { measure } from '../hand.mjs'
import { goBack, lookAtItems, switchToItems } from '../jobs.mjs'
import { takeOff } from '../tasks.mjs'

const CATALOG = `/console/${WORKSPACE}/catalog`
const LIST = `workspaces/${WORKSPACE}/items`

/** The item with the most interactions, by the API. */
async function first(origin, query = '') {
  return (await api(origin, 'GET', `${LIST}?count=1${query}`)).items[0]
}

const itemPath = (id) => `${CATALOG}/items/${encodeURIComponent(id)}`

export async function paths(origin) {
  const item = await first(origin)
  return [CATALOG, `${CATALOG}?filter=%27nothing%27%20%3D%3D`, itemPath(item.item_id), `${itemPath(item.item_id)}/people`, `${itemPath(item.item_id)}/off`, `${CATALOG}/versions`, `${CATALOG}/import`, `${CATALOG}/feeds`, `${CATALOG}/locations`, `${CATALOG}/columns`, '/console/music/exports?what=items', '/console/music/exports/scheduled']
}

/** Every id in the lists that the APIs make for some people and beside an item. */
async function listed(origin, beside) {
  const { people } = await api(origin, 'GET', `${LIST}/${encodeURIComponent(beside)}/people`)
  const ids = new Set()
  for (const { user_id } of people) {
    const { items } = await api(origin, 'GET', `workspaces/music/recommendations?user=${encodeURIComponent(user_id)}&count=100`)
    items.forEach(({ id }) => ids.add(id))
  }
  const { items } = await api(origin, 'GET', `${LIST}/${encodeURIComponent(beside)}/similar`)
  items.forEach(({ item_id }) => ids.add(item_id))
  return ids
}

export async function jobs({ check, browser, context, origin }) {
  const page = await context.newPage()
  await page.goto(`${origin}/console`)
  const album = await first(origin)
  const name = album.title ?? album.item_id

  await check('the catalog is searched while one types, and a mistake in a filter is marked at its column', async () => {
    await page.goto(origin + CATALOG)
    const n_before = await page.locator('#items tbody tr').count()
    assert.ok(n_before > 10)
    await page.getByLabel('Words').pressSequentially(name.slice(0, 12))
    await page.waitForFunction((n) => document.querySelectorAll('#items tbody tr').length < n, n_before)
    await page.locator('#items').getByRole('link', { name, exact: true }).first().waitFor()
    await page.getByLabel('Words').fill('')
    await page.getByLabel('Filter').fill("'no_such_property' == 1")
    await page.locator('#items .reql-excerpt mark').waitFor()
    assert.match(await page.locator('#items').textContent(), /column 1: /)
    await page.getByLabel('Filter').fill("'itemId' == \"nothing\"")
    await page.locator('#items').getByText('No item is like this').waitFor()
  })

  await check('an item is taken off everywhere in six clicks from the start, and comes back', async () => {
    await page.goto(`${origin}${itemPath(album.item_id)}`)
    await page.getByRole('heading', { name: 'Similar items' }).waitFor()
    assert.ok((await page.locator('.items .item-card').count()) > 0)
    await measure(page, () => page.goto(`${origin}/console`), takeOff, name)
    assert.equal((await api(origin, 'GET', `${LIST}/${encodeURIComponent(album.item_id)}`)).state, 'off')
    const other = (await api(origin, 'GET', `${LIST}?count=2`)).items[1]
    assert.ok(!(await listed(origin, other.item_id)).has(album.item_id))
    const audit = await api(origin, 'GET', 'audit?limit=20')
    assert.ok(JSON.stringify(audit).includes('item.off'))
    await page.getByRole('button', { name: 'Turn on again' }).click()
    await page.getByText('Lists may have this item again').waitFor()
    assert.equal((await api(origin, 'GET', `${LIST}/${encodeURIComponent(album.item_id)}`)).state, 'on')
  })

  await check('a file is looked at, corrected, compared and put in force, and the version before comes back', async () => {
    const { current } = await api(origin, 'GET', 'workspaces/music/catalog')
    await page.goto(`${origin}${CATALOG}/import`)
    const rows = Array.from({ length: 20 }, (_, n) => `new-${n},<img src=x onerror=alert(1)> ${n},${n}`)
    const csv = ['item_id,title,year', ...rows, 'new-bad,Wrong,no year'].join('\n')
    await lookAtItems(page, csv)
    const mistakes = page.getByRole('table', { name: 'Mistakes' })
    await mistakes.waitFor()
    assert.match(await mistakes.textContent(), /22/)
    assert.match(await mistakes.textContent(), /no year/)
    await page.getByLabel('year').selectOption({ label: 'Text' })
    await page.getByRole('button', { name: 'Check again' }).click()
    await mistakes.waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: 'New items' }).waitFor()
    await page.getByRole('button', { name: 'Switch to these items' }).click()
    await page.getByText('Nothing was imported').first().waitFor()
    await switchToItems(page)
    await page.getByRole('link', { name: 'Show the catalog' }).click()
    await page.getByRole('heading', { name: 'Catalog', exact: true }).waitFor()
    await page.goto(origin + itemPath('new-1'))
    assert.match(await page.getByRole('heading', { level: 1 }).textContent(), /<img src=x/)
    assert.equal(await page.locator('img[src="x"]').count(), 0)
    await goBack(page, origin, WORKSPACE, current)
    assert.equal((await api(origin, 'GET', 'workspaces/music/catalog')).current, current)
  })
  await check('who is likely to want an item comes after its page, and without scripts by a link', async () => {
    const path = `${itemPath(album.item_id)}/people`
    await page.goto(origin + path)
    await page.getByRole('table', { name: 'People who are likely to want it' }).waitFor()
    const html = await (await context.request.get(`${origin}${path}?now=true`)).text()
    assert.match(html, /People who are likely to want it/)
  })

  await check('the items are exported to a file', async () => {
    await page.goto(origin + CATALOG)
    await page.getByRole('link', { name: 'Export' }).click()
    await page.getByLabel('Form of the file').selectOption('jsonl')
    await page.getByRole('button', { name: 'Make the file' }).click()
    const downloads = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download' }).click()
    const download = await downloads
    assert.equal(download.suggestedFilename(), 'music-items.jsonl')
    const lines = readFileSync(await download.path(), 'utf8').trim().split('\n')
    const { n_available } = await api(origin, 'GET', `${LIST}?count=1`)
    assert.equal(lines.length, n_available)
    assert.ok(lines.some((line) => JSON.parse(line).item_id === album.item_id))
  })
  await check('recommended items go into a warehouse each night', async () => {
    const warehouse = { kind: 'postgresql', enabled: false, settings: { host: 'db.example.com', database: 'shop', user: 'tastemaker' } }
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/warehouse`, warehouse)
    await page.goto(`${origin}/console/music/exports`)
    await page.getByRole('link', { name: 'Again and again' }).click()
    await page.getByLabel('Name').fill('nightly_lists')
    await page.getByLabel('What').selectOption('recommendations')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. It is made for the first time within a minute.').waitFor()
    const row = page.getByRole('row', { name: 'nightly_lists' })
    assert.match(await row.textContent(), /Recommended items.*warehouse.*Every day/)
    const { into, every_hours: hours } = await api(origin, 'GET', `workspaces/${WORKSPACE}/scheduled_exports/nightly_lists`)
    assert.deepEqual([into, hours], ['warehouse', 24])
    const remove = async (name) => {
      await page.getByRole('row', { name }).getByRole('link', { name: 'Remove…' }).click()
      await page.getByRole('button', { name: 'Remove the export' }).click()
      await page.getByText('Removed. What it has made stays.').waitFor()
    }
    await remove('nightly_lists')
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/audiences/played`, { condition: 'did "Song Played"' })
    await page.goto(`${origin}/console/music/exports/scheduled`)
    await page.getByLabel('Name').fill('players')
    await page.getByLabel('What').selectOption('people')
    await page.getByLabel('Audience or trait').selectOption('played')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('people are exported whole').waitFor()
    await page.getByLabel('What').selectOption('audiences')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved. It is made for the first time within a minute.').waitFor()
    const { only } = await api(origin, 'GET', `workspaces/${WORKSPACE}/scheduled_exports/players`)
    assert.equal(only, 'played')
    await remove('players')
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/audiences/played`)
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/destinations/warehouse`)
  })
  await check('a feed is kept, changed, fetched with what went wrong, and removed', async () => {
    await page.goto(origin + CATALOG)
    await page.getByRole('link', { name: 'Feeds' }).click()
    await page.getByLabel('Name').fill('shop')
    await page.getByLabel('Address of the file').fill('https://feed.invalid/shop.xml')
    await page.getByLabel('Paused').check()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    const row = page.getByRole('row', { name: 'shop' })
    await row.getByRole('link', { name: 'Change' }).click()
    await page.getByLabel('Leave wrong rows out').check()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    const feed = await api(origin, 'GET', `workspaces/${WORKSPACE}/feeds/shop`)
    assert.deepEqual([feed.skip_invalid, feed.paused, feed.every_minutes], [true, true, 60])
    await row.getByRole('button', { name: 'Fetch now' }).click()
    await page.getByText('feed:').first().waitFor()
    await page.goto(`${origin}${CATALOG}/feeds`)
    await row.getByText('failed', { exact: true }).waitFor()
    await row.getByRole('link', { name: 'Remove…' }).click()
    await page.getByRole('button', { name: 'Remove the feed' }).click()
    await page.getByText('Removed. The catalog stays as it is.').waitFor()
  })

  await check('the catalog of a feed is chosen among those that there are, and a feed that is saved unchanged stays as it is', async () => {
    await api(origin, 'PATCH', `workspaces/${WORKSPACE}/settings`, { catalog: { products: ['merchandise'] } })
    await page.goto(`${origin}${CATALOG}/feeds`)
    assert.deepEqual(await page.getByLabel('Catalog', { exact: false }).locator('option').allInnerTexts(), ['items', 'merchandise'])
    await page.getByLabel('Name').fill('shirts')
    await page.getByLabel('Address of the file').fill('https://feed.invalid/shirts.csv')
    await page.locator('#field-catalog').selectOption('merchandise')
    await page.getByLabel('Paused').check()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    const read = () => api(origin, 'GET', `workspaces/${WORKSPACE}/feeds/shirts`)
    const made = await read()
    assert.equal(made.catalog, 'merchandise')
    await page.goto(`${origin}${CATALOG}/feeds?feed=shirts`)
    assert.equal(await page.locator('#field-catalog').inputValue(), 'merchandise')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    assert.deepEqual(await read(), made)
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/feeds/shirts`)
    await api(origin, 'PATCH', `workspaces/${WORKSPACE}/settings`, { catalog: {} })
  })

  await check('a file of locations is put in force, and one without places is refused', async () => {
    const upload = async (csv) => {
      await page.getByLabel('Name').fill('stores')
      await page.getByLabel('File', { exact: true }).setInputFiles({ name: 'stores.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
      await page.getByRole('button', { name: 'Put it in force' }).click()
    }
    await page.goto(`${origin}${CATALOG}/locations`)
    await upload('location_id,latitude,longitude\nnowhere,91,0\n')
    await page.getByText('latitude is 91').waitFor()
    await upload('location_id,latitude,longitude,city\nmitte,52.52,13.41,Berlin\n')
    await page.getByText('The file is in force.').waitFor()
    await page.getByRole('link', { name: 'stores' }).click()
    await page.getByRole('row', { name: 'mitte' }).getByText('Berlin').waitFor()
  })

  await check('columns get a meaning, and come with the events', async () => {
    await page.goto(`${origin}${CATALOG}/columns`)
    await page.getByLabel('Stock').fill('stock')
    await page.getByLabel('Property with ids of stores').fill('store')
    const lines = page.getByLabel('Columns that are added to events')
    await lines.fill('Album Played')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('write the event, a colon').waitFor()
    await lines.fill('Album Played by album_id: title, year')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Done: Saved').waitFor()
    const { catalog } = await api(origin, 'GET', `workspaces/${WORKSPACE}/settings`)
    const enrich = [{ event: 'Album Played', item_property: 'album_id', columns: ['title', 'year'] }]
    assert.deepEqual(catalog, { stock: 'stock', location_property: { stores: 'store' }, enrich })
    await api(origin, 'PATCH', `workspaces/${WORKSPACE}/settings`, { catalog: {} })
    await page.goto(`${origin}${CATALOG}/locations`)
    await page.getByRole('link', { name: 'Remove…' }).click()
    await page.getByRole('button', { name: 'Remove the locations' }).click()
    await page.getByText('Removed.').waitFor()
  })
  await page.close()

  await check('a support account sees items and changes nothing', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'support-of-the-catalog', role: 'support' })
    const headers = { authorization: `Bearer ${key}` }
    const path = `${origin}${itemPath(album.item_id)}`
    assert.equal((await fetchSoon(`${origin}/api/${LIST}`, { headers })).status, 200)
    assert.equal((await fetchSoon(path, { headers })).status, 200)
    assert.equal((await fetchSoon(`${path}/off`, { method: 'POST', headers })).status, 403)
    assert.equal((await fetchSoon(`${origin}/api/${LIST}/${encodeURIComponent(album.item_id)}/off`, { method: 'PUT', headers })).status, 403)
    assert.equal((await fetchSoon(`${origin}${CATALOG}/import`, { headers })).status, 403)
  })
}
