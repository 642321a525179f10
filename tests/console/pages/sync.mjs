// Where traits and audiences go: the job of the page on the Recombee destination, and the list of a trait on its way.
import assert from 'node:assert/strict'
import { api, send, WORKSPACE } from '../demo.mjs'

const console_ = `/console/${WORKSPACE}`
const BUYERS = ['sync-ada', 'sync-grace', 'sync-alan']
const KEY = 'order_completed_last_30days'
const DAY_MS = 86_400_000

const control = (page, name) => page.locator(`[name="${name}"]`)
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const ordered = (userId, days_ago) => ({
  type: 'track',
  userId,
  event: 'Order Completed',
  messageId: `sync-${userId}`,
  timestamp: new Date(Date.now() - days_ago * DAY_MS).toISOString(),
  properties: { order_id: `order-${userId}`, total: 20, currency: 'EUR', products: [{ product_id: '1', price: 20, quantity: 1 }] },
})

export async function paths(origin) {
  const hook = { kind: 'webhook', enabled: false, settings: { url: 'https://hook.example.com/in' } }
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/sync_hook`, hook)
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/audiences/synced`, { condition: 'did "Order Completed"', sync: { destinations: ['sync_hook'] } })
  return [`${console_}/audiences/of/synced/sync`]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  // The demo may hold orders of before the last 30 days and after: those of these people are told by their ids.
  await send(origin, [...BUYERS.map((id) => ordered(id, 2)), ordered('sync-long-ago', 45)])

  await check('a Recombee database is added as a destination, and its actions are tried on a message', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Destinations', exact: true }).first().click()
    await page.getByRole('link', { name: 'Add a destination' }).click()
    await page.getByRole('link', { name: 'Recombee', exact: true }).click()
    await control(page, 'name').fill('recombee')
    await control(page, 'settings/databaseId').fill('album-shop')
    await press(page, 'Add the destination')
    await page.locator('[id="field-settings/privateToken-error"]').waitFor()
    await control(page, 'settings/privateToken').fill('token of the shop')
    await control(page, 'settings/databaseRegion').selectOption('ca-east')
    await press(page, 'Add the destination')
    await page.getByText('Added: it gets the messages').waitFor()
    await page.getByRole('link', { name: 'Mappings', exact: true }).last().click()
    for (const preset of ['Ecommerce - Order Completed', 'Video - Playback Paused', 'Alias', 'Trait or Audience']) {
      await page.getByText(preset, { exact: true }).first().waitFor()
    }
    await page.goto(`${origin}${console_}/mappings/try?destination=recombee`)
    const result = page.locator('#preview')
    await page.locator('#field-message').fill(JSON.stringify(ordered('sync-ada', 1)))
    await result.getByText('POST /album-shop/batch/').first().waitFor()
    await result.getByText(/"itemId": "1"/).first().waitFor()
  })

  await check('an audience of who ordered in the last 30 days is made by clicking and synced there as a property of users', async () => {
    await page.goto(`${origin}${console_}/audiences/new`)
    await page.getByLabel('Key', { exact: true }).fill(KEY)
    await page.getByRole('button', { name: 'Add: What they did', exact: true }).first().click()
    const part = page.getByRole('group', { name: 'What they did, part 1' })
    await part.getByLabel('Event').fill('Order Completed')
    await part.getByLabel('When').selectOption('last')
    await part.getByLabel('Period').fill('30 days')
    await page.waitForFunction(() => document.querySelector('[name=condition]').value.includes('in the last 30 days'))
    await press(page, 'Make audience')
    await page.waitForURL(`${origin}${console_}/audiences/of/${KEY}`)
    await page.getByRole('link', { name: 'Destinations', exact: true }).last().click()
    await page.locator('#field-sync-destination-recombee').check()
    await control(page, 'sync_identifiers').fill('email')
    await press(page, 'Save')
    await page.locator('#field-sync_identifiers-error').waitFor()
    assert.ok(await page.locator('#field-sync-destination-recombee').isChecked(), 'what was chosen stays')
    await control(page, 'sync_identifiers').fill('')
    await press(page, 'Save')
    await page.getByText('Saved.').waitFor()
    const { sync } = await api(origin, 'GET', `workspaces/${WORKSPACE}/audiences/${KEY}`)
    assert.deepEqual(sync, { destinations: ['recombee'] })
  })

  await check('the page counts by itself who was sent there, and says when everybody was looked at', async () => {
    const members = (await api(origin, 'GET', `workspaces/${WORKSPACE}/audiences/${KEY}`)).n_members
    assert.ok(members >= BUYERS.length, `${members} members`)
    const row = page.locator('#sent').getByRole('row', { name: /recombee/ })
    // No reload: the numbers come by themselves.
    await page.waitForFunction((wanted) => {
      const cells = [...document.querySelectorAll('#sent tbody tr')].map((own) => [...own.children].map((cell) => cell.textContent.trim()))
      return cells.some(([name, people]) => name.startsWith('recombee') && Number(people.replace(/\D/g, '')) >= wanted)
    }, members)
    await page.locator('#sent').getByText('Everybody was looked at').waitFor()
    await row.waitFor()
    const plain = await context.browser().newContext({ javaScriptEnabled: false })
    const still = await plain.newPage()
    await still.goto(`${origin}/console`)
    await still.goto(page.url().split('?')[0])
    await still.locator('#sent').getByText('Everybody was looked at').waitFor()
    await plain.close()
  })

  await check('what is sent of the audience is seen in the request that sets the property', async () => {
    await page.goto(`${origin}${console_}/mappings/try?destination=recombee`)
    const result = page.locator('#preview')
    const message = (isMember) => JSON.stringify({
      type: 'identify',
      userId: 'sync-ada',
      traits: { [KEY]: isMember },
      context: { personas: { computation_class: 'audience', computation_key: KEY } },
    })
    for (const isMember of [true, false]) {
      await page.locator('#field-message').fill(message(isMember))
      await result.getByText(new RegExp(`"${KEY}": ${isMember}`)).first().waitFor()
    }
    await page.locator('#field-message').fill(JSON.stringify({ type: 'track', userId: 'a', event: 'Never Mapped' }))
    await result.getByText('No mapping takes the message').waitFor()
  })

  await check('a list of recommended items goes to two destinations, which are chosen where it is made', async () => {
    await page.goto(`${origin}${console_}/settings/recommended-items`)
    await page.locator('#field-count').fill('3')
    await press(page, 'Calculate')
    await page.getByRole('heading', { name: 'Three people and their lists' }).waitFor()
    await page.locator('#field-sync-destination-recombee').check()
    await page.locator('#field-sync-destination-sync_hook').check()
    await page.locator('#field-sync_as').selectOption('both')
    await page.locator('#field-sync_detail').check()
    await page.locator('#field-name').fill('Synced Albums')
    await press(page, 'Create the trait')
    await page.getByRole('link', { name: 'synced_albums', exact: true }).click()
    await page.getByRole('link', { name: 'Destinations', exact: true }).last().click()
    for (const name of ['recombee', 'sync_hook']) assert.ok(await page.locator(`#field-sync-destination-${name}`).isChecked(), name)
    const rows = page.locator('#sent tbody tr')
    await rows.filter({ hasText: 'sync_hook' }).getByText('off', { exact: true }).waitFor()
    await page.waitForFunction(() => {
      const cells = [...document.querySelectorAll('#sent tbody tr')].map((own) => [...own.children].map((cell) => cell.textContent.trim()))
      return cells.some(([name, people]) => name.startsWith('recombee') && Number(people.replace(/\D/g, '')) > 0)
    })
    await press(page, 'Send again')
    await page.getByText('Everybody is sent again.').waitFor()
  })

  await page.close()
}
