// The main job of each page on the purchases of a real shop, in Chromium, from the sign-in on. Every kind of page is looked
// at as those of the demo are. The environment names the binary, TASTEMAKER, and the folder of the data set, RETAIL.
import assert from 'node:assert/strict'
import { checksOf, until } from './check.mjs'
import { api, recommend, send } from './demo.mjs'
import { startBrowser } from './gallery.mjs'
import { measure } from './hand.mjs'
import { goBack, lookAtItems, segment, startTraining, switchToItems, tryFilter } from './jobs.mjs'
import { checkPage } from './page-checks.mjs'
import { csv, SHOP, signIn, SOURCE, startShop } from './retail-data.mjs'
import { busiest, hadAlready, startTest, takeOff, whyNotShown, whyRefused, whyShown } from './tasks.mjs'

const PAGES_AT_ONCE = 2
const CHEAP = 2
const N_ASKED = 30

const { check, finish } = checksOf('console, a shop')
const { origin, data, stop } = await startShop()
const browser = await startBrowser()
const context = await browser.newContext()
const page = await context.newPage()
await signIn(page, origin)
const session = await context.storageState()
const start = `/console/${SHOP}`
const below = `workspaces/${SHOP}`
const itemPath = (id) => `${start}/catalog/items/${encodeURIComponent(id)}`

/** Looks at pages, some at once. */
async function lookAt(paths) {
  const left = [...paths]
  const look = async () => {
    for (let path = left.shift(); path !== undefined; path = left.shift()) {
      await checkPage(check, browser, origin, start + path, session)
    }
  }
  await Promise.all(Array.from({ length: PAGES_AT_ONCE }, look))
}

/** A task in a browser of its own, from the sign-in on. */
async function fromSignIn(task, subject) {
  const own = await browser.newContext()
  const { answer } = await measure(await own.newPage(), (page) => signIn(page, origin), task, subject)
  await own.close()
  return answer
}

await check('products are found by words while one types', async () => {
  await page.goto(`${origin}${start}/catalog`)
  await page.getByLabel('Words').pressSequentially('lunch bag')
  await page.locator('#items').getByRole('link', { name: /LUNCH BAG/ }).first().waitFor()
  const found = await page.locator('#items tbody tr').allInnerTexts()
  assert.ok(found.length > 5)
})
await check('segments by price hold every product once', async () => {
  await segment(page, origin, SHOP, 'price', [`cheap: 'price' < ${CHEAP}`, `dear: 'price' >= ${CHEAP}`])
  const rows = await page.locator('#segments-preview tbody tr').allInnerTexts()
  const n_cheap = data.items.filter(({ price }) => price < CHEAP).length
  const numbers = rows.join(' ').replaceAll(',', '')
  for (const n of [n_cheap, data.items.length - n_cheap]) assert.ok(numbers.includes(String(n)), `${n} in ${rows}`)
})
await check('the model stands beside popularity, and another run is started, shown and cancelled', async () => {
  const { active } = await api(origin, 'GET', `${below}/models`)
  await startTraining(page)
  await page.getByRole('heading', { name: `Model ${active}, in use` }).waitFor()
  assert.match(await page.locator('main').innerText(), /popularity/i)
  await page.locator('progress').waitFor()
  const { jobs } = await api(origin, 'GET', `${below}/jobs`)
  const { id } = jobs.find(({ kind }) => kind === 'training')
  await page.goto(`${origin}${start}/jobs/${id}`)
  await page.getByRole('button', { name: 'Cancel' }).click()
  const ended = await until('the end of the training run', async () => {
    const job = await api(origin, 'GET', `${below}/jobs/${id}`)
    return job.state !== 'running' && job
  })
  assert.equal(ended.state, 'cancelled')
  assert.equal((await api(origin, 'GET', `${below}/models`)).active, active)
})

