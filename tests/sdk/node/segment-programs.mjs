// Programs in other languages that use their SDK against a real server: each sends the same calls, and here is looked at what
// arrived. Arguments: the name of the part, the name that the SDK gives itself, the command. The environment names the binary:
// TASTEMAKER.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "web"
write_key = "web-key"
`
// Two views of Ben, three calls of people who are not known yet, an identify, four calls of Alice and the orders of Cleo.
const [N_ORDERS_OF_CLEO, N_CALLS] = [100, 110]
const TRAITS = { name: 'Alice', email: 'alice@example.com', age: 34, vip: true }
const TIME_MAX_MS = 120_000

const [part, library, command, ...options] = process.argv.slice(2)
const check = checksOf(part)
const { host, stop } = await startServer(BOOTSTRAP)

/** What the program says became of its calls. */
async function run() {
  const env = { ...process.env, HOST: host }
  const program = spawn(command, options, { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: TIME_MAX_MS })
  let text = ''
  program.stdout.on('data', (chunk) => (text += chunk))
  const status = await new Promise((resolve) => program.once('close', (code, signal) => resolve(code ?? signal)))
  assert.equal(status, 0, `${command} ended with ${status}`)
  return JSON.parse(text)
}

async function call(path, authorization) {
  const answer = await fetch(host + path, { headers: { authorization } })
  assert.equal(answer.status, 200, `${path}: ${answer.status}`)
  return answer.json()
}
const profile = (who, what) =>
  call(`/v1/spaces/shop/collections/users/profiles/${who}/${what}`, `Basic ${btoa('profiles:')}`)

/** Every event of a profile. */
async function events(who) {
  const found = []
  for (let next = ''; ; ) {
    const { data, cursor } = await profile(who, `events?limit=50&next=${next}`)
    found.push(...data)
    if (!cursor.has_more) return found
    assert.ok(found.length < 1_000, 'the pages of events do not end')
    next = cursor.next
  }
}
const named = (list) => list.map(({ type, event, name }) => `${type} ${name || event || ''}`.trim()).sort()
const orders = (list) => list.map(({ properties }) => properties?.order_id).filter((id) => id !== undefined).sort()

let told
await check('every call is delivered, also after a server that was overloaded', async () => {
  told = await run()
  const { delivered, failed, requests, refused } = told
  assert.deepEqual({ delivered, failed, refused }, { delivered: N_CALLS, failed: 0, refused: 1 })
  assert.ok(requests > N_CALLS / 10 && requests < N_CALLS, `${requests} requests`)
  const { total, latest } = await call('/api/workspaces/shop/rejections', 'Bearer admin')
  assert.equal(total, 0, JSON.stringify(latest))
})
await check('batches arrive whole, each message once', async () => {
  assert.deepEqual(named(await events('user_id:ben')), ['track Product Viewed', 'track Product Viewed'])
  const found = await events('user_id:cleo')
  assert.deepEqual(orders(found), Array.from({ length: N_ORDERS_OF_CLEO }, (_, n) => `cleo-${n}`).sort())
  const [{ context, properties, timestamp }] = found
  assert.equal(context.library.name, library)
  assert.deepEqual(properties.products, [{ product_id: 'mug', price: 9.5, quantity: 1 }])
  assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < TIME_MAX_MS, timestamp)
})
await check('identify sets the traits and links the anonymous history', async () => {
  assert.deepEqual((await profile('user_id:alice', 'traits')).traits, TRAITS)
  const found = await events('user_id:alice')
  for (const name of ['page Home', 'screen Basket', 'track Product Viewed']) assert.ok(named(found).includes(name), `${name} is not among ${named(found)}`)
  assert.deepEqual(await events('anonymous_id:browser-1'), found)
})
await check('alias links the old id', async () => {
  const found = await events('user_id:alice')
  assert.deepEqual(orders(found), ['order-3', 'order-4'])
  assert.deepEqual(await events('user_id:alice@old-shop'), found)
})
await check('a wrong write key reaches the callback', async () => {
  assert.equal(told.lost, 1)
  assert.ok((await events('user_id:alice')).every(({ event }) => event !== 'Lost'))
})
await stop()
