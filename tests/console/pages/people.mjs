// Finding somebody, and seeing why this person sees an album.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { ADMIN, api, send, WORKSPACE } from '../demo.mjs'
import { measure } from '../hand.mjs'
import { whyShown } from '../tasks.mjs'

const PEOPLE = '/console/music/people'
const PRIVACY = '/console/music/privacy'
/** Ids and names that would break out of their place. */
const HOSTILE = [
  '<script>window.isHacked = true</script>',
  '"><img src=x onerror="window.isHacked = true">',
  '../../sign-out', 'a/b', 'a?q=1&x=2', 'a#b', '%2F', '%', 'a b+c', "o'neil", '\u202egnp.exe', '日本 ö', 'x'.repeat(512),
]
const person = (id, part = '') => `${PEOPLE}/${encodeURIComponent(`user_id:${id}`)}${part}`
let listener

/** Prepares a person of two merged ids and those with hostile ones; finds a listener with lists. */
async function prepare(origin) {
  if (listener) return
  listener = await whyShown.prepare(origin, WORKSPACE)
  await api(origin, 'PUT', 'workspaces/music/scenarios/front-page', { endpoint: 'recommendItemsToUser', logic: 'trending' })
  await send(origin, [
    { type: 'track', userId: 'ada-old', event: 'Looked around' },
    { type: 'track', userId: 'ada', event: 'Came back' },
    { type: 'alias', userId: 'ada', previousId: 'ada-old', messageId: 'merge-ada' },
    { type: 'identify', userId: 'ada', traits: { email: 'Ada@Example.com', plan: 'premium' } },
    ...HOSTILE.map((id) => ({ type: 'identify', userId: id, traits: { name: id, email: `${id.slice(0, 40)}@example.org` } })),
  ])
}

/** The page of an account of another workspace, which has identity rules: those of the demo's are for other pages. */
const account = (id) => `/console/teams/accounts/${encodeURIComponent(`group_id:${id}`)}`
let hasTeams = false

async function prepareTeams(origin) {
  if (hasTeams) return
  hasTeams = true
  await api(origin, 'POST', 'workspaces', { id: 'teams', name: 'Teams' })
  await api(origin, 'PATCH', 'workspaces/teams/settings', { identity: { version: 1 } })
  const { write_key: writeKey } = await api(origin, 'POST', 'workspaces/teams/sources', { name: 'site' })
  const member = (n) => ({ type: 'group', userId: `member-${n}`, groupId: 'acme', traits: { name: 'Acme Ltd', seats: 30 } })
  const batch = [
    ...Array.from({ length: 30 }, (_, n) => member(n)),
    { type: 'track', userId: 'member-3', event: 'Report Opened' },
    { type: 'group', userId: 'member-3', groupId: HOSTILE[1], traits: { name: HOSTILE[0] } },
  ]
  const answer = await fetchSoon(`${origin}/v1/batch`, { method: 'POST', body: JSON.stringify({ writeKey, batch }) })
  assert.equal(answer.status, 200)
}

export async function paths(origin) {
  await prepare(origin)
  await prepareTeams(origin)
  await send(origin, [{ type: 'track', userId: 'forgotten-1', event: 'Looked around' }])
  const { id } = await api(origin, 'POST', 'workspaces/music/regulations', { type: 'SUPPRESS_WITH_DELETE', user_ids: ['forgotten-1'] })
  return [
    PRIVACY,
    `${PRIVACY}?id=${encodeURIComponent(HOSTILE[0])}`,
    `${PRIVACY}/${id}`,
    PEOPLE,
    `${PEOPLE}?q=ada`,
    '/console/music/search?q=a',
    person(listener),
    person(listener, '/timeline'),
    person(listener, '/history'),
    person('ada', '/identity'),
    person(HOSTILE[0]),
    person(HOSTILE[1], '/identity'),
    account('acme'),
    account(HOSTILE[1]),
  ]
}

async function search(page, text) {
  await page.getByRole('searchbox', { name: 'Search people and items' }).fill(text)
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
}

