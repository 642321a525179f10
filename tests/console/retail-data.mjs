// A shop with real data, the purchases of `online-retail-2010`: a server whose workspace was filled by the commands of the
// product. The environment names the binary, TASTEMAKER, and the folder of the data set, RETAIL.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { within } from './check.mjs'
import { api, send, WRITE_KEY } from './demo.mjs'

export const SHOP = 'shop'
export const SOURCE = 'till'
const OWNER = { email: 'owner@example.com', password: 'a long enough password' }
const BYTES_MAX = 256 * 1024 * 1024
const BATCH = 500
// The journal of the whole data set is folded.
const START_SECONDS_MAX = 600
// What stands in the data set where the shop had no name.
const NO_TITLE = 'Missing_Description'
// Training takes minutes on everybody's purchases of everything: its time grows with the third power of the items.
const CUSTOMERS_ONE_OF = 3
const BOUGHT_ITEMS_MAX = 1_000

/** The fields of a line of CSV. */
function fields(line) {
  const found = line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)
  return [...found].map(([, field]) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field))
}

const quoted = (text) => (/[",\n|]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Rows as CSV under the names of their fields. */
export function csv(rows) {
  const names = Object.keys(rows[0])
  return [names.join(), ...rows.map((row) => names.map((name) => quoted(String(row[name]))).join())].join('\n') + '\n'
}

/** The items with the title and price of their last sale, who of some customers bought the best sellers when, and their countries. */
export function readPurchases() {
  const file = join(process.env.RETAIL, 'transactions.csv.zst')
  const [, ...lines] = execFileSync('zstd', ['-qdc', file], { maxBuffer: BYTES_MAX, encoding: 'utf8' }).trim().split(/\r?\n/)
  const [items, customers, purchases] = [new Map(), new Map(), []]
  for (const line of lines) {
    const [, item_id, title, value, at, price, user_id, country] = fields(line)
    items.set(item_id, { item_id, title: title === NO_TITLE ? '' : title, price })
    if (user_id === '' || Number(user_id) % CUSTOMERS_ONE_OF !== 0) continue
    customers.set(user_id, country)
    purchases.push({ user_id, item_id, timestamp: `${at}Z`, kind: 'purchase', value })
  }
  return { items: [...items.values()], customers, purchases: ofBestSellers(purchases) }
}

/** The purchases of the items that were bought most often. */
function ofBestSellers(purchases) {
  const times = new Map()
  for (const { item_id } of purchases) times.set(item_id, (times.get(item_id) ?? 0) + 1)
  const best = new Set([...times].sort(([, one], [, other]) => other - one).slice(0, BOUGHT_ITEMS_MAX).map(([item_id]) => item_id))
  return purchases.filter(({ item_id }) => best.has(item_id))
}

const SETTINGS = '[training]\nenabled = false\n'
const BOOTSTRAP = `admin_token = "demo-admin-token"
[[workspace]]
id = "${SHOP}"
name = "Gifts"
[[workspace.source]]
name = "${SOURCE}"
write_key = "${WRITE_KEY}"
`

/** Fills a data folder and serves it: the origin, what was imported, how to sign in, and how to stop the server. */
export async function startShop() {
  const folder = mkdtempSync(join(tmpdir(), 'retail-'))
  const path = (name) => join(folder, name)
  const run = (...rest) => execFileSync(process.env.TASTEMAKER, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const place = ['--data', path('data'), '--workspace', SHOP]
  const data = readPurchases()
  writeFileSync(path('items.csv'), csv(data.items))
  writeFileSync(path('purchases.csv'), csv(data.purchases))
  writeFileSync(path('settings.toml'), SETTINGS)
  writeFileSync(path('bootstrap.toml'), BOOTSTRAP)
  run('import', 'catalog', path('items.csv'), ...place, '--create')
  run('import', 'interactions', path('purchases.csv'), ...place)
  // A run of the server steps back behind the browser, and would take many minutes.
  run('train', ...place)
  const { token } = JSON.parse(run('accounts', 'add', '--data', path('data'), '--json', '--role', 'owner', OWNER.email))
  const options = ['--config', path('settings.toml'), '--bootstrap', path('bootstrap.toml')]
  const server = spawn(process.env.TASTEMAKER, ['serve', '--data', path('data'), '--listen', '127.0.0.1:0', ...options], {
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  const stop = () => {
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  process.on('exit', stop)
  const origin = await within(START_SECONDS_MAX, 'the start of the shop', servedAt(server))
  await api(origin, 'POST', 'invitations/accept', { token, password: OWNER.password })
  await identify(origin, data.customers)
  return { origin, data, stop }
}

/** Where a server serves, by what it logs. */
async function servedAt(server) {
  for await (const line of createInterface(server.stderr)) {
    const address = line.match(/serving.*?(http:\/\/[\d.:]+)/)
    if (address) {
      server.stderr.resume()
      return address[1]
    }
  }
  throw new Error('the server ended before it served')
}

/** Tells the countries of customers as their shop would. */
async function identify(origin, customers) {
  const messages = [...customers].map(([userId, country]) => ({ type: 'identify', userId, messageId: `country-${userId}`, traits: { country } }))
  for (let at = 0; at < messages.length; at += BATCH) await send(origin, messages.slice(at, at + BATCH))
}

/** Signs in by the form, and is led to the start page. */
export async function signIn(page, origin) {
  await page.goto(`${origin}/console`)
  await page.getByLabel('E-mail address').fill(OWNER.email)
  await page.getByLabel('Password').fill(OWNER.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(new RegExp(`/console/${SHOP}`))
}
