// Mappings: the list, the editor with a message to try, and the way back to the presets.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api, send, WORKSPACE } from '../demo.mjs'

const PAGE = `/console/${WORKSPACE}/mappings`
const HOSTILE = `<img src=x onerror="document.title='run'">\r\n it's $(id) </script>`
const EVENT = 'Album Praised'

const praised = (messageId, userId) => ({ type: 'track', event: EVENT, userId, messageId, properties: { album: 'night-ferry', stars: 0.5 } })

/** Does something to the form of a mapping, and waits until the page shows what it makes. */
async function settle(page, act) {
  const answer = page.waitForResponse((response) => response.url().includes('/mappings/edit/preview'))
  await act()
  await answer
  await page.locator('#preview:not([aria-busy])').waitFor()
}

export async function paths(origin) {
  await send(origin, [praised('mappings-1', 'mappings-ada'), { ...praised('mappings-2', 'mappings-ada'), event: HOSTILE }])
  const event = encodeURIComponent(HOSTILE)
  return [
    PAGE,
    `${PAGE}/edit`,
    `${PAGE}/edit?type=track&event=${event}`,
    `${PAGE}/edit?name=${encodeURIComponent('Ecommerce - Order Completed')}`,
    `${PAGE}/delete?name=${encodeURIComponent('Ecommerce - Order Completed')}`,
    `${PAGE}/try`,
    `${PAGE}/presets`,
  ]
}