export async function jobs({ check, context, browser, origin }) {
  await check('somebody is deleted and suppressed, and the receipt proves it', async () => {
    const page = await context.newPage()
    await send(origin, [{ type: 'track', userId: 'to-be-forgotten-1', event: 'Looked around' }])
    await page.goto(`${origin}${PRIVACY}`)
    await page.getByLabel('User ids').fill('to-be-forgotten-1')
    await page.getByRole('button', { name: 'Begin' }).click()
    await page.getByRole('heading', { name: 'Receipt' }).waitFor()
    for (let n = 0; n < 60 && (await page.getByText('Nothing of them is left in any file').count()) === 0; n++) {
      await page.waitForTimeout(500)
      await page.reload()
    }
    await page.getByText('Nothing of them is left in any file').waitFor()
    await page.goto(`${origin}${PRIVACY}?id=to-be-forgotten-1`)
    assert.match(await page.getByRole('status').first().innerText(), /Yes: new data with it is refused/)
    assert.equal((await page.goto(`${origin}${person('to-be-forgotten-1')}`)).status(), 404)
    await page.close()
  })
  await prepare(origin)
  const page = await context.newPage()

  await check('why a person sees an album is read within 6 clicks from the sign-in, in words with a percentage', async () => {
    const { answer } = await measure(page, () => page.goto(`${origin}/console`), whyShown, listener)
    assert.match(answer, /because this person (viewed|bought|played|bookmarked|rated|carted) [\s\S]*\d+\s*%/)
  })

  await check('a chosen scenario shows what it would show this person, also without scripts', async () => {
    await page.getByLabel('List', { exact: true }).selectOption('scenario:front-page')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.waitForURL(/list=scenario/)
    assert.equal(await page.getByLabel('List', { exact: true }).inputValue(), 'scenario:front-page')
    assert.ok((await page.locator('.recommended .item-card').count()) > 3)
    assert.match(await page.locator('.recommended .item-card').first().innerText(), /popular with everybody/)
  })

  await check('the timeline is filtered by event and paged to and fro, each message once', async () => {
    await page.getByRole('link', { name: 'Timeline', exact: true }).click()
    const first = await page.locator('.timeline-entry').count()
    assert.equal(first, 25)
    const event = page.getByLabel(/^Event/)
    const values = await event.locator('option').evaluateAll((options) => options.map(({ value }) => value))
    await event.selectOption(values[1])
    await page.getByRole('button', { name: 'Filter' }).click()
    const stamps = () => page.locator('.timeline-entry time').evaluateAll((times) => times.map((time) => time.dateTime))
    const newest = await stamps()
    await page.getByRole('link', { name: 'Next' }).click()
    const older = await stamps()
    assert.ok(older[0] <= newest.at(-1), `${older[0]} ${newest.at(-1)}`)
    assert.equal(await page.getByLabel(/^Event/).inputValue(), values[1])
    await page.getByRole('link', { name: 'Previous' }).click()
    assert.deepEqual(await stamps(), newest)
    await page.getByLabel(/^From/).fill('tomorrow')
    await page.getByRole('button', { name: 'Filter' }).click()
    assert.match(await page.locator('.field-error').innerText(), /2026-01-31/)
    assert.equal(await page.getByLabel(/^From/).inputValue(), 'tomorrow')
  })

  await check('the history shows albums by their titles, with links to them', async () => {
    await page.getByRole('link', { name: 'History', exact: true }).click()
    const album = page.locator('.recommended .item-title a').first()
    assert.match(await album.getAttribute('href'), /^\/console\/music\/catalog\/./)
    await page.getByRole('link', { name: 'Try settings' }).click()
    assert.match(page.url(), new RegExp(`/try-it\\?user=${listener}$`))
  })

  await check('an id that nobody has gets a page that says what to search for', async () => {
    await page.goto(`${origin}/console`)
    await search(page, 'zzqxw-0815-qqz')
    assert.match(await page.locator('main').innerText(), /Nothing is called “zzqxw-0815-qqz”[\s\S]*user ids/)
    const answer = await page.goto(origin + person('zzqxw-0815-qqz'))
    assert.equal(answer.status(), 404)
    assert.match(await page.locator('main').innerText(), /Nothing is called/)
  })

  await check('a person of two merged ids is found by each and by e-mail, and shows the merge', async () => {
    for (const text of ['ada-old', 'ada@example.com']) {
      await page.goto(`${origin}/console/music/people`)
      await search(page, text)
      assert.match(decodeURIComponent(page.url()), /\/people\/user_id:ada$/)
    }
    assert.match(await page.locator('aside[aria-label=Facts]').innerText(), /user id ada-old was merged into this one[\s\S]*because an alias message from player asked for it/)
    await page.getByRole('link', { name: 'Identity', exact: true }).click()
    assert.match(await page.getByRole('table', { name: 'Traits' }).innerText(), /premium/)
  })

  await check('an account is found by its group id and reached from a person, with traits, members and events', async () => {
    await prepareTeams(origin)
    await page.goto(`${origin}/console/teams/people`)
    await search(page, 'acme')
    assert.equal(decodeURIComponent(page.url()), `${origin}/console/teams/accounts/group_id:acme`)
    assert.equal(await page.locator('h1').innerText(), 'Acme Ltd')
    assert.match(await page.getByRole('table', { name: 'Traits' }).innerText(), /seats\s+30/)
    assert.match(await page.locator('.timeline').innerText(), /Report Opened[\s\S]*member-3/)
    const members = () => page.getByRole('table', { name: 'Members' }).locator('tbody a').allInnerTexts()
    const first = await members()
    assert.equal(first.length, 25)
    await page.getByRole('link', { name: 'Next' }).click()
    const rest = await members()
    assert.equal(new Set([...first, ...rest]).size, 30)
    await page.getByRole('link', { name: 'Previous' }).click()
    await page.getByRole('link', { name: 'member-3', exact: true }).click()
    await page.locator('aside[aria-label=Facts]').getByRole('link', { name: 'Acme Ltd' }).click()
    assert.equal(decodeURIComponent(page.url()), `${origin}/console/teams/accounts/group_id:acme`)
    await page.goto(`${origin}/console/teams/people`)
    await search(page, 'acm')
    assert.match(await page.getByRole('table', { name: 'Accounts that were found' }).innerText(), /Acme Ltd\s+acme/)
    assert.equal((await page.goto(origin + account('nobody-has-this'))).status(), 404)
    await page.goto(origin + account(HOSTILE[1]))
    assert.equal(await page.locator('h1').innerText(), HOSTILE[0])
    assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
  })

  await check('hostile ids and names lead to their person and are shown as text', async () => {
    for (const id of HOSTILE) {
      const answer = await page.goto(`${origin}/console/music/search?q=${encodeURIComponent(id)}`)
      assert.equal(answer.status(), 200, id)
      const link = page.locator('main table a').first()
      if (await link.count()) await page.goto(origin + (await link.getAttribute('href')))
      const shown = await page.locator('h1').innerText()
      if (id.trim()) assert.equal(shown.replaceAll(/\s+/g, ' '), id.replaceAll(/\s+/g, ' '), page.url())
      for (const part of ['Timeline', 'History', 'Identity']) {
        await page.getByRole('link', { name: part, exact: true }).click()
        assert.equal(await page.locator('nav.tabs [aria-current=page]').innerText(), part)
      }
      assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
      const read = await fetchSoon(`${origin}/api/workspaces/music/people/${encodeURIComponent(`user_id:${id}`)}`, { headers: ADMIN })
      assert.equal((await read.json()).id, id)
    }
  })

  await check('a support account sees people, and has nothing to change them with', async () => {
    const { token } = await api(origin, 'POST', 'invitations', { email: 'support@example.com', role: 'support' })
    const password = 'a long enough password'
    await api(origin, 'POST', 'invitations/accept', { token, password })
    const entered = await fetchSoon(`${origin}/api/session`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'support@example.com', password }),
    })
    const cookie = entered.headers.get('set-cookie').split(';')[0].split('=')
    const own = await browser.newContext()
    await own.addCookies([{ name: cookie[0], value: cookie[1], url: origin }])
    const support = await own.newPage()
    const answer = await support.goto(origin + person('ada'))
    assert.equal(answer.status(), 200)
    assert.match(await support.locator('.menu-person').textContent(), /support/i)
    assert.equal(await support.locator("main form[method='post']").count(), 0)
    await own.close()
  })
  await page.close()
}
