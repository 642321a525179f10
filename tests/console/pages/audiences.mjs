// Audiences: built by clicking or as text, with who would belong while building; members, and why a person is one.
import assert from 'node:assert/strict'
import { api, send, WORKSPACE } from '../demo.mjs'

const start = '/console/music/audiences'
const HOSTILE = '<script>window.isHacked = true</script>'
const DAY_MS = 86_400_000

const ordered = (userId, days_ago, total) => ({
  type: 'track',
  userId,
  event: 'Order Completed',
  messageId: `audience-${userId}-${days_ago}`,
  timestamp: new Date(Date.now() - days_ago * DAY_MS).toISOString(),
  properties: { total, currency: 'EUR' },
})

export async function paths(origin) {
  const identify = { type: 'identify', userId: 'twice', traits: { email: 'twice@shop.example', country: 'DE' } }
  await send(origin, [ordered('twice', 1, 40), ordered('twice', 3, 60), ordered('once', 2, 90), ordered('long-ago', 45, 90), identify])
  const condition = 'did "Order Completed" in the last 30 days and not trait country = "FR"'
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/audiences/looked_at`, { name: HOSTILE, condition })
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/audiences/likely_looked_at`, { likely: { filter: 'true', size: 20 } })
  const names = ['', '/new', '/likely', '/likely?filter=true&size=20', '/of/likely_looked_at', '/of/looked_at', '/of/looked_at?reach=true', '/of/looked_at?left_days=7', '/of/looked_at/edit', '/of/looked_at/delete']
  return [...names.map((name) => start + name), '/console/music/people/user_id:twice/audiences?why=looked_at']
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  const panel = page.locator('#audience-preview')
  const text = page.getByLabel('Condition as text')
  const add = (label) => page.getByRole('button', { name: `Add: ${label}`, exact: true }).first().click()
  await check('an audience of people who ordered twice in 30 days is made by clicking, with its number before', async () => {
    await page.goto(`${origin}${start}/new`)
    await page.getByLabel('Key', { exact: true }).fill('ordered_twice')
    await add('What they did')
    const part = page.getByRole('group', { name: 'What they did, part 1' })
    await part.getByLabel('Event').fill('Order Completed')
    await part.getByLabel('Times').fill('2')
    await part.getByLabel('When').selectOption('last')
    await part.getByLabel('Period').fill('30 days')
    await panel.getByText('1 person', { exact: true }).waitFor()
    assert.equal((await text.inputValue()).trim(), 'did "Order Completed" at least 2 times in the last 30 days')
    assert.match(await panel.innerText(), /Order Completed 2 times in this time/)
    await page.getByRole('button', { name: 'Make audience' }).click()
    await page.waitForURL(`${origin}${start}/of/ordered_twice`)
    // Everybody is worked out behind the answer.
    const member = page.getByRole('link', { name: 'twice', exact: true })
    for (let n = 0; n < 20 && (await member.count()) === 0; n++) {
      await page.waitForTimeout(500)
      await page.reload()
    }
    await member.waitFor()
  })
  await check('text becomes controls, and a test that is added by clicking becomes text', async () => {
    await page.goto(`${origin}${start}/new`)
    await text.fill('trait country = "DE" or did "Order Completed" in the last 60 days')
    const event = page.getByRole('group', { name: 'What they did, part 2' })
    await event.waitFor()
    await event.getByRole('button', { name: /^Where/ }).click()
    const where = event.getByRole('group', { name: 'Where 1' })
    await where.getByLabel('Property').fill('total')
    await where.getByLabel('Test', { exact: true }).selectOption('more_than')
    await where.getByLabel('Value').fill('50')
    await page.waitForFunction(() => document.querySelector('[name=condition]').value.includes('where total > 50'))
    assert.match(await panel.innerText(), /with these properties/)
    await event.getByRole('button', { name: 'Remove What they did, part 2' }).click()
    await page.waitForFunction(() => document.querySelector('[name=condition]').value.trim() === 'trait country = "DE"')
  })
  await check('people are asked for by a trait of their account', async () => {
    await page.goto(`${origin}${start}/new`)
    await add('Trait of their account')
    const part = page.getByRole('group', { name: 'Trait of their account, part 1' })
    await part.getByLabel('Trait of an account', { exact: true }).fill('plan')
    await part.getByLabel('Value').fill('pro')
    await page.waitForFunction(() => document.querySelector('[name=condition]').value.trim() === 'account trait plan = "pro"')
    await panel.getByText('the workspace has no identity rules').waitFor()
  })
  await check('a mistake in the text is marked at its column, and comes back with what was typed', async () => {
    await page.goto(`${origin}${start}/new`)
    await page.getByLabel('Key', { exact: true }).fill('broken')
    await text.fill('dod Order')
    await panel.locator('mark').waitFor()
    await page.getByRole('button', { name: 'Make audience' }).click()
    assert.match(await page.locator('#field-condition-error').innerText(), /column 1/)
    assert.equal((await text.inputValue()).trim(), 'dod Order')
  })
  await check('without scripts the text shows who belongs when it is sent', async () => {
    const plain = await context.browser().newContext({ javaScriptEnabled: false })
    const still = await plain.newPage()
    await still.goto(`${origin}/console`)
    await still.goto(`${origin}${start}/new`)
    await still.getByLabel('Condition as text').fill('did "Order Completed" at least 2 times')
    await still.getByRole('button', { name: 'Show who belongs' }).click()
    assert.match(await still.locator('#audience-preview').innerText(), /Counted, of/)
    await plain.close()
  })
  await check('a person is told why they belong', async () => {
    await page.goto(`${origin}/console/music/people/user_id:once/audiences`)
    await page.getByRole('link', { name: 'Why (ordered_twice)' }).click()
    assert.match(await page.locator('main').innerText(), /does not belong to ordered_twice[\s\S]*Order Completed once in this time/)
  })
  await check('the people most likely to act are shown and made an audience, which its form changes', async () => {
    await page.goto(`${origin}${start}`)
    await page.getByRole('link', { name: 'Likely to act' }).click()
    await page.getByLabel('Or a ReQL filter of items').fill('true')
    await page.getByLabel('How many people').fill('7')
    await page.getByRole('button', { name: 'Show who is likely' }).click()
    await page.getByText(/interested$/).waitFor()
    await page.getByLabel('Key', { exact: true }).fill('likely_fans')
    await page.getByRole('button', { name: 'Make audience' }).click()
    await page.waitForURL(`${origin}${start}/of/likely_fans`)
    assert.match(await page.locator('main').innerText(), /the 7 people most likely to act on items with true/)
    await page.goto(`${origin}${start}/of/likely_fans/edit`)
    assert.equal(await page.getByLabel('How many people').inputValue(), '7')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(`${origin}${start}/of/likely_fans`)
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/audiences/likely_fans`)
  })
  await check('what an audience of likely people names and nobody knows is told, before it is made and on its page', async () => {
    await page.goto(`${origin}${start}/likely`)
    await page.getByLabel('Ids of items').fill('nowhere-1')
    await page.getByRole('button', { name: 'Show who is likely' }).click()
    await page.getByText('There is no item "nowhere-1".').waitFor()
    await page.getByLabel('Key', { exact: true }).fill('likely_nowhere')
    await page.getByRole('button', { name: 'Make audience' }).click()
    await page.waitForURL(`${origin}${start}/of/likely_nowhere`)
    await page.getByText('There is no item "nowhere-1".').waitFor()
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/audiences/likely_nowhere`)
  })
  await check('an audience goes when its page has asked', async () => {
    await page.goto(`${origin}${start}/of/ordered_twice`)
    await page.getByRole('link', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete this audience' }).click()
    await page.waitForURL(`${origin}${start}`)
    assert.equal(await page.getByText('ordered_twice').count(), 0)
  })
  await page.close()
}
