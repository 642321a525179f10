// @segment/analytics-node with oauthSettings, against a real server whose source requires tokens. The environment names
// the binary: TASTEMAKER.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { Analytics } from '@segment/analytics-node'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const makePair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
const [first, second, stranger] = [makePair(), makePair(), makePair()]

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
profile_token = "profiles"
[[workspace.source]]
name = "backend"
write_key = "backend-key"
[workspace.source.oauth]
required = true
token_secret = "0123456789abcdef0123456789abcdef"
[[workspace.source.oauth.key]]
id = "first"
public_key = """
${first.publicKey}"""
`

const check = checksOf('segment-node oauth')
const { host, stop } = await startServer(BOOTSTRAP)

async function events(who) {
  const path = `/v1/spaces/shop/collections/users/profiles/user_id:${who}/events`
  const answer = await fetch(host + path, { headers: { authorization: `Basic ${btoa('profiles:')}` } })
  return answer.status === 404 ? [] : (await answer.json()).data.map(({ event }) => event)
}

async function setKeys(keys) {
  const body = JSON.stringify({
    required: true,
    keys: Object.entries(keys).map(([id, { publicKey }]) => ({ id, public_key: publicKey })),
  })
  const headers = { authorization: 'Bearer admin' }
  const answer = await fetch(`${host}/api/workspaces/shop/sources/backend/oauth`, { method: 'PUT', headers, body })
  assert.equal(answer.status, 200, await answer.text())
}

/** A client, and what it met with. */
function makeClient(keyId, pair) {
  const oauthSettings = { clientId: 'shop/backend', clientKey: pair.privateKey, keyId, authServer: host, maxRetries: 1 }
  const settings = { writeKey: 'backend-key', host, flushAt: 1, maxRetries: 1 }
  const client = new Analytics({ ...settings, oauthSettings })
  const [statuses, tokens, errors] = [[], [], []]
  client.on('http_request', ({ headers }) => tokens.push(headers.Authorization))
  client.on('http_response', ({ status }) => statuses.push(status))
  client.on('error', (error) => errors.push(error))
  const send = (event) => new Promise((resolve) => client.track({ userId: 'alice', event }, resolve))
  return { client, statuses, tokens, errors, send }
}

const one = makeClient('first', first)
await check('messages arrive with one token for all', async () => {
  for (const event of ['One', 'Two', 'Three']) await one.send(event)
  assert.deepEqual([one.errors, one.statuses], [[], [200, 200, 200]])
  assert.equal(new Set(one.tokens).size, 1)
  assert.match(one.tokens[0], /^Bearer ./)
  assert.deepEqual((await events('alice')).sort(), ['One', 'Three', 'Two'])
})
await check('the write key alone is refused', async () => {
  const plain = new Analytics({ writeKey: 'backend-key', host, flushAt: 1, maxRetries: 0 })
  const refused = new Promise((resolve) => plain.track({ userId: 'alice', event: 'Plain' }, resolve))
  assert.match((await refused).message, /\[401\]/)
})
await check('two keys are good at once, and tokens of one that was removed no longer', async () => {
  await setKeys({ first, second })
  const other = makeClient('second', second)
  await Promise.all([one.send('Both'), other.send('Second')])
  assert.deepEqual([one.errors, other.errors], [[], []])
  await setKeys({ second })
  await one.send('Removed')
  await other.send('Still')
  assert.equal(one.errors.length, 1)
  assert.deepEqual(other.errors, [])
  const found = await events('alice')
  assert.deepEqual(['Both', 'Second', 'Still', 'Removed'].map((event) => found.includes(event)), [true, true, true, false])
  await other.client.closeAndFlush({ timeout: 1_000 })
})
await check('a key of a stranger gets no token', async () => {
  const wrong = makeClient('second', stranger)
  assert.match((await wrong.send('Stranger')).message, /\[401\]/)
  assert.ok(!(await events('alice')).includes('Stranger'))
  await wrong.client.closeAndFlush({ timeout: 1_000 })
})
await one.client.closeAndFlush({ timeout: 1_000 })
await stop()
process.exit()
