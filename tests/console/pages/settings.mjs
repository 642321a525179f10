// Settings: sources with keys, tokens, traits, computed traits, weights; workspaces, accounts, API keys, audit, limits.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api, send as sendAll, WORKSPACE } from '../demo.mjs'

const HOSTILE = '"><img src=x onerror="isHacked=1">'
const settings = `/console/${WORKSPACE}/settings`

export async function paths(origin) {
  await api(origin, 'POST', `workspaces/${WORKSPACE}/sources`, { name: 'till' })
  await api(origin, 'POST', `workspaces/${WORKSPACE}/sources/till/rotate`, { overlap_s: 3600 })
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/computed_traits/played_lately`, {
    type: 'count', event: 'Song Played', where: 'plays > 0', last: '7 days',
  })
  const mailer = { kind: 'webhook', enabled: false, settings: { url: 'https://mail.example.com/in' } }
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/mailer`, mailer)
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/computed_traits/plays_sent`, {
    type: 'count', event: 'Song Played', sync: { destinations: ['mailer'], with_traits: ['no_such_trait'] },
  })
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/traits/held_albums`, {
    kind: 'recommended_items', who: {}, holdout: { percent: 20, goal: 'view_portion' },
  })
  return [
    settings,
    `${settings}/traits/held_albums`,
    `${settings}/traits/personalized_album_recommendations/sync`,
    `${settings}/traits/personalized_album_recommendations/versions`,
    `${settings}/computed-traits/plays_sent/sync`,
    `${settings}/sources/till`,
    `${settings}/sources/till/remove`,
    `${settings}/tokens`,
    `${settings}/traits`,
    `${settings}/traits/personalized_album_recommendations`,
    `${settings}/computed-traits`,
    `${settings}/computed-traits/played_lately`,
    `${settings}/computed-traits/played_lately/remove`,
    `${settings}/recommended-items`,
    `${settings}/identity`,
    `${settings}/general`,
    '/console/-/workspaces',
    `/console/-/workspaces/${WORKSPACE}/remove`,
    '/console/-/accounts',
    '/console/-/api-keys',
    '/console/-/audit',
    '/console/-/limits',
    '/console/-/account',
    '/console/-/invitation',
    '/console/-/sign-in?notice=signed_out',
  ]
}

/** Sends a message with a write key: the status. */
async function send(origin, writeKey) {
  const message = { writeKey, type: 'track', event: 'Product Viewed', userId: 'settings-1', properties: { product_id: '1' } }
  const { status } = await fetchSoon(`${origin}/v1/track`, { method: 'POST', body: JSON.stringify(message) })
  return status
}

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

