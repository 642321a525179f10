// A server with the data of `tastemaker demo`, where a visitor is signed in already. The environment names the binary: TASTEMAKER.
import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fetchSoon, within } from './check.mjs'

const LISTENERS = 2_000
const START_SECONDS_MAX = 300
/** The token of the bootstrap owner, for calls of /api. */
export const ADMIN = { authorization: 'Bearer demo-admin-token' }
export const WRITE_KEY = 'demo-write-key'
export const WORKSPACE = 'music'

/** Starts the demo and waits until it serves: its origin, and how to stop it. */
export async function startDemo() {
  const server = spawn(process.env.TASTEMAKER, ['demo', '--listen', '127.0.0.1:0', '--users', String(LISTENERS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.on('exit', () => server.kill())
  const origin = await within(START_SECONDS_MAX, 'the start of the demo', servedAt(server))
  return { origin, stop: () => server.kill() }
}

/** Where the demo serves, by what it prints. */
async function servedAt(server) {
  for await (const line of createInterface(server.stdout)) {
    const address = line.match(/^\s+(http:\/\/\S+)\/console$/)
    if (address) return address[1]
  }
  throw new Error('the demo ended before it served')
}

/** A call of /api as the bootstrap owner; the body is sent as JSON. */
export async function api(origin, method, path, body) {
  const answer = await fetchSoon(`${origin}/api/${path}`, {
    method,
    headers: { ...ADMIN, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Sends messages with the write key of the demo, as an SDK would. */
export async function send(origin, messages) {
  const answer = await fetchSoon(`${origin}/v1/batch`, { method: 'POST', body: JSON.stringify({ writeKey: WRITE_KEY, batch: messages }) })
  if (!answer.ok) throw new Error(`batch: ${answer.status} ${await answer.text()}`)
}

/** Asks the recommender API for a list for a user, signed with a private token. */
export async function recommend(origin, token, user, body, workspace = WORKSPACE) {
  const path = `/${workspace}/recomms/users/${user}/items/?hmac_timestamp=${Math.floor(Date.now() / 1000)}`
  const sign = createHmac('sha1', token).update(path).digest('hex')
  const headers = { 'content-type': 'application/json' }
  const answer = await fetchSoon(`${origin}${path}&hmac_sign=${sign}`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}
