// Web push from a real server to a push service of this test; http_ece, which others wrote, reads the messages as a
// browser does. The environment names the binary: TASTEMAKER.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createECDH, createPublicKey, randomBytes, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import ece from 'http_ece'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

const BOOTSTRAP = `admin_token = "admin"
[[workspace]]
id = "shop"
[[workspace.source]]
name = "web"
write_key = "write"
`
const SETTINGS = `[destinations]
allowed_networks = ["127.0.0.1"]
`
const check = checksOf('web-push')

const browser = createECDH('prime256v1')
browser.generateKeys()
const auth = randomBytes(16)

const received = []
const service = createServer(async (request, response) => {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  received.push({ path: request.url, headers: request.headers, body: Buffer.concat(pieces) })
  response.writeHead(request.url === '/gone' ? 410 : 201).end()
}).listen(0, '127.0.0.1')
await new Promise((resolve) => service.once('listening', resolve))
const origin = `http://127.0.0.1:${service.address().port}`

const subscription = (path) => ({
  endpoint: `${origin}${path}`,
  expirationTime: null,
  keys: { p256dh: browser.getPublicKey('base64url'), auth: auth.toString('base64url') },
})

const { host, stop } = await startServer(BOOTSTRAP, { settings: SETTINGS })
const settings = { subject: 'mailto:push@example.com' }

async function call(method, path, body) {
  const headers = { authorization: 'Bearer admin', 'content-type': 'application/json' }
  const answer = await fetch(`${host}/api/workspaces/shop/${path}`, { method, headers, body: JSON.stringify(body) })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? null : JSON.parse(text)
}

async function track(userId, properties) {
  const headers = { authorization: `Basic ${btoa('write:')}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ userId, event: 'Push Asked For', properties })
  const answer = await fetch(`${host}/v1/track`, { method: 'POST', headers, body })
  assert.equal(answer.status, 200)
}

async function until(what, isThere) {
  for (let n = 0; n < 200; n++) {
    if (await isThere()) return
    await sleep(50)
  }
  throw new Error(`${what} did not come`)
}

await check('a key pair is made and taken', async () => {
  const printed = execFileSync(process.env.TASTEMAKER, ['vapid-keys'], { encoding: 'utf8' })
  for (const line of printed.trim().split('\n')) {
    const [key, value] = line.split(/ +/)
    settings[key] = value
  }
  const mapping = { name: 'Push', trigger: 'event = "Push Asked For"', action: 'send_web_push', use_defaults: true, fields: {} }
  await call('PUT', 'destinations/browsers', { kind: 'web_push', settings, mappings: [mapping] })
  await call('POST', 'destinations/browsers/check')
})

await check('http_ece reads what was sent', async () => {
  const text = { title: 'New episode', body: 'Zoë ☀ is here', url: 'https://shop.example.com/zoe' }
  await track('ann', { ...text, subscription: subscription('/push/ann'), ttl_s: 60, urgency: 'high' })
  await until('the message', () => received.length > 0)
  const { path, headers, body } = received[0]
  assert.equal(path, '/push/ann')
  assert.equal(headers['content-encoding'], 'aes128gcm')
  assert.equal(headers.ttl, '60')
  const opened = ece.decrypt(body, { version: 'aes128gcm', privateKey: browser, authSecret: auth.toString('base64url') })
  const { id, ...rest } = JSON.parse(opened.toString())
  assert.match(id, /^[0-9a-f]{32}$/)
  assert.deepEqual(rest, text)
})

await check('the token is signed by the key that the page subscribed with', async () => {
  const [, token, key] = received[0].headers.authorization.match(/^vapid t=(.+), k=(.+)$/)
  assert.equal(key, settings.vapid_public_key)
  const point = Buffer.from(key, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } })
  const [header, claims, signature] = token.split('.')
  const isRight = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(isRight)
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url'))
  assert.deepEqual([aud, sub], [origin, settings.subject])
  const hours = (exp - Date.now() / 1000) / 3600
  assert.ok(hours > 1 && hours <= 24, `${hours} hours`)
})

await check('a subscription that is gone is a dead letter with that word', async () => {
  await track('bob', { title: 'New episode', subscription: subscription('/gone') })
  let letters
  await until('the dead letter', async () => {
    letters = await call('GET', 'destinations/browsers/dead_letters')
    return JSON.stringify(letters).includes('subscription_gone')
  })
})

service.close()
await stop()