export async function jobs({ check, browser, context, origin }) {
  const page = await context.newPage()
  const errors = []
  page.on('pageerror', (error) => errors.push(error.message))
  const item = page.locator('#field-directive-itemId')
  const result = page.locator('#preview')

  await check('mappings: an event that no mapping takes gets one, tried on its latest message while typing', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Mappings' }).first().click()
    const row = page.getByRole('row', { name: EVENT })
    await row.getByRole('link', { name: 'Make a mapping for it' }).click()
    assert.equal(await page.locator('#field-name').inputValue(), EVENT)
    assert.equal(await page.locator('#field-trigger').inputValue(), `type = "track" and event = "${EVENT}"`)
    assert.match(await page.locator('#field-message').inputValue(), /"mappings-ada"/)
    await settle(page, () => page.locator('#field-action').selectOption('addBookmark'))
    await item.fill('{"@path": "$.properties.album"}')
    await result.getByText('bookmarked night-ferry for mappings-ada').waitFor()
    await result.getByText('from /properties/album').waitFor()
    const describedBelow = page.locator('.field', { has: item })
    await describedBelow.getByText('Takes $.properties.album').waitFor()
  })

  await check('mappings: a message on the page Live that no mapping takes leads to one for it', async () => {
    const live = await context.newPage()
    await live.goto(`${origin}/console/${WORKSPACE}/live?user=mappings-ada`)
    await live.getByRole('link', { name: EVENT }).first().click()
    await live.getByRole('link', { name: 'Make a mapping for it' }).click()
    assert.equal(await live.locator('#field-name').inputValue(), EVENT)
    await live.close()
  })

  await check('mappings: another action brings its fields, and what was typed stays', async () => {
    await settle(page, () => page.locator('#field-action').selectOption('addRating'))
    await page.locator('#field-directive-rating').fill('{"@path": "$.properties.stars"}')
    assert.equal(await item.inputValue(), '{"@path": "$.properties.album"}')
    await result.getByText('rated night-ferry (0.5) for mappings-ada').waitFor()
  })

  await check('mappings: a wrong directive is told while typing, and beside its field with what was typed', async () => {
    await item.fill('{"@pat": "$.properties.album"}')
    await result.getByText('itemId: It has an invalid directive: @pat').waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Nothing was saved').waitFor()
    assert.match(await page.locator('#field-directive-itemId-error').innerText(), /invalid directive/)
    assert.equal(await item.inputValue(), '{"@pat": "$.properties.album"}')
    assert.equal(await item.getAttribute('aria-invalid'), 'true')
    await item.fill('$.properties.album')
    await page.getByRole('button', { name: 'Save' }).click()
    assert.match(await page.locator('#field-directive-itemId-error').innerText(), /A path is written \{"@path"/)
    await item.fill('{"@path": "$.properties.album"}')
    await result.getByText('rated night-ferry').waitFor()
  })

  await check('mappings: once it is saved, the next message is in the history of its person', async () => {
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved: it holds for the messages that come from now on').waitFor()
    await send(origin, [praised('mappings-3', 'mappings-grace')])
    await page.goto(`${origin}/console/${WORKSPACE}/people/${encodeURIComponent('user_id:mappings-grace')}/history`)
    await page.getByText('rated').first().waitFor()
    await page.goto(`${origin}${PAGE}`)
    const row = page.getByRole('row', { name: EVENT })
    await row.first().getByText('own', { exact: true }).waitFor()
    await page.getByText('own mappings').waitFor()
  })

  await check('mappings: a whole message is tried with all of them, and its mistakes have places', async () => {
    await page.goto(`${origin}${PAGE}/try`)
    const message = page.locator('#field-message')
    await message.fill(JSON.stringify({ type: 'track', event: 'Product Viewed', userId: 'ada', properties: { product_id: 'lamp' } }))
    await result.getByText('viewed lamp for ada').waitFor()
    await message.fill(JSON.stringify({ type: 'track', event: 'Product Viewed', userId: 'ada', properties: { product_id: '' } }))
    await result.locator('mark').first().waitFor()
    await message.fill('{"type": ')
    await result.getByText('This is no JSON').waitFor()
    const [hostile] = HOSTILE.split('\r\n')
    await message.fill(JSON.stringify({ type: 'track', event: 'Product Viewed', userId: hostile, properties: { product_id: hostile } }))
    await result.getByText(`viewed ${hostile} for ${hostile}`).waitFor()
    await message.fill(JSON.stringify({ type: 'track', event: HOSTILE, userId: 'ada' }))
    await result.getByText('No mapping takes the message').waitFor()
    await message.fill('{"type": "track"}')
    await result.getByText('The message would be refused').waitFor()
    assert.notEqual(await page.title(), 'run')
  })

  await check('mappings: without scripts one is tried, gets the fields of another action, and is saved', async () => {
    const bare = await browser.newContext({ javaScriptEnabled: false })
    const still = await bare.newPage()
    await still.goto(`${origin}${PAGE}/edit?type=track&event=${encodeURIComponent('Tour Booked')}`)
    await still.locator('#field-action').selectOption('addPurchase')
    await still.getByRole('button', { name: 'Show the fields of this action' }).click()
    await still.locator('#field-directive-items').fill('[{"itemId": "tour"}]')
    await still.getByRole('button', { name: 'Try it' }).click()
    await still.getByText('bought tour for').waitFor()
    await still.locator('#field-name').fill('Tours')
    await still.locator('#field-name').press('Enter')
    await still.getByText('Saved: it holds').waitFor()
    await bare.close()
  })

  await check('mappings: by keyboard alone one is switched off', async () => {
    await page.goto(`${origin}${PAGE}/edit?name=Tours`)
    await page.locator('#field-enabled').focus()
    await page.keyboard.press('Space')
    await result.getByText('This mapping does not take the message').waitFor()
    await page.locator('#field-name').focus()
    await page.keyboard.press('Enter')
    await page.getByText('Saved: it holds').waitFor()
    const { mappings } = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/engine`)
    assert.equal(mappings.find(({ name }) => name === 'Tours').enabled, false)
  })

  await check('mappings: what somebody else saved meanwhile is not undone', async () => {
    await page.goto(`${origin}${PAGE}/edit?name=Tours`)
    const { mappings } = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/engine`)
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/engine`, { mappings: mappings.slice(1) })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Nothing was saved').waitFor()
    const after = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/engine`)
    assert.equal(after.mappings.length, mappings.length - 1)
  })

  await check('mappings: one is deleted after a question, and the presets come back', async () => {
    await page.goto(`${origin}${PAGE}/edit?name=Tours`)
    await page.getByRole('link', { name: 'Delete mapping' }).click()
    await page.getByRole('button', { name: 'Delete mapping Tours' }).click()
    await page.getByText('The mapping is gone').waitFor()
    await page.getByRole('link', { name: 'Back to the presets' }).click()
    await page.getByRole('button', { name: 'Take the presets' }).click()
    await page.getByText('The presets are in force again').waitFor()
    const { uses_presets } = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/engine`)
    assert.equal(uses_presets, true)
  })

  await check('mappings: an analyst reads and tries, and is refused a change; support sees nothing', async () => {
    const headersOf = async (role) => ({ authorization: `Bearer ${(await api(origin, 'POST', 'api_keys', { name: `mappings-${role}`, role })).key}` })
    const headers = await headersOf('analyst')
    const shown = await (await fetchSoon(`${origin}${PAGE}/edit`, { headers })).text()
    assert.ok(shown.includes('does not change them') && !shown.includes('>Save<'), shown)
    assert.equal((await fetchSoon(`${origin}${PAGE}/edit`, { method: 'POST', headers })).status, 403)
    assert.equal((await fetchSoon(`${origin}${PAGE}`, { headers: await headersOf('support') })).status, 403)
  })

  assert.deepEqual(errors, [])
  await page.close()
}
