// Messages as they arrive: what became of each, one opened, and why those of a source are refused.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { fetchSoon } from '../check.mjs'
import { ADMIN, api, send, WORKSPACE } from '../demo.mjs'
import { measure } from '../hand.mjs'
import { whyRefused } from '../tasks.mjs'

const PAGE = `/console/${WORKSPACE}/live`
const HOSTILE = `<img src=x onerror="document.title='run'">\r\n it's $(id) </script>`

/** What arrives while one looks: so many batches of so many messages. */
const BATCHES = 40
const BATCH = 100

const viewed = (messageId, more = {}) => ({
  type: 'track', event: 'Product Viewed', userId: 'live-ada', messageId, properties: { product_id: 'night-ferry' }, ...more,
})

/** A rejected message is on the journal before the pages are looked at. */
export async function paths(origin) {
  await send(origin, [
    viewed('live-page-1'),
    viewed('live-page-1'),
    viewed('live-page-2', { event: HOSTILE }),
    viewed('live-page-3', { userId: 7 }),
    viewed('live-page-4', { properties: {} }),
  ])
  const offset = async (outcome) => (await api(origin, 'GET', `workspaces/${WORKSPACE}/messages?outcome=${outcome}&limit=1`)).entries[0].offset
  const opened = await Promise.all(['accepted', 'rejected', 'duplicate', 'applied_in_part'].map(offset))
  return [PAGE, `${PAGE}?outcome=rejected`, `${PAGE}?source=nobody`, ...opened.map((offset) => `${PAGE}/${offset}`)]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  const entry = (text) => page.locator('[data-live-list] li', { hasText: text })

  await check('messages arrive with their outcome while one looks', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Live', exact: true }).click()
    await page.getByText('live', { exact: true }).waitFor()
    const sent = [
      viewed('live-1', { userId: 'live-grace' }),
      viewed('live-1', { userId: 'live-grace' }),
      viewed('live-2', { userId: 'live-grace', timestamp: 'soon' }),
      viewed('live-3', { userId: 'live-grace', event: HOSTILE }),
      { type: 'identify', userId: 'live-grace', messageId: 'live-4', traits: { plan: 'gold' } },
    ]
    await send(origin, sent)
    await entry('by live-grace: viewed night-ferry').filter({ hasText: 'accepted' }).waitFor()
    await entry('duplicate').first().waitFor()
    await entry('neither ISO 8601').filter({ hasText: 'rejected' }).waitFor()
    await entry('traits plan').waitFor()
    await entry('<img src=x onerror=').filter({ hasText: 'live-grace' }).waitFor()
    assert.notEqual(await page.title(), 'run')
    assert.equal(await entry('by live-grace').count(), sent.length, 'each once')
  })
  await check('a pause misses nothing', async () => {
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('paused', { exact: true }).waitFor()
    await send(origin, [viewed('live-5', { userId: 'live-paused' })])
    await page.getByRole('button', { name: 'Pause' }).click()
    await entry('by live-paused').waitFor()
    assert.equal(await entry('by live-grace').count(), 5, 'and nothing comes twice')
  })
  await check('a stream that fails is tried again', async () => {
    let n = 0
    await page.route('**/live/stream*', (route) => (n++ === 0 ? route.abort() : route.continue()))
    await page.reload()
    await page.getByText('reconnecting').waitFor()
    await page.getByText('live', { exact: true }).waitFor()
    await page.unroute('**/live/stream*')
  })
  await check('why messages of a source are refused: at most six clicks from the start', async () => {
    const source = await whyRefused.prepare(origin)
    await measure(page, () => page.goto(`${origin}/console`), whyRefused, source)
  })
  await check('a filter holds for what arrives later too', async () => {
    await page.goto(`${origin}${PAGE}`)
    await page.getByLabel('Person').fill('live-filtered')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('Nothing among the latest entries').waitFor()
    await page.getByText('live', { exact: true }).waitFor()
    await send(origin, [viewed('live-6', { userId: 'live-other' }), viewed('live-7', { userId: 'live-filtered' })])
    await entry('by live-filtered').waitFor()
    assert.equal(await entry('by').count(), 1)
  })
  await check('the call of a page sends a message again', async () => {
    await page.goto(`${origin}${PAGE}?event=onerror&user=live-grace`)
    await entry('live-grace').first().getByRole('link').first().click()
    const call = await page.locator('#curl').textContent()
    assert.ok(call.includes('$WRITE_KEY') && !call.includes('demo-write-key'), call)
    const answer = execFileSync('sh', ['-c', call], { env: { ...process.env, WRITE_KEY: 'demo-write-key' }, stdio: ['ignore', 'pipe', 'ignore'] })
    assert.deepEqual(JSON.parse(answer), { success: true })
    await page.goto(`${origin}${PAGE}?outcome=duplicate&user=live-grace&event=onerror`)
    await entry('<img src=x onerror=').waitFor()
  })
  await check('changes by the recommender API are there, and a message of a preset that misses its item says so', async () => {
    await send(origin, [viewed('live-8', { userId: 'live-part', properties: { product_id: '', price: 'n/a' } })])
    await page.goto(`${origin}${PAGE}?outcome=applied_in_part`)
    await entry('live-part').getByRole('link').first().click()
    await page.getByText('Applied in part').first().waitFor()
    await page.locator('mark').first().waitFor()
  })
  await check('the page stays live while thousands of messages arrive, and what became of each is counted', async () => {
    const outcomes = async () => {
      const { minutes } = (await api(origin, 'GET', `workspaces/${WORKSPACE}/overview`)).messages
      const sum = (name) => minutes.reduce((sum, minute) => sum + minute[name], 0)
      return { applied: sum('applied'), duplicates: sum('duplicates'), rejected: sum('rejected') }
    }
    let n_streams = 0
    page.on('request', (request) => request.url().includes('/live/stream') && n_streams++)
    await page.goto(`${origin}${PAGE}`)
    const state = page.locator('[data-live-state]').first()
    const size = () => page.evaluate(() => [document.querySelectorAll('[data-live-list] li').length, document.querySelectorAll('*').length])
    await page.getByText('live', { exact: true }).waitFor()
    const [before, most] = [await outcomes(), Number(await page.locator('[data-live-max]').first().getAttribute('data-live-max'))]
    let largest = 0
    for (let n = 0; n < BATCHES; n++) {
      if (n === BATCHES / 4 || n === BATCHES / 2) await page.getByRole('button', { name: 'Pause' }).click()
      // The stream is opened anew.
      if (n === BATCHES / 2) await page.getByText('live', { exact: true }).waitFor()
      // Of each batch one message comes twice, and one is refused.
      const batch = Array.from({ length: BATCH }, (_, m) => viewed(`flood-${n}-${m}`, { userId: `flood-${m}` }))
      await send(origin, [...batch, batch[0], viewed(`flood-bad-${n}`, { userId: 'flood-bad', timestamp: 'soon' })])
      assert.equal(await state.innerText(), n >= BATCHES / 4 && n < BATCHES / 2 ? 'paused' : 'live', `batch ${n}`)
      const [n_entries, n_elements] = await size()
      assert.ok(n_entries <= most, `${n_entries} entries`)
      largest = Math.max(largest, n_elements)
    }
    await send(origin, [viewed('flood-last', { userId: 'flood-last' })])
    await entry('by flood-last').waitFor()
    const gained = { applied: BATCHES * BATCH + 1, duplicates: BATCHES, rejected: BATCHES }
    const after = await outcomes()
    for (const [name, n] of Object.entries(gained)) assert.equal(after[name] - before[name], n, name)
    const refused = await api(origin, 'GET', `workspaces/${WORKSPACE}/messages?outcome=rejected&user=flood-bad&limit=${2 * BATCHES}`)
    assert.equal(refused.entries.length, BATCHES)
    assert.equal(n_streams, 2, 'one before the pause and one after it')
    await page.reload()
    const [, n_fresh] = await size()
    assert.ok(largest < 2 * n_fresh, `${largest} elements, ${n_fresh} in a page that is new`)
  })
  await check('rejections that are far back are shown too, with their marks', async () => {
    // More than one page of the journal looks at.
    const many = (n) => Array.from({ length: 2000 }, (_, m) => ({ type: 'identify', userId: 'live-many', messageId: `many-${n}-${m}` }))
    for (let n = 0; n < 11; n++) await send(origin, many(n))
    await page.goto(`${origin}${PAGE}?outcome=rejected&source=player`)
    await page.getByRole('heading', { name: 'Earlier ones' }).waitFor()
    await page.locator('summary', { hasText: 'Raw message' }).first().click()
    await page.locator('mark').first().waitFor()
  })
  await check('support sees messages, and nobody without a role does', async () => {
    const made = await api(origin, 'POST', 'api_keys', { name: 'live-support', role: 'support' })
    const asked = (path, headers) => fetchSoon(origin + path, { headers, redirect: 'manual' }).then(({ status }) => status)
    const support = { authorization: `Bearer ${made.key}` }
    const calls = [PAGE, `/api/workspaces/${WORKSPACE}/messages`]
    for (const path of calls) assert.equal(await asked(path, support), 200, path)
    for (const path of [...calls, `${PAGE}/stream`, `/api/workspaces/${WORKSPACE}/live`]) {
      assert.equal(await asked(path, { authorization: 'Bearer wrong', 'sec-fetch-dest': 'empty' }), 401, path)
    }
    assert.equal(await asked('/console/other/live', ADMIN), 404)
  })
  await page.close()
}
