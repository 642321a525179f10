// A shop's page that uses recombee-js-api-client in a real browser, against a real server on another origin.
// The environment names the binaries: TASTEMAKER and CHROMIUM.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'
import recombee from 'recombee-api-client'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
private_token = "private"
public_token = "public"
[[workspace.scenario]]
name = "homepage"
endpoint = "recommendItemsToUser"
[[workspace.scenario]]
name = "your-categories"
endpoint = "compositeRecommendation"
segmentation = "categories"
`
const NOUNS = {
  kitchen: ['kettle', 'saucepan', 'colander', 'toaster'],
  garden: ['shovel', 'wheelbarrow', 'trellis', 'sprinkler'],
  music: ['guitar', 'trumpet', 'metronome', 'violin'],
}
const LOOKS = ['oaken', 'scarlet', 'folding', 'antique', 'portable']
// The page escapes one of these ids in its URLs.
const [ALICE, BEN] = ['alice@example.com', 'ben']

/** The catalog: three categories of twenty items each. */
function catalog() {
  return Object.entries(NOUNS).flatMap(([category, nouns]) =>
    nouns.flatMap((noun, n) =>
      LOOKS.map((look, m) => {
        return { id: `${look}-${noun}`, values: { name: `${look} ${noun}`, category, price: 10 * n + m + 1 } }
      }),
    ),
  )
}

/** The shop's page, on an origin of its own. */
async function startPage() {
  const library = new URL('node_modules/recombee-js-api-client/dist/recombee-api-client.min.js', import.meta.url)
  const files = {
    '/': ['text/html', '<!doctype html><title>Shop</title><script src="/recombee.js"></script>'],
    '/recombee.js': ['text/javascript', readFileSync(library)],
  }
  const server = createServer(({ url }, answer) => {
    const [type, content] = files[url] ?? ['text/plain', '']
    answer.writeHead(url in files ? 200 : 404, { 'Content-Type': type }).end(content)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() }
}

const check = checksOf('recombee-browser')
const items = catalog()
const byId = new Map(items.map(({ id, values }) => [id, values]))
const { host, address, stop } = await startServer(BOOTSTRAP, { tls: true })

// What the shop's own server does: it has the private token.
const { requests } = recombee
const shop = new recombee.ApiClient('shop', 'private', { baseUri: address })
await check('the shop fills its catalog', async () => {
  const answers = await shop.send(
    new requests.Batch([
      new requests.AddItemProperty('name', 'string'),
      new requests.AddItemProperty('category', 'string'),
      new requests.AddItemProperty('price', 'double'),
      ...items.map(({ id, values }) => new requests.SetItemValues(id, { ...values }, { cascadeCreate: true })),
      new requests.CreatePropertyBasedSegmentation('categories', 'items', 'category'),
    ]),
  )
  assert.deepEqual(answers.filter(({ code }) => ![200, 201].includes(code)), [])
})

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
const shopPage = await startPage()
await page.goto(shopPage.url)

/** Sends a request from the page: an operation and its arguments, or a path and body that no operation has. */
async function sendFromPage(request, token = 'public') {
  const { value, error } = await page.evaluate(
    async ({ request, address, token }) => {
      const { recombee } = globalThis
      const build = (request) => {
        if (request.path) return { ...request, timeout: 9000, ensureHttps: true, bodyParameters: () => request.body }
        const [operation, ...given] = request
        if (operation === 'Batch') given[0] = given[0].map(build)
        return new recombee[operation](...given)
      }
      const client = new recombee.ApiClient('shop', token, { baseUri: address })
      return client.send(build(request)).then(
        (value) => ({ value }),
        ({ message, statusCode }) => ({ error: { message, statusCode } }),
      )
    },
    { request, address, token },
  )
  if (error) throw Object.assign(new Error(`${error.statusCode}: ${error.message}`), error)
  return value
}
const send = (...request) => sendFromPage(request)
const refused = (request, statusCode, token) => assert.rejects(sendFromPage(request, token), { statusCode })
const ids = ({ recomms }) => recomms.map(({ id }) => id)
const categories = (answer) => [...new Set(ids(answer).map((id) => byId.get(id).category))]

await check('what the page sends is stored', async () => {
  assert.equal(await send('AddDetailView', ALICE, 'oaken-kettle', { duration: 30, timestamp: 1_750_000_000 }), 'ok')
  await send('AddPurchase', ALICE, 'oaken-kettle', { amount: 2, price: 2, timestamp: '2025-06-15T15:07:00Z' })
  await send('AddCartAddition', ALICE, 'scarlet-kettle')
  await send('AddBookmark', ALICE, 'folding-kettle')
  await send('AddRating', ALICE, 'antique-kettle', 0.5)
  await send('SetViewPortion', ALICE, 'portable-kettle', 0.25, { sessionId: 'session-1' })
  const lists = ['DetailViews', 'Purchases', 'CartAdditions', 'Bookmarks', 'Ratings', 'ViewPortions'].map((kind) => {
    return shop.send(new requests[`ListUser${kind}`](ALICE))
  })
  const [views, purchases, ...others] = await Promise.all(lists)
  assert.deepEqual(views.map(({ timestamp, duration }) => [timestamp, duration]), [[1_750_000_000, 30]])
  assert.deepEqual(purchases.map(({ timestamp, amount, price }) => [timestamp, amount, price]), [[1_750_000_020, 2, 2]])
  const expected = ['scarlet-kettle', 'folding-kettle', 'antique-kettle', 'portable-kettle']
  assert.deepEqual(others.map((list) => list.map(({ itemId }) => itemId)), expected.map((id) => [id]))
})
await check('recommendations honour the filter and return properties', async () => {
  const filter = `'category' == "garden" and 'price' < 20`
  const answer = await send('RecommendItemsToUser', ALICE, 5, { filter, returnProperties: true })
  assert.equal(new Set(ids(answer)).size, 5)
  for (const { id, values } of answer.recomms) {
    assert.deepEqual(values, byId.get(id))
    assert.ok(values.category === 'garden' && values.price < 20, JSON.stringify(values))
  }
})
await check('a new visitor gets recommendations and is created by what they do', async () => {
  const isThere = async () => (await shop.send(new requests.ListUsers())).includes('visitor')
  assert.equal(ids(await send('RecommendItemsToUser', 'visitor', 5)).length, 5)
  assert.ok(!(await isThere()), 'looking makes nobody')
  assert.equal(await send('AddDetailView', 'visitor', 'oaken-kettle'), 'ok')
  assert.ok(await isThere())
})
await check('similar items leave out the item itself', async () => {
  const found = ids(await send('RecommendItemsToItem', 'oaken-kettle', ALICE, 5))
  assert.ok(found.length === 5 && !found.includes('oaken-kettle'), found.join())
})
await check('next items go on without repeats', async () => {
  const answer = await send('RecommendItemsToUser', BEN, 6)
  const pages = [answer]
  for (let n = 0; n < 2; n++) pages.push(await send('RecommendNextItems', answer.recommId, 6))
  assert.equal(new Set(pages.flatMap(ids)).size, 18)
})
await check('search forgives a typo', async () => {
  const found = ids(await send('SearchItems', ALICE, 'ketle', 5))
  assert.deepEqual(found.toSorted(), LOOKS.map((look) => `${look}-kettle`).toSorted())
})
await check('a batch answers each of its requests, and its lists share no item', async () => {
  const answers = await send(
    'Batch',
    [
      ['AddDetailView', BEN, 'oaken-guitar'],
      ['RecommendItemsToUser', BEN, 10],
      ['RecommendItemsToUser', BEN, 10],
      ['AddRating', BEN, 'oaken-guitar', 7],
    ],
    { distinctRecomms: true },
  )
  assert.deepEqual(answers.map(({ code }) => code), [200, 200, 200, 400])
  assert.equal(new Set([...ids(answers[1].json), ...ids(answers[2].json)]).size, 20)
  const views = await shop.send(new requests.ListUserDetailViews(BEN))
  assert.deepEqual(views.map(({ itemId }) => itemId), ['oaken-guitar'])
})
await check('a composite recommendation is a category and its items', async () => {
  const answer = await send('CompositeRecommendation', 'your-categories', 5, { userId: ALICE })
  assert.equal(ids(answer).length, 5)
  assert.deepEqual(categories(answer), [answer.source.id])
  await refused(['CompositeRecommendation', 'no-such-scenario', 5, { userId: ALICE }], 400)
})
await check('a purchase that cites a recommendation is its conversion', async () => {
  const { recommId, recomms } = await send('RecommendItemsToUser', BEN, 3, { scenario: 'homepage' })
  await send('AddDetailView', BEN, recomms[0].id, { recommId })
  await send('AddPurchase', BEN, recomms[0].id, { recommId, price: 12.5 })
  const answer = await fetch(`${host}/api/workspaces/shop/kpis`, { headers: { authorization: 'Bearer admin' } })
  const rows = Object.values(await answer.json()).flat().filter((row) => row.scenario === 'homepage')
  const figures = rows.map(({ clicks, purchases, revenue }) => [clicks, purchases, revenue])
  assert.deepEqual(figures, [[1, 1, 12.5]])
})
await check('the page can read why a request is refused', async () => {
  await refused(['RecommendItemsToUser', BEN, 0], 400)
  await refused(['RecommendItemsToUser', 'x'.repeat(1001), 5], 400)
  await refused(['AddDetailView', 'nobody', 'no-such-thing', { cascadeCreate: false }], 404)
  await refused(['RecommendNextItems', '00000000-0000-4000-8000-000000000000', 5], 404)
})
await check('the page does not learn who is there and what they did', async () => {
  // The one is there, with this view; the other is not.
  for (const user of [ALICE, 'nobody']) {
    const view = await send('AddDetailView', user, 'oaken-kettle', { timestamp: 1_750_000_000, cascadeCreate: false })
    assert.equal(view, 'ok')
    assert.equal((await send('RecommendItemsToUser', user, 1)).recomms.length, 1)
  }
})
await check('a wrong token is refused', async () => {
  await refused(['RecommendItemsToUser', BEN, 5], 401, 'wrong')
  // The page's way of signing is for the public token only.
  await refused(['RecommendItemsToUser', BEN, 5], 401, 'private')
})
await check('a page may neither change the catalog nor merge users', async () => {
  const changes = { filter: 'true', changes: { price: 0 } }
  await refused({ path: '/more-items/', body: changes }, 403)
  await refused({ path: '/items/oaken-kettle', body: { price: 0 } }, 403)
  await refused(['MergeUsers', ALICE, BEN], 403)
  const batch = { requests: [{ method: 'POST', path: '/more-items/', params: changes }] }
  // Whether the batch or its entry is refused is the server's choice.
  const codes = await sendFromPage({ path: '/batch/', body: batch }).then(
    (answers) => answers.map(({ code }) => code),
    ({ statusCode }) => [statusCode],
  )
  assert.deepEqual(codes, [403])
  assert.deepEqual(await shop.send(new requests.GetItemValues('oaken-kettle')), byId.get('oaken-kettle'))
  assert.ok((await shop.send(new requests.ListUsers())).includes(BEN))
})
await browser.close()
shopPage.stop()
await stop()