export async function jobs({ check, browser, context, origin }) {
  const page = await context.newPage()
  const open = (path) => page.goto(origin + path)
  const secret = () => page.locator('#secret').textContent()
  await open('/console')

  let key
  await check('a source is made, and its key is shown once', async () => {
    await open(settings)
    await page.locator('#field-name').fill('kiosk')
    await press(page, 'Make the source')
    key = await secret()
    assert.equal(await send(origin, key), 200)
    await page.reload()
    assert.ok(!(await page.content()).includes(key), 'gone after a reload')
    await page.getByText('was shown already').waitFor()
    assert.ok(page.url().includes('/shown-once/'), 'what is loaded again is no form')
    await open(`${settings}/sources/kiosk`)
    assert.ok(!(await page.content()).includes(key))
  })
  await check('a key is rotated with overlap: both are taken until somebody ends it', async () => {
    await open(`${settings}/sources/kiosk`)
    assert.equal(await page.getByLabel('The present key stays valid for').inputValue(), '604800')
    await press(page, 'Make a new key')
    const next = await secret()
    assert.notEqual(next, key)
    assert.deepEqual([await send(origin, key), await send(origin, next)], [200, 200])
    await page.getByRole('link', { name: 'I have copied it' }).click()
    await page.getByText('in 7 days').or(page.getByText('in 6 days')).first().waitFor()
    await press(page, 'Refuse the earlier key now')
    assert.deepEqual([await send(origin, key), await send(origin, next)], [401, 200])
    await press(page, 'Switch off')
    assert.equal(await send(origin, next), 403)
    await press(page, 'Switch on')
    assert.equal(await send(origin, next), 200)
  })
  await check('a name that is taken is refused beside its field', async () => {
    await open(settings)
    await page.locator('#field-name').fill('kiosk')
    await press(page, 'Make the source')
    await page.locator('#field-name-error').waitFor()
    assert.equal(await page.locator('#field-name').inputValue(), 'kiosk')
  })
  await check('names of others are shown as text', async () => {
    await open(settings)
    await page.locator('#field-name').fill(HOSTILE)
    await press(page, 'Make the source')
    await page.getByRole('link', { name: 'I have copied it' }).click()
    await page.getByRole('heading', { name: HOSTILE, level: 1 }).waitFor()
    await open(settings)
    await page.getByRole('link', { name: HOSTILE }).waitFor()
    await open('/console/-/audit')
    await page.getByText(HOSTILE).first().waitFor()
    assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
  })
  await check('albums for those who listened last month: who, what, how many, what it comes to, and a name', async () => {
    const listeners = Array.from({ length: 30 }, (_, n) => `listener-${String(n + 1).padStart(5, '0')}`)
    await sendAll(origin, listeners.map((userId) => ({ type: 'track', userId, event: 'Song Played', properties: { product_id: 'none' } })))
    await open(`${settings}/traits`)
    await page.getByRole('link', { name: 'New recommended items' }).click()
    await page.locator('#field-condition').fill('did "Song Played" in the last')
    await page.locator('#field-audience_key').fill('listeners')
    await press(page, 'Make the audience')
    await page.locator('#field-condition-error').waitFor()
    await page.locator('#field-condition').fill('did "Song Played" in the last 30 days')
    await press(page, 'Make the audience')
    await page.getByText('The audience listeners is made and chosen').waitFor()
    assert.equal(await page.locator('#field-audience').inputValue(), 'listeners')
    await page.locator('#field-count').fill('5')
    // It is worked out behind the answer.
    const people = page.locator('#results .stat').first()
    for (let n = 0; n < 50 && !(await people.textContent().catch(() => '')).includes('30'); n++) {
      await press(page, 'Calculate')
      await page.locator('#results').waitFor()
    }
    assert.match(await people.textContent(), /People who get it\s*30/)
    assert.equal(await page.locator('#field-audience').inputValue(), 'listeners', 'what was chosen stays')
    await page.getByRole('heading', { name: 'Three people and their lists' }).waitFor()
    await page.getByRole('heading', { name: 'How accurate such lists were' }).waitFor()
    await page.locator('#field-sync-destination-mailer').check()
    await page.locator('#field-sync_at').fill('noon')
    await page.locator('#field-name').fill('Album Recommendations')
    await press(page, 'Create the trait')
    assert.match(await page.locator('#field-sync_at-error').textContent(), /no time of day/)
    await page.locator('#field-sync_at').fill('07:00, 19:30+02:00')
    await press(page, 'Create the trait')
    await page.getByRole('link', { name: 'album_recommendations', exact: true }).waitFor()
    const { key, ...trait } = await api(origin, 'GET', `workspaces/${WORKSPACE}/traits/album_recommendations`)
    assert.deepEqual([key, trait.name, trait.count, trait.who], ['album_recommendations', 'Album Recommendations', 5, { audience: 'listeners', include_anonymous: false }])
    assert.deepEqual(trait.sync, { destinations: ['mailer'], at: ['07:00', '19:30+02:00'] })
    const lists = (person) => api(origin, 'GET', `workspaces/${WORKSPACE}/people/${person}/list?name=trait:album_recommendations`)
    assert.equal((await lists('listener-00001')).items.length, 5)
    assert.match((await lists('listener-00100')).problem, /for others/)
  })
  await check('where a trait goes is changed, stopped for a while, sent again, and an earlier version put in force', async () => {
    await open(`${settings}/traits`)
    await page.getByRole('link', { name: 'album_recommendations', exact: true }).click()
    await page.getByRole('link', { name: 'Destinations', exact: true }).last().click()
    assert.equal(await page.locator('#field-sync_at').inputValue(), '07:00, 19:30+02:00')
    await page.locator('#field-sync_identifiers').fill('email last')
    await press(page, 'Save')
    assert.match(await page.locator('#field-sync_identifiers-error').textContent(), /without rules of identity/)
    await page.locator('#field-sync_identifiers').fill('user_id last')
    await page.locator('#field-sync_changes').selectOption('set')
    await page.locator('#field-sync_with_traits').fill('plan_of_nobody')
    await page.locator('#field-sync_paused').check()
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    await page.getByText('nobody has a trait "plan_of_nobody" yet').waitFor()
    const trait = () => api(origin, 'GET', `workspaces/${WORKSPACE}/traits/album_recommendations`)
    const { sync } = await trait()
    assert.deepEqual([sync.paused, sync.changes, sync.identifiers], [true, 'set', [{ type: 'user_id', strategy: 'last' }]])
    await press(page, 'Send again')
    await page.getByText('Everybody is sent again.').waitFor()
    await page.goBack()
    await open(`${settings}/traits/album_recommendations`)
    await page.getByRole('link', { name: 'Versions' }).click()
    await page.getByText('in force').first().waitFor()
    await press(page, 'Put this version in force')
    await page.getByText('The earlier version is in force.').waitFor()
    assert.deepEqual((await trait()).sync, { destinations: ['mailer'], at: ['07:00', '19:30+02:00'] })
  })
  await check('a trait that is saved unchanged gets no version, and its catalog is chosen', async () => {
    const path = `workspaces/${WORKSPACE}/traits/saved_unchanged`
    await api(origin, 'PUT', path, { kind: 'recommended_items' })
    const read = async () => [await api(origin, 'GET', path), (await api(origin, 'GET', `${path}/versions`)).versions.length]
    const before = await read()
    const save = async () => {
      await open(`${settings}/traits/saved_unchanged`)
      await press(page, 'Save')
      await page.getByText('Saved.').waitFor()
    }
    await save()
    assert.deepEqual(await read(), before)
    await open(`${settings}/traits/saved_unchanged`)
    assert.deepEqual(await page.locator('#field-catalog option').allInnerTexts(), ['All catalogs', 'items'])
    await page.locator('#field-catalog').selectOption('items')
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    const [{ catalog }, n_versions] = await read()
    assert.deepEqual([catalog, n_versions], ['items', before[1] + 1])
    await api(origin, 'DELETE', path)
  })
  await check('a trait is changed and removed', async () => {
    await open(`${settings}/traits`)
    await page.getByRole('link', { name: 'album_recommendations', exact: true }).click()
    await page.locator('#field-count').fill('500')
    await press(page, 'Save')
    await page.getByText(/count must be/).waitFor()
    await page.locator('#field-count').fill('4')
    await page.locator('#field-fallback').fill('newest, trending')
    await press(page, 'Save')
    const { count, fallback, who } = await api(origin, 'GET', `workspaces/${WORKSPACE}/traits/album_recommendations`)
    assert.deepEqual([count, fallback, who.audience], [4, ['newest', 'trending'], 'listeners'])
    await page.getByRole('link', { name: 'album_recommendations', exact: true }).click()
    assert.equal(await page.locator('#field-fallback').inputValue(), 'newest, trending')
    await page.getByRole('link', { name: 'Remove…' }).click()
    await press(page, 'Remove the trait')
    await page.getByText('Removed.').waitFor()
  })
  await check('some do not get a trait, and are compared with those who do', async () => {
    const trait = `workspaces/${WORKSPACE}/traits/next_albums`
    await open(`${settings}/recommended-items`)
    await page.locator('#field-name').fill('Next Albums')
    await page.locator('#field-holdout_percent').fill('60')
    await press(page, 'Create the trait')
    await page.locator('#field-holdout_percent-error').waitFor()
    await page.locator('#field-holdout_percent').fill('50')
    await page.locator('#field-holdout_goal').selectOption('bookmark')
    await press(page, 'Create the trait')
    await page.getByRole('link', { name: 'next_albums', exact: true }).waitFor()
    assert.deepEqual((await api(origin, 'GET', trait)).holdout, { percent: 50, goal: 'bookmark' })
    const people = Array.from({ length: 40 }, (_, n) => `held-${n}`)
    const bookmark = (userId) => ({ type: 'track', userId, event: 'Product Added to Wishlist', properties: { product_id: '1' } })
    await sendAll(origin, people.map((userId) => ({ type: 'identify', userId, traits: {} })))
    const has = async (id) => (await api(origin, 'GET', `workspaces/${WORKSPACE}/people/${id}/list?name=trait:next_albums`)).problem === undefined
    const having = []
    for (const id of people) if (await has(id)) having.push(id)
    assert.ok(having.length > 8 && having.length < 32, `${having.length} of 40 have the trait`)
    await sendAll(origin, having.map(bookmark))
    const results = await api(origin, 'GET', `${trait}/holdout`)
    assert.equal(results.with_trait.reached - results.held_out.reached, having.length)
    await open(`${settings}/traits/next_albums`)
    await page.getByRole('heading', { name: 'Holdout', level: 2 }).waitFor()
    await page.getByRole('rowheader', { name: 'with the trait' }).or(page.getByRole('cell', { name: 'with the trait' })).first().waitFor()
    await page.getByText(/not enough yet/i).first().waitFor()
    await page.locator('#field-holdout_percent').fill('10')
    await press(page, 'Save')
    assert.equal((await api(origin, 'GET', trait)).holdout.percent, 10)
  })
  await check('a computed trait is made, changed and removed', async () => {
    await open(`${settings}/computed-traits`)
    await page.locator('#field-key').fill('spent_lately')
    await page.locator('#field-type').selectOption('sum')
    await page.locator('#field-event').fill('Order Completed')
    await page.locator('#field-where').fill('total >')
    await page.locator('#field-span').selectOption('last')
    await page.locator('#field-period').fill('30 moons')
    await press(page, 'Make the computed trait')
    assert.match(await page.locator('#field-where-error').textContent(), /where: column 8/)
    await page.locator('#field-where').fill('total > 1')
    await press(page, 'Make the computed trait')
    assert.match(await page.locator('#field-property-error').textContent(), /sum needs the property/)
    await page.locator('#field-property').fill('total')
    await press(page, 'Make the computed trait')
    assert.match(await page.locator('#field-period-error').textContent(), /unit "moons" is unknown/)
    await page.locator('#field-period').fill('30 days')
    await press(page, 'Make the computed trait')
    await page.getByText('of the last 30 days').waitFor()
    await page.getByRole('link', { name: 'spent_lately' }).click()
    await page.locator('#field-span').selectOption('session')
    await page.locator('#field-period').fill('30 minutes')
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    const { session, last } = await api(origin, 'GET', `workspaces/${WORKSPACE}/computed_traits/spent_lately`)
    assert.deepEqual([session, last], ['30 minutes', undefined])
    await page.getByRole('link', { name: 'spent_lately' }).click()
    await page.locator('#field-of').selectOption('accounts')
    await press(page, 'Save')
    assert.match(await page.locator('#field-period-error').textContent(), /a session is one person's/)
    await page.locator('#field-span').selectOption('last')
    await page.locator('#field-period').fill('30 days')
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    const ofAccounts = await api(origin, 'GET', `workspaces/${WORKSPACE}/computed_traits/spent_lately`)
    assert.deepEqual([ofAccounts.of, ofAccounts.last], ['accounts', '30 days'])
    await page.getByRole('link', { name: 'spent_lately' }).click()
    await page.getByRole('link', { name: 'Remove…' }).click()
    await press(page, 'Remove the computed trait')
    await page.getByText('Removed.').waitFor()
  })
  await check('rules of identity are put in force, changed and taken back, with mistakes beside their field', async () => {
    const rules = async () => (await api(origin, 'GET', `workspaces/${WORKSPACE}/settings`)).identity
    const type = (n, part) => page.locator(`[id="field-identity/id_type/${n}/${part}"]`)
    await open(settings)
    await page.getByRole('link', { name: 'Identity', exact: true }).click()
    await page.getByText('There are no rules yet').waitFor()
    await page.locator('#field-in_force').check()
    await page.locator('[id="field-identity/blocked"]').fill('none\nunknown, yet')
    await type(0, 'name').fill('phone')
    await type(0, 'limit').fill('2')
    await type(0, 'period').selectOption('monthly')
    await type(0, 'from').fill('phone')
    await page.getByText('Another type of ids').first().click()
    await type(1, 'name').fill('card')
    await type(1, 'priority').fill('0')
    await press(page, 'Save')
    assert.match(await page.locator('[id="field-identity/id_type/0/from-error"]').textContent(), /must be a place such as traits.phone/)
    await type(0, 'from').fill('traits.phone, properties.phone')
    await press(page, 'Save')
    assert.match(await page.locator('[id="field-identity/id_type/1/priority-error"]').textContent(), /priority must be 1/)
    await type(1, 'priority').fill('4')
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    assert.deepEqual((await rules()).blocked, ['none', 'unknown, yet'])
    assert.deepEqual((await rules()).id_type, [
      { name: 'phone', limit: 2, period: 'monthly', from: ['traits.phone', 'properties.phone'] },
      { name: 'card', priority: 4, period: 'ever' },
    ])
    await page.locator('[id="field-identity/id_type/0/remove"]').check()
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    assert.deepEqual((await rules()).id_type.map(({ name }) => name), ['card'])
    await page.locator('#field-in_force').uncheck()
    await press(page, 'Save')
    await page.getByText('There are no rules yet').waitFor()
    assert.equal(await rules() ?? undefined, undefined)
  })
  await check('weights are changed', async () => {
    await open(`${settings}/general`)
    await page.getByLabel('A view of an item').fill('much')
    await press(page, 'Save weights')
    await page.locator('#field-view-error').waitFor()
    await page.getByLabel('A view of an item').fill('0.3')
    await press(page, 'Save weights')
    await page.getByText('Saved.').waitFor()
    assert.equal((await api(origin, 'GET', `workspaces/${WORKSPACE}/interaction_weights`)).view, 0.3)
  })
  await check('an API key is made, and used', async () => {
    await open('/console/-/api-keys')
    await page.locator('#field-name').fill('reports')
    await page.getByLabel('Role').selectOption('analyst')
    await press(page, 'Make the key')
    const headers = { authorization: `Bearer ${await secret()}` }
    const shown = await fetchSoon(`${origin}/api/workspaces/${WORKSPACE}/sources`, { headers })
    assert.equal(shown.status, 200)
    const refused = await fetchSoon(`${origin}/api/audit`, { headers })
    assert.equal(refused.status, 403)
    const page_of_key = await fetchSoon(`${origin}/console/-/accounts`, { headers })
    assert.equal(page_of_key.status, 403)
  })
  await check('a workspace is made, and removed by whoever types its id', async () => {
    await open('/console/-/workspaces')
    await page.locator('#field-id').fill('books')
    await press(page, 'Make the workspace')
    assert.match(page.url(), /\/console\/books\/settings/)
    await open('/console/-/workspaces/books/remove')
    await page.getByLabel('Type books to confirm').fill('book')
    await press(page, 'Remove the workspace')
    await page.locator('#field-confirm-error').waitFor()
    await page.getByLabel('Type books to confirm').fill('books')
    await press(page, 'Remove the workspace')
    await page.getByText('Removed.').waitFor()
  })
  await check('an invited editor chooses a password, signs in, and may what an editor may', async () => {
    await open('/console/-/accounts')
    await page.getByLabel('E-mail address').fill('ed@example.com')
    await page.getByLabel('Role').selectOption('editor')
    await press(page, 'Make the link')
    const link = await secret()
    assert.match(link, /\/console\/-\/invitation#\w+$/)
    const other = await browser.newContext()
    const guest = await other.newPage()
    const requested = []
    guest.on('request', (request) => requested.push(request.url(), request.headers().referer ?? ''))
    await guest.goto(link)
    const token = link.split('#')[1]
    assert.ok(!guest.url().includes(token), 'the address has no secret any more')
    await guest.getByLabel('Choose a password').fill('short')
    await press(guest, 'Use this password')
    await guest.locator('#field-password-error').waitFor()
    await guest.getByLabel('Choose a password').fill('a long enough password')
    await press(guest, 'Use this password')
    assert.ok(!requested.join().includes(token), 'neither addresses nor referrers have the secret')
    await guest.getByText('Your password is ready').waitFor()
    await guest.getByLabel('E-mail address').fill('ed@example.com')
    await guest.getByLabel('Password').fill('a wrong password')
    await press(guest, 'Sign in')
    assert.match(await guest.locator('#field-password-error').textContent(), /wrong/)
    assert.equal(await guest.getByLabel('E-mail address').inputValue(), 'ed@example.com')
    await guest.getByLabel('Password').fill('a long enough password')
    await press(guest, 'Sign in')
    await guest.waitForURL(/\/console\/music/)
    assert.equal((await guest.goto(`${origin}/console/-/accounts`)).status(), 403)
    assert.equal((await guest.goto(origin + settings)).status(), 200)
    await guest.locator('#field-name').fill('made by the editor')
    await press(guest, 'Make the source')
    await guest.goto(`${origin}/console/-/account`)
    await press(guest, 'Sign out everywhere')
    await guest.getByText('You are signed out everywhere').waitFor()
    await other.close()
    await open('/console/-/audit?who=ed%40example.com&what=source')
    await page.getByRole('row', { name: /ed@example\.com source\.create made by the editor music done/ }).waitFor()
  })
  await check('an analyst sees sources and cannot change them', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'looks', role: 'analyst' })
    const headers = { authorization: `Bearer ${key}` }
    const shown = await (await fetchSoon(origin + settings, { headers })).text()
    assert.ok(!shown.includes('Make the source'))
    const body = new URLSearchParams({ name: 'no' })
    assert.equal((await fetchSoon(origin + settings, { method: 'POST', headers, body })).status, 403)
  })
  await page.close()
}
