// A small shop that uses @segment/analytics-node, against a real server. The environment names the binary: TASTEMAKER.
import assert from 'node:assert/strict'
import { Analytics } from '@segment/analytics-node'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "web-key"
[[workspace.trait]]
key = "recommended_items"
kind = "recommended_items"
count = 5
`

const check = checksOf('segment-node')

const product = (id, price) => ({ product_id: id, name: `The ${id}`, price, quantity: 1 })
const MUG = product('mug', 9.5)
const TEAPOT = product('teapot', 40)
const KETTLE = product('kettle', 55)
const TRAY = product('tray', 18)
const SPOON = product('spoon', 3)

const { host, stop } = await startServer(BOOTSTRAP)

async function call(path, authorization, request = {}) {
  const answer = await fetch(host + path, { ...request, headers: { authorization, ...request.headers } })
  assert.equal(answer.status, 200, `${path}: ${answer.status}`)
  return answer.json()
}
const profile = (who, what) =>
  call(`/v1/spaces/shop/collections/users/profiles/${who}/${what}`, `Basic ${btoa('profiles:')}`)
const recommended = async (who) => (await profile(who, 'traits?include=recommended_items')).traits.recommended_items

/** Every event of a profile, read in small pages. */
async function events(who) {
  const found = []
  for (let next = ''; ; ) {
    const { data, cursor } = await profile(who, `events?limit=3&next=${next}`)
    found.push(...data)
    if (!cursor.has_more) return found
    assert.ok(found.length < 100, 'the pages of events do not end')
    next = cursor.next
  }
}
const ids = (list) => list.map((event) => event.message_id ?? event.messageId).sort()

// Batches of four: a flush sends several at the same time.
const analytics = new Analytics({ writeKey: 'web-key', host, flushAt: 4 })
const [requests, errors] = [[], []]
analytics.on('http_request', (request) => requests.push(request))
analytics.on('error', (error) => errors.push(error))

const view = (who, item) => analytics.track({ ...who, event: 'Product Viewed', properties: item })
const order = (who, order_id, products) => {
  const total = products.reduce((sum, { price }) => sum + price, 0)
  analytics.track({ ...who, event: 'Order Completed', properties: { order_id, currency: 'EUR', total, products } })
}
const [visitor, alice, old] = [{ anonymousId: 'browser-1' }, { userId: 'alice' }, { userId: 'alice@old-shop' }]
const [ben, cleo] = [{ userId: 'ben' }, { userId: 'cleo' }]
for (const [who, item] of [[ben, KETTLE], [ben, TRAY], [ben, MUG], [cleo, SPOON], [cleo, TEAPOT]]) view(who, item)
order(ben, 'order-1', [KETTLE, TRAY])
order(cleo, 'order-2', [TEAPOT, SPOON, TRAY])
analytics.page({ ...visitor, name: 'Home', properties: { path: '/' } })
view(visitor, MUG)
view(visitor, KETTLE)
order(old, 'order-3', [SPOON])
await analytics.flush()

const traits = { name: 'Alice', email: 'alice@example.com', age: 34, vip: true, address: { city: 'Graz' } }
analytics.identify({ ...alice, ...visitor, traits })
await analytics.flush()
analytics.group({ ...alice, groupId: 'tea-club', traits: { plan: 'gold' } })
analytics.screen({ ...alice, name: 'Basket', properties: { n_items: 2 } })
order(alice, 'order-4', [MUG, TEAPOT])
analytics.alias({ ...alice, previousId: old.userId })
await analytics.closeAndFlush()

const sent = requests.flatMap(({ body }) => JSON.parse(body).batch)
const hers = sent.filter(({ userId, anonymousId }) => {
  return [alice.userId, old.userId].includes(userId) || anonymousId === visitor.anonymousId
})
const ofType = (list, type) => list.filter((event) => event.type === type)

await check('every call is delivered', async () => {
  assert.deepEqual(errors, [])
  assert.equal(sent.length, 16)
  assert.ok(requests.length > 3, `only ${requests.length} requests`)
  const { total, latest } = await call('/api/workspaces/shop/rejections', 'Bearer admin')
  assert.equal(total, 0, JSON.stringify(latest))
})
await check('every track is among the events exactly once', async () => {
  assert.equal(ofType(hers, 'track').length, 4)
  assert.deepEqual(ids(ofType(await events('user_id:alice'), 'track')), ids(ofType(hers, 'track')))
  const ofBen = sent.filter(({ userId }) => userId === 'ben')
  assert.deepEqual(ids(await events('user_id:ben')), ids(ofBen))
})
await check('a track keeps its properties and its time', async () => {
  const event = (await events('user_id:alice')).find(({ properties }) => properties.order_id === 'order-4')
  const call = sent.find(({ properties }) => properties?.order_id === 'order-4')
  assert.deepEqual(event.properties, call.properties)
  assert.equal(event.context.library.name, '@segment/analytics-node')
  assert.ok(Math.abs(Date.parse(event.timestamp) - Date.parse(call.timestamp)) < 5_000, event.timestamp)
})
await check('page and screen are among the events', async () => {
  const found = await events('user_id:alice')
  for (const type of ['page', 'screen']) assert.deepEqual(ids(ofType(found, type)), ids(ofType(hers, type)))
  assert.deepEqual(ofType(found, 'page').map(({ name }) => name), ['Home'])
  assert.deepEqual(ofType(found, 'screen').map(({ name }) => name), ['Basket'])
})
await check('identify sets the traits', async () => {
  const { recommended_items, recommended_items__detail, ...found } = (await profile('user_id:alice', 'traits')).traits
  assert.deepEqual(found, traits)
})
await check('identify links the anonymous history', async () => {
  const found = await events('user_id:alice')
  const before = ids(sent.filter((message) => message.anonymousId && message.type !== 'identify'))
  assert.deepEqual(before.filter((id) => !ids(found).includes(id)), [])
  assert.deepEqual(await events('anonymous_id:browser-1'), found)
  const { data } = await profile('user_id:alice', 'external_ids')
  assert.ok(data.some(({ type, id }) => type === 'anonymous_id' && id === 'browser-1'), JSON.stringify(data))
})
await check('alias links the old id', async () => {
  const found = await events('user_id:alice')
  assert.ok(found.some(({ properties }) => properties.order_id === 'order-3'))
  assert.deepEqual(await events('user_id:alice@old-shop'), found)
})
await check('recommended_items leaves out what she has bought, under any id', async () => {
  const items = await recommended('user_id:alice')
  assert.ok(Array.isArray(items), JSON.stringify(items))
  assert.deepEqual(['kettle', 'tray'].filter((item) => !items.includes(item)), [])
  assert.deepEqual(['mug', 'teapot', 'spoon'].filter((item) => items.includes(item)), [])
})
await check('recommended_items holds goods only once there is a catalog', async () => {
  const body = 'item_id\nmug\nteapot\nkettle\ntray\nspoon\n'
  const headers = { 'Content-Type': 'text/csv' }
  await call('/api/workspaces/shop/catalog', 'Bearer admin', { method: 'POST', headers, body })
  assert.deepEqual((await recommended('user_id:alice')).toSorted(), ['kettle', 'tray'])
})
await check('the same batches again add nothing', async () => {
  const people = ['user_id:alice', 'user_id:ben', 'user_id:cleo']
  const read = () => Promise.all(people.map(async (who) => [await events(who), await recommended(who)]))
  const before = await read()
  for (const { url, method, headers, body } of requests) {
    const answer = await fetch(url, { method, body, headers: { ...headers, 'X-Tastemaker-Strict': '1' } })
    const { messages } = await answer.json()
    assert.deepEqual(messages.map(({ status }) => status), JSON.parse(body).batch.map(() => 'duplicate'))
  }
  assert.deepEqual(await read(), before)
})
await check('a wrong write key reaches the error callbacks, once and without retries', async () => {
  const wrong = new Analytics({ writeKey: 'wrong-key', host })
  const [emitted, statuses] = [[], []]
  wrong.on('error', (error) => emitted.push(error))
  wrong.on('http_response', ({ status }) => statuses.push(status))
  const given = new Promise((resolve) => wrong.track({ ...alice, event: 'Lost' }, resolve))
  await wrong.closeAndFlush({ timeout: 5_000 })
  assert.match((await given).message, /\[401\]/)
  assert.deepEqual(emitted.map(({ code }) => code), ['delivery_failure'])
  assert.deepEqual(statuses, [401])
  assert.ok((await events('user_id:alice')).every(({ event }) => event !== 'Lost'))
})
await stop()
