// Destinations: health and dead letters, kinds to choose from, settings with secrets and rules, mistakes beside their field.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { until } from '../check.mjs'
import { api, send, WORKSPACE } from '../demo.mjs'

const PAGE = `/console/${WORKSPACE}/destinations`
const MAPPINGS = `/console/${WORKSPACE}/mappings`
const HOSTILE = `<img src=x onerror="document.title='run'">`
const EVENT = 'Tour Cancelled'

/** Mappings that fail for every message of an event, so that it becomes a dead letter. */
const FAILING = [{
  name: HOSTILE,
  trigger: `type = "track" and event = "${EVENT}"`,
  action: 'send',
  fields: { body: { '@path': '$.properties.nothing' } },
}]

const control = (page, name) => page.locator(`[name="${name}"]`)
const mistake = (page, name) => page.locator(`[id="field-${name}-error"]`)
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

/** Waits until a destination has dead letters. */
const untilDead = (origin, name) =>
  until(`a dead letter of ${name}`, async () => {
    const { dead_letters: letters } = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/${name}/dead_letters`)
    return letters.length > 0 && letters
  })

export async function paths(origin) {
  const destinations = `workspaces/${WORKSPACE}/destinations`
  await api(origin, 'PUT', `${destinations}/failing`, { kind: 'webhook', settings: { url: 'https://hook.example.com', secret: 'seen' }, mappings: FAILING })
  await api(origin, 'PUT', `${destinations}/switched off`, { kind: 'recombee', enabled: false, settings: { databaseId: 'shop', privateToken: 'p' }, mappings: null })
  await send(origin, [1, 2].map((seats) => ({ type: 'track', event: EVENT, userId: 'destinations-ada', properties: { seats, note: HOSTILE } })))
  const [letter] = await untilDead(origin, 'failing')
  const query = `offset=${letter.offset}&mapping=${encodeURIComponent(letter.mapping)}`
  return [
    PAGE,
    `${PAGE}/new`,
    `${PAGE}/new?kind=webhook`,
    `${PAGE}/new?kind=postgresql`,
    `${PAGE}/failing`,
    `${PAGE}/failing/settings`,
    `${PAGE}/failing/dead-letter?${query}`,
    `${PAGE}/failing/dead-letter/drop?${query}`,
    `${PAGE}/switched%20off`,
    `${PAGE}/switched%20off/settings`,
    `${PAGE}/switched%20off/remove`,
    `${MAPPINGS}?destination=failing`,
    `${MAPPINGS}/edit?destination=failing&name=${encodeURIComponent(HOSTILE)}`,
    `${MAPPINGS}/try?destination=switched%20off`,
  ]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  const receiver = createServer((request, response) => response.end()).listen(0, '127.0.0.1')
  await check('destinations: a mistake stands beside its field with what was typed', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Destinations', exact: true }).first().click()
    await page.getByRole('link', { name: 'Add a destination' }).click()
    await page.getByRole('link', { name: 'Webhook', exact: true }).click()
    await control(page, 'name').fill('warehouse')
    await control(page, 'settings/url').fill('ftp://warehouse.example.com')
    await press(page, 'Add the destination')
    await mistake(page, 'settings/url').waitFor()
    assert.equal(await control(page, 'settings/url').inputValue(), 'ftp://warehouse.example.com')
    assert.equal(await control(page, 'name').inputValue(), 'warehouse')
  })
  await check('destinations: a webhook is added, and stands in the list', async () => {
    await control(page, 'settings/url').fill('https://warehouse.example.com/hook')
    await control(page, 'settings/secret').fill('never shown')
    await press(page, 'Add the destination')
    await page.getByText('Added: it gets the messages').waitFor()
    await page.getByRole('link', { name: 'Destinations', exact: true }).first().click()
    await page.getByRole('row', { name: /warehouse.*Webhook/ }).waitFor()
  })
  await check('destinations: a secret is never shown, and stays where its field is left empty', async () => {
    await page.getByRole('link', { name: 'warehouse' }).click()
    await page.getByRole('link', { name: 'Settings', exact: true }).last().click()
    await page.getByText('It is set, and stays as it is').waitFor()
    assert.ok(!(await page.content()).includes('never shown'))
    await control(page, 'rules/block_fields').fill('traits.email\ncontext.ip')
    await press(page, 'Save')
    await page.getByText('Saved: it holds').waitFor()
    await page.getByText('It is set, and stays as it is').waitFor()
    assert.equal(await control(page, 'rules/block_fields').inputValue(), 'traits.email\ncontext.ip')
  })
  await check('destinations: its mapping is changed beside the request that would leave', async () => {
    await page.goto(`${origin}${PAGE}/warehouse`)
    await page.getByRole('link', { name: 'Mappings', exact: true }).last().click()
    await page.getByRole('link', { name: 'New mapping' }).click()
    const result = page.locator('#preview')
    await page.locator('#field-message').fill(JSON.stringify({ type: 'track', event: 'Seat Sold', userId: 'ada', properties: { row: 7 } }))
    await page.locator('#field-trigger').fill('event = "Seat Sold"')
    await page.locator('#field-directive-body').fill('{"row": {"@path": "$.properties.row"}}')
    await result.getByText('POST https://warehouse.example.com/hook').last().waitFor()
    await result.getByText('{ "row": 7 }', { exact: true }).waitFor()
    await page.locator('#field-name').fill('Seats')
    await press(page, 'Save')
    await page.getByText('Saved: it holds').waitFor()
    await page.goto(`${origin}${PAGE}/warehouse/settings`)
    await page.getByText('It is set, and stays as it is').waitFor()
  })
  await check('destinations: trying the connection says why it does not work', async () => {
    await control(page, 'settings/url').fill(`https://127.0.0.1:${receiver.address().port}`)
    await press(page, 'Save')
    await page.getByText('Saved: it holds').waitFor()
    await press(page, 'Try the connection')
    await page.getByText('The connection does not work').waitFor()
  })
  await check('destinations: a dead letter is dropped after a question', async () => {
    await page.goto(`${origin}${PAGE}/failing`)
    const before = await page.getByRole('link', { name: 'Drop', exact: true }).count()
    await page.getByRole('link', { name: 'Drop', exact: true }).first().click()
    await press(page, 'Drop the dead letter')
    await page.getByText('The dead letter is gone').waitFor()
    assert.equal(await page.getByRole('link', { name: 'Drop', exact: true }).count(), before - 1)
  })
  await check('destinations: a dead letter opens with its message, and a wrong one comes back as typed', async () => {
    await page.getByRole('link', { name: HOSTILE }).first().click()
    const message = page.locator('#field-message')
    assert.ok((await message.inputValue()).includes(EVENT))
    await message.fill('{"type": ')
    await press(page, 'Send again')
    assert.match(await page.locator('#field-message-error').innerText(), /no JSON/)
    assert.equal(await message.inputValue(), '{"type": ')
  })
  await check('destinations: one is removed after a question', async () => {
    await page.goto(`${origin}${PAGE}/warehouse`)
    await page.getByRole('link', { name: 'Remove', exact: true }).click()
    await press(page, 'Remove warehouse')
    await page.getByText('The destination is gone').waitFor()
    assert.equal(await page.getByRole('row', { name: /warehouse/ }).count(), 0)
  })
  receiver.close()
  await page.close()
}
