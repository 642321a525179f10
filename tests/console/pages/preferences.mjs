// The page on which people choose which messages they get: no part of the console, without an account.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api } from '../demo.mjs'

const SHOP = 'workspaces/news'
const HOSTILE = '"><img src=x onerror="window.isHacked = true"><script>window.isHacked = true</script>'
let prepared

/** A workspace of its own, with a channel and topics: the pages of the demo's stay as they are. */
const prepare = (origin) => (prepared ??= prepareShop(origin))

async function prepareShop(origin) {
  await api(origin, 'POST', 'workspaces', { id: 'news', name: 'The Letter Shop' })
  await api(origin, 'PATCH', `${SHOP}/settings`, {
    public_url: origin,
    topics: [
      { key: 'news', name: 'News', description: 'What is new in the shop, once a week.' },
      { key: 'offers', name: HOSTILE, description: HOSTILE, default: 'unsubscribed' },
    ],
  })
  await api(origin, 'PUT', `${SHOP}/destinations/mail`, {
    kind: 'email', enabled: false, settings: { host: 'smtp.example.com', from: 'news@shop.example' },
  })
  const { write_key: writeKey } = await api(origin, 'POST', `${SHOP}/sources`, { name: 'site' })
  const batch = ['jane', 'john'].map((userId) => ({ type: 'identify', userId, traits: { name: userId } }))
  const answer = await fetchSoon(`${origin}/v1/batch`, { method: 'POST', body: JSON.stringify({ writeKey, batch }) })
  assert.equal(answer.status, 200)
}

const subscriptions = (origin, person) => api(origin, 'GET', `${SHOP}/people/user_id:${person}/subscriptions`)

async function pageOf(origin, person) {
  const { page_url: url } = await subscriptions(origin, person)
  return new URL(url).pathname
}

export async function paths(origin) {
  await prepare(origin)
  const page = await pageOf(origin, 'jane')
  return [page, `${page}?saved=1`, '/console/news/people/user_id%3Ajane/subscriptions']
}

export async function jobs({ check, browser, origin }) {
  await prepare(origin)
  await check('a person chooses on a phone without scripts, sees what was saved, and refuses everything', async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 }, javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(origin + (await pageOf(origin, 'john')))
    assert.equal(await page.getByText('Tastemaker').count(), 0)
    const news = page.getByRole('switch', { name: 'News' })
    const mail = page.getByRole('switch', { name: 'E-mail' })
    assert.ok((await news.isChecked()) && (await mail.isChecked()))
    await news.click()
    await page.getByRole('button', { name: 'Save' }).click()
    assert.ok(await page.getByText('Your choices are saved').isVisible())
    assert.ok(!(await news.isChecked()) && (await mail.isChecked()))
    const { topics } = await subscriptions(origin, 'john')
    assert.deepEqual(topics.map(({ topic, status }) => [topic, status]), [['news', 'unsubscribed'], ['offers', 'not_said']])
    await page.getByRole('button', { name: 'No messages at all' }).click()
    assert.ok(!(await mail.isChecked()))
    const { channels } = await subscriptions(origin, 'john')
    assert.ok(channels.length > 1 && channels.every(({ status }) => status === 'unsubscribed'))
    await context.close()
  })

  await check('whoever only reads the page changes nothing, and a link that is cut off leads nowhere', async () => {
    const path = await pageOf(origin, 'jane')
    const before = await subscriptions(origin, 'jane')
    for (const way of ['', '/unsubscribe']) {
      for (const method of ['GET', 'HEAD']) assert.equal((await fetchSoon(`${origin}${path}${way}`, { method })).status, 200)
    }
    assert.deepEqual(await subscriptions(origin, 'jane'), before)
    assert.equal((await fetchSoon(`${origin}${path.slice(0, -1)}`)).status, 404)
  })
}