const customer = await busiest(origin, SHOP, '17')
await check('a customer is found, and why a product is shown is read in words with a percentage', async () => {
  assert.match(await fromSignIn(whyShown, customer), /because this person [\s\S]*\d+\s*%/)
})
await check('why a product is not shown to a customer is read', async () => {
  const answer = await fromSignIn(whyNotShown, await hadAlready(origin, SHOP, customer))
  assert.match(answer, /had it already[\s\S]*the list leaves such items out/)
})
await check('a list narrowed by a price has cheap products only, those of the API', async () => {
  const filter = `'price' < ${CHEAP}`
  const shown = await tryFilter(page, origin, SHOP, customer, filter)
  const { items } = await api(origin, 'POST', `${below}/recommendations`, { user: customer, count: shown.length, settings: { filter } })
  assert.deepEqual(shown, items.map(({ id, title }) => title?.trim().replaceAll(/\s+/g, ' ') || id))
  const prices = new Map(data.items.map(({ item_id, price }) => [item_id, Number(price)]))
  for (const { id } of items) assert.ok(prices.get(id) < CHEAP, id)
})
await check('a product is taken off everywhere, and comes back', async () => {
  const [{ item_id, title }] = (await api(origin, 'GET', `${below}/items?count=1`)).items
  await fromSignIn(takeOff, title)
  assert.equal((await api(origin, 'GET', `${below}/items/${item_id}`)).state, 'off')
  await page.goto(origin + itemPath(item_id))
  await page.getByRole('button', { name: 'Turn on again' }).click()
  await page.getByText('Lists may have this item again').waitFor()
})
await check('a test is started, and its lists and clicks are among the results', async () => {
  const scenario = await startTest.prepare(origin, SHOP)
  await fromSignIn(startTest, scenario)
  const { token } = await api(origin, 'POST', `${below}/tokens`, { name: 'site', kind: 'private' })
  const users = [...data.customers.keys()].slice(0, N_ASKED)
  for (const [n, userId] of users.entries()) {
    const { recommId, recomms } = await recommend(origin, token, userId, { count: 5, scenario, returnAbGroup: true }, SHOP)
    const properties = { product_id: recomms[0].id, recomm_id: recommId }
    if (n % 3 === 0) await send(origin, [{ type: 'track', event: 'Product Viewed', userId, messageId: `click-${n}`, properties }])
  }
  const row = page.getByRole('rowheader', { name: `${scenario}, A` })
  for (let n = 0; n < 20 && (await row.count()) === 0; n++) await page.goto(`${origin}${start}/results?by=group&scenario=${scenario}`)
  await row.waitFor()
  const counted = async () => {
    const { groups } = await api(origin, 'GET', `${below}/scenarios/${scenario}/test`)
    return ['recommendations', 'clicks'].map((name) => groups.reduce((sum, group) => sum + group[name], 0))
  }
  // Lists are recorded some at a time.
  for (let n = 0; n < 20 && (await counted())[0] < N_ASKED; n++) await page.waitForTimeout(100)
  assert.deepEqual(await counted(), [N_ASKED, N_ASKED / 3])
})
await check('why messages of the till are refused is read', async () => {
  assert.match(await fromSignIn(whyRefused, await whyRefused.prepare(origin, SHOP, SOURCE)), /neither ISO 8601/)
})
await check('a changed catalog is compared, put in force, and the one before comes back', async () => {
  const { current } = await api(origin, 'GET', `${below}/catalog`)
  const [n_dropped, n_dearer] = [7, 120]
  const dearer = ({ price, ...item }, n) => ({ ...item, price: n < n_dearer ? Number(price) + 1 : price })
  const items = [...data.items.slice(n_dropped).map(dearer), { item_id: 'new-1', title: 'A “new” CANDLE, ½ price', price: 0.5 }]
  await page.goto(`${origin}${start}/catalog/import`)
  await lookAtItems(page, csv(items))
  await page.getByRole('heading', { name: 'New items' }).waitFor()
  const shown = (await page.locator('main').innerText()).replaceAll(/\s+/g, ' ')
  for (const n of [n_dropped, n_dearer]) assert.ok(new RegExp(`\\b${n}\\b`).test(shown), `${n} in ${shown}`)
  await switchToItems(page)
  assert.equal((await api(origin, 'GET', `${below}/items/new-1`)).title, items.at(-1).title)
  await goBack(page, origin, SHOP, current)
  assert.equal((await api(origin, 'GET', `${below}/catalog`)).current, current)
})

const untitled = data.items.find(({ title }) => title === '').item_id
const [best] = (await api(origin, 'GET', `${below}/items?count=1`)).items
const person = `/people/${encodeURIComponent(`user_id:${customer}`)}`
const item = itemPath(best.item_id).slice(start.length)
await lookAt([
  '', person, `${person}/timeline`, `${person}/history`, `${person}/identity`, item, `${item}/people`, itemPath(untitled).slice(start.length),
  `/try-it?user=${customer}&beside=defaults&diversity=0.8`, '/scenarios', '/scenarios/basket', '/models', '/catalog', '/catalog/versions', '/catalog/import', '/live', '/people?q=17', '/segments/of/price',
  '/settings', '/operations', '/scenarios/-/new',
  '/results', '/results?by=group&scenario=basket', '/live?outcome=rejected', '/search?q=heart', '/exports?what=items',
])

await browser.close()
stop()
finish()
