// The scenarios of a workspace: made, changed, tried with two groups, and decided.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { ADMIN, api, recommend, send } from '../demo.mjs'
import { measure } from '../hand.mjs'
import { startTest } from '../tasks.mjs'

const HOSTILE = '=<script>window.isHacked = true</script>'
const USERS = 400

export const paths = async (origin) => {
  const test = { group: [{ name: 'A', share: 0.5 }, { name: 'B', share: 0.5, diversity: 0.4 }] }
  await api(origin, 'PUT', 'workspaces/music/scenarios/looked-at', { endpoint: 'recommendItemsToUser', filter: "'year' > 1960" })
  await api(origin, 'POST', 'workspaces/music/scenarios/looked-at/test', test)
  const below = '/console/music/scenarios'
  return [below, `${below}/-/new`, `${below}/home`, `${below}/looked-at`, `${below}/home/test`, `${below}/looked-at/test/end`, `${below}/home/delete`]
}

export async function jobs({ check, browser, context, origin }) {
  const page = await context.newPage()

  await check('a mistake in a filter comes back beside its field, and a corrected scenario is made with its preview', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Scenarios' }).first().click()
    await page.getByRole('link', { name: 'New scenario' }).click()
    await page.getByLabel('Name').fill('mail')
    await page.locator('#field-filter').fill("'year' >")
    await page.getByRole('button', { name: 'Create scenario' }).click()
    assert.equal(await page.locator('#field-name').inputValue(), 'mail')
    assert.equal(await page.locator('#field-filter').inputValue(), "'year' >")
    assert.match(await page.locator('#field-filter-error').innerText(), /column \d+/)
    await page.locator('#field-filter').fill("'year' > 1970")
    await page.locator('#preview .preview-list li').first().waitFor()
    await page.getByRole('button', { name: 'Create scenario' }).click()
    await page.getByText('The scenario is there').waitFor()
    const stored = await api(origin, 'GET', 'workspaces/music/scenarios/mail')
    assert.equal(stored.filter, "'year' > 1970")
  })

  await check('the preview follows what is typed and says where a filter is wrong', async () => {
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#preview .preview-list').waitFor()
    await page.locator('#field-filter').fill("'year' > 1970 and (")
    await page.locator('#preview').getByText(/column \d+/).first().waitFor()
    await page.locator('#field-filter').fill("'year' > 1980")
    await page.locator('#preview .preview-list').waitFor()
    await page.locator('#preview').getByText('Accuracy beside popular items').click()
    await page.locator('#preview').getByText('How accurate such lists were').waitFor()
  })

  await check('what goes with the last three of a month is asked for in days, and kept', async () => {
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#field-logic').selectOption('together')
    await page.locator('#field-interaction').selectOption('view_portion')
    await page.locator('#field-anchors').fill('11')
    await page.locator('#preview').getByText('it must be from 1 to 10').first().waitFor()
    await page.locator('#field-anchors').fill('3')
    await page.locator('#field-max_age_days').fill('30')
    await page.locator('#field-learns_from_days').fill('14')
    await page.locator('#field-min_count').fill('2')
    await page.locator('#preview .preview-list, #preview .empty-state').first().waitFor()
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
    const stored = await api(origin, 'GET', 'workspaces/music/scenarios/mail')
    assert.deepEqual([stored.logic, stored.anchors, stored.max_age_s, stored.learns_from_s, stored.min_count],
      ['together', 3, 30 * 86_400, 14 * 86_400, 2])
    assert.equal(await page.locator('#field-max_age_days').inputValue(), '30')
    await page.locator('#field-logic').selectOption('')
    for (const name of ['anchors', 'max_age_days', 'learns_from_days', 'min_count']) await page.locator(`#field-${name}`).fill('')
    await page.locator('#field-interaction').selectOption('')
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
  })

  await check('items like what somebody did last, and what follows an empty list', async () => {
    await api(origin, 'PUT', 'workspaces/music/scenarios/popular', { endpoint: 'recommendItemsToUser', logic: 'trending' })
    await api(origin, 'PUT', 'workspaces/music/scenarios/alike', { endpoint: 'recommendItemsToUser' })
    await page.goto(`${origin}/console/music/scenarios/alike`)
    await page.locator('#field-event_filter_0_event').fill('Song Played')
    await page.locator('#field-event_filter_0_property').fill('product_id')
    await page.locator('#field-event_filter_0_matches').fill('itemId')
    await page.locator('#field-event_filter_0_last').fill('11')
    await page.locator('#field-otherwise').fill('popular')
    await page.getByRole('button', { name: 'Save' }).first().click()
    assert.match(await page.locator('#field-event_filter_0_last-error').textContent(), /from 1 to 10/)
    await page.locator('#field-event_filter_0_last').fill('3')
    await page.locator('#field-event_filter_0_within_days').fill('30')
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved').first().waitFor()
    const { event_filter: filters, otherwise } = await api(origin, 'GET', 'workspaces/music/scenarios/alike')
    const filter = { event: 'Song Played', property: 'product_id', matches: 'itemId', last: 3, within_s: 2592000 }
    assert.deepEqual([filters, otherwise], [[filter], 'popular'])
  })

  await check('the catalog of a scenario is chosen, and a scenario that is saved unchanged gets no version', async () => {
    const stored = () => api(origin, 'GET', 'workspaces/music/scenarios/alike')
    const versions = async () => (await api(origin, 'GET', 'workspaces/music/scenarios/alike/versions')).versions.length
    const save = async () => {
      await page.getByRole('button', { name: 'Save' }).first().click()
      await page.getByText('Saved: the next list follows it').first().waitFor()
    }
    await page.goto(`${origin}/console/music/scenarios/alike`)
    assert.deepEqual(await page.locator('#field-catalog option').allInnerTexts(), ['All catalogs', 'items'])
    const before = [await stored(), await versions()]
    await save()
    assert.deepEqual([await stored(), await versions()], before)
    await page.locator('#field-catalog').selectOption('items')
    await save()
    assert.deepEqual([(await stored()).catalog, await versions()], ['items', before[1] + 1])
    await page.locator('#field-catalog').selectOption('')
    await save()
    assert.deepEqual(await stored(), before[0])
  })

  await check('a second filter is opened and kept, and a filter that is removed goes, also without scripts', async () => {
    const stored = () => api(origin, 'GET', 'workspaces/music/scenarios/alike')
    await page.goto(`${origin}/console/music/scenarios/alike`)
    const second = page.getByRole('group', { name: 'Like what they did last, filter 2' })
    await second.getByLabel('Event', { exact: false }).first().fill('Order Completed')
    await second.getByLabel('Property of the event').fill('products.$.product_id')
    await second.getByLabel('Property of the items').fill('itemId')
    await second.getByLabel('The list has').selectOption('exclude')
    await second.getByLabel('How many').fill('12')
    await page.getByRole('button', { name: 'Save' }).first().click()
    assert.match(await page.locator('#field-event_filter_1_last-error').textContent(), /from 1 to 10/)
    await second.getByLabel('How many').fill('2')
    await page.getByText('Another filter by what they did').first().click()
    assert.ok(await page.locator('#field-event_filter_3_event').isVisible())
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved').first().waitFor()
    assert.deepEqual((await stored()).event_filter.map(({ event, keep }) => [event, keep]), [['Song Played', undefined], ['Order Completed', 'exclude']])
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const still = await plain.newPage()
    await still.goto(`${origin}/console`)
    await still.goto(`${origin}/console/music/scenarios/alike`)
    await still.locator('#field-event_filter_0_remove').check()
    await still.getByRole('button', { name: 'Save' }).first().click()
    await still.getByText('Saved').first().waitFor()
    assert.deepEqual((await stored()).event_filter.map(({ event }) => event), ['Order Completed'])
    assert.equal(await still.locator('#field-event_filter_0_event').inputValue(), 'Order Completed')
    await plain.close()
  })

  await check('items near the person and new ones are asked for beside their preview, and mistakes stand beside their field', async () => {
    const stored = () => api(origin, 'GET', 'workspaces/music/scenarios/mail')
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#field-location_catalog').fill('stores')
    await page.locator('#field-location_within_km').fill('0')
    await page.locator('#field-freshness_property').fill('year')
    await page.locator('#field-freshness_within_days').fill('3650')
    await page.getByRole('button', { name: 'Save' }).first().click()
    assert.match(await page.locator('#field-location_within_km-error').textContent(), /above 0/)
    await page.locator('#field-location_catalog').fill('')
    await page.locator('#field-freshness_boost').fill('1')
    await page.getByRole('button', { name: 'Save' }).first().click()
    assert.match(await page.locator('#field-freshness_boost-error').textContent(), /above 1/)
    await page.locator('#field-freshness_boost').fill('')
    // Years are no seconds: nothing is so new.
    await page.locator('#preview table').getByText('not new').waitFor()
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
    assert.deepEqual((await stored()).freshness, { property: 'year', within_s: 3650 * 86_400 })
    assert.equal((await stored()).location, undefined)
    await page.locator('#field-freshness_property').fill('')
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
    assert.equal((await stored()).freshness, undefined)
  })

  await check('what a scenario comes to for everybody is calculated with what is typed, and nothing is saved', async () => {
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#field-filter').fill("'year' > 1990")
    await page.getByRole('button', { name: 'Calculate', exact: true }).click()
    await page.getByRole('heading', { name: 'Three people and their lists' }).waitFor()
    await page.getByRole('heading', { name: 'How accurate such lists were' }).waitFor()
    assert.match(await page.locator('#results .stat').first().textContent(), /People who get it\s*[\d,.\u202f\u00a0 ]+/)
    assert.equal(await page.locator('#field-filter').inputValue(), "'year' > 1990", 'what was typed stays')
    assert.equal((await api(origin, 'GET', 'workspaces/music/scenarios/mail')).filter, "'year' > 1970")
    await page.locator('#field-filter').fill("'year' >")
    await page.getByRole('button', { name: 'Calculate', exact: true }).click()
    assert.match(await page.locator('#field-filter-error').innerText(), /column \d+/)
    await page.goto(`${origin}/console/music/scenarios/-/new`)
    await page.locator('#field-endpoint').selectOption('recommendItemsToItem')
    await page.getByRole('button', { name: 'Calculate', exact: true }).click()
    assert.match(await page.locator('#field-endpoint-error').textContent(), /Only items for a person/)
  })

  await check('a mix with a chain behind it, and what each rule keeps out', async () => {
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#field-mix').fill('personal')
    await page.locator('#preview').getByText('is no logic with a weight').first().waitFor()
    await page.locator('#field-mix').fill('personal 70, newest 30')
    await page.locator('#field-fallback').fill('trending')
    await page.locator('#preview').getByText('What the rules keep out').first().waitFor()
    await page.locator('#preview table').getByText('filter').first().waitFor()
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
    const { mix, fallback } = await api(origin, 'GET', 'workspaces/music/scenarios/mail')
    assert.deepEqual([mix, fallback], [[{ logic: 'personal', weight: 70 }, { logic: 'newest', weight: 30 }], 'trending'])
    await page.locator('#field-mix').fill('')
    await page.locator('#field-fallback').fill('')
    await page.getByRole('button', { name: 'Save' }).first().click()
    await page.getByText('Saved: the next list follows it').first().waitFor()
  })

  await check('an A/B test is started from the first page in at most 6 clicks', async () => {
    await measure(page, () => page.goto(`${origin}/console`), startTest, 'mail')
    const { group } = await api(origin, 'GET', 'workspaces/music/scenarios/mail')
    assert.deepEqual(group, [{ name: 'A', share: 0.5 }, { name: 'B', share: 0.5 }])
  })

  await check('people are shared out by halves, stay in their group, and what they click counts for it', async () => {
    const { token } = await api(origin, 'POST', 'workspaces/music/tokens', { name: 'shop', kind: 'private' })
    const ask = (n) => recommend(origin, token, `ab-${n}`, { count: 5, scenario: 'mail', cascadeCreate: true, returnAbGroup: true })
    const first = []
    for (let n = 0; n < USERS; n++) first.push(await ask(n))
    const groups = first.map(({ abGroup }) => abGroup)
    const inB = groups.filter((group) => group === 'B').length
    // Four standard deviations of 400 draws are 40.
    assert.ok(Math.abs(inB - USERS / 2) < 40, `${inB} of ${USERS}`)
    for (let n = 0; n < 40; n++) assert.equal((await ask(n)).abGroup, groups[n])
    // Everybody in B clicks, one of four in A.
    const clicked = first.map((list, n) => ({ ...list, n })).filter(({ abGroup, n }) => abGroup === 'B' || n % 4 === 0)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const messages = clicked.map(({ recommId, recomms, n }) => ({
      type: 'track', event: 'Product Viewed', userId: `ab-${n}`, messageId: `click-${n}-${recommId}`,
      properties: { product_id: recomms[0].id, recomm_id: recommId },
    }))
    for (let at = 0; at < messages.length; at += 50) await send(origin, messages.slice(at, at + 50))
    const test = await api(origin, 'GET', 'workspaces/music/scenarios/mail/test')
    const counts = Object.fromEntries(test.groups.map(({ name, recommendations, clicks }) => [name, { recommendations, clicks }]))
    assert.equal(counts.B.clicks, inB)
    assert.equal(counts.A.recommendations + counts.B.recommendations, USERS + 40)
    assert.match(test.comparisons[0].sentence, /^B is better by \d+ to \d+ %, over 99 % sure$/)
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.getByText(test.comparisons[0].sentence).first().waitFor()
    await page.goto(`${origin}/console/music/results?by=group&scenario=mail`)
    await page.getByRole('rowheader', { name: /mail, B/ }).waitFor()
  })

  await check('shares are changed, and shares that do not add up come back', async () => {
    await page.goto(`${origin}/console/music/scenarios/mail`)
    await page.locator('#field-share-0').fill('30')
    await page.getByRole('button', { name: 'Change shares' }).click()
    await page.getByText('Together the shares must be 100 %').first().waitFor()
    await page.locator('#field-share-0').fill('20')
    await page.locator('#field-share-1').fill('80')
    await page.getByRole('button', { name: 'Change shares' }).click()
    await page.getByText('The shares are changed').waitFor()
  })

  await check('a test ends with the settings of its winner, and a scenario is deleted after a question', async () => {
    await page.getByRole('link', { name: 'End the test' }).first().click()
    await page.getByRole('button', { name: 'Everybody gets B' }).click()
    await page.getByText('The test has ended').waitFor()
    assert.equal((await api(origin, 'GET', 'workspaces/music/scenarios/mail')).group, undefined)
    await page.getByRole('link', { name: 'Delete scenario' }).click()
    await page.getByRole('button', { name: 'Delete scenario mail' }).click()
    await page.getByText('The scenario is gone').waitFor()
  })

  await check('what a client calls its scenario is shown as text, and is no formula in the file', async () => {
    const { token } = await api(origin, 'POST', 'workspaces/music/tokens', { name: 'hostile', kind: 'private' })
    await recommend(origin, token, 'ab-1', { count: 1, scenario: HOSTILE })
    await new Promise((resolve) => setTimeout(resolve, 500))
    await page.goto(`${origin}/console/music/results?by=scenario`)
    await page.getByText(HOSTILE).first().waitFor()
    assert.equal(await page.evaluate(() => globalThis.isHacked), undefined)
    const csv = await fetchSoon(`${origin}/api/workspaces/music/kpis`, { headers: { ...ADMIN, accept: 'text/csv' } }).then((answer) => answer.text())
    assert.ok(csv.includes(`'${HOSTILE}`), csv)
  })

  await check('a support account reads scenarios and changes nothing', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'desk', role: 'support' })
    const headers = { authorization: `Bearer ${key}` }
    const read = await fetchSoon(`${origin}/console/music/scenarios`, { headers })
    assert.equal(read.status, 200)
    assert.ok(!(await read.text()).includes('New scenario'))
    const results = await fetchSoon(`${origin}/console/music/results`, { headers })
    assert.equal(results.status, 403)
    const body = new URLSearchParams({ name: 'x', endpoint: 'recommendItemsToUser' })
    for (const path of ['-/new', 'home', 'home/delete', 'home/test']) {
      const changed = await fetchSoon(`${origin}/console/music/scenarios/${path}`, { method: 'POST', headers, body })
      assert.equal(changed.status, 403, path)
    }
  })
  await page.close()
}
