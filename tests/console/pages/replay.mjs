// Replay: counted first, started, in the list; and mappings applied to the past after a preview.
import assert from 'node:assert/strict'
import { api, send, WORKSPACE } from '../demo.mjs'

const PAGE = `/console/${WORKSPACE}/replays`
const PAST = `/console/${WORKSPACE}/mappings/past`
const EVENT = 'Album Whistled'
const HOSTILE = `<img src=x onerror="document.title='run'">`

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

export async function paths(origin) {
  await send(origin, [1, 2].map((n) => ({ type: 'track', event: EVENT, userId: `replay-${n}`, properties: { album: 'night-ferry', note: HOSTILE } })))
  return [PAGE, `${PAGE}?to=workspace%3Anowhere&events=${encodeURIComponent(HOSTILE)}&counted=true&from=3&types=track`, PAST]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/archive`, { kind: 'webhook', settings: { url: 'https://archive.example.com' }, mappings: null })
  await check('replay: a mistake stands beside its field with what was typed', async () => {
    await page.goto(`${origin}/console/${WORKSPACE}/destinations`)
    await page.getByRole('link', { name: 'Replay', exact: true }).click()
    await page.locator('[name="to"]').selectOption('destination:archive')
    await page.locator('[name="from"]').fill('2026')
    await press(page, 'Count what would be sent')
    await page.locator('#field-from-error').waitFor()
    assert.equal(await page.locator('[name="from"]').inputValue(), '2026')
  })
  await check('replay: it is counted, with examples of requests, then started, and stands in the list', async () => {
    await page.locator('[name="from"]').fill('')
    await page.locator('[name="events"]').fill(EVENT)
    await press(page, 'Count what would be sent')
    await page.getByText('2 messages would be sent, as 2 deliveries').waitFor()
    await page.getByText('archive.example.com').first().waitFor()
    await page.getByRole('link', { name: 'Go on to start it' }).click()
    assert.equal(await page.locator('[name="events"]').inputValue(), EVENT)
    await press(page, 'Start the replay')
    await page.getByText('2 messages were sent once more').waitFor()
    await page.getByRole('link', { name: 'Show the replays' }).click()
    await page.getByRole('row', { name: /archive.*done/ }).waitFor()
  })
  await check('replay: a workspace is made for it, and the catalog comes first', async () => {
    await page.goto(`${origin}${PAGE}`)
    await page.locator('[name="to"]').selectOption('new_workspace')
    await page.locator('[name="workspace"]').fill('Not an id')
    await page.locator('[name="catalog"]').check()
    await page.locator('[name="users"]').fill('replay-1\nDoe, Jane')
    await press(page, 'Count what would be sent')
    await page.locator('#field-workspace-error').waitFor()
    await page.locator('[name="workspace"]').fill('replayed')
    await press(page, 'Count what would be sent')
    await page.getByText('1 message would be sent').waitFor()
    await page.getByRole('link', { name: 'Go on to start it' }).click()
    assert.equal(await page.locator('[name="users"]').inputValue(), 'Doe, Jane\nreplay-1')
    assert.ok(await page.locator('[name="catalog"]').isChecked())
    await press(page, 'Start the replay')
    await page.getByText('1 message was sent once more').waitFor()
    const { items } = await api(origin, 'GET', 'workspaces/replayed/items?count=1')
    assert.equal(items.length, 1)
    await api(origin, 'DELETE', 'workspaces/replayed?confirm=replayed')
  })
  await check('mappings: a new one is applied to the past after a look at what changes', async () => {
    const { mappings, ...rest } = await api(origin, 'GET', `workspaces/${WORKSPACE}/destinations/engine`)
    assert.ok(rest)
    const own = { name: EVENT, trigger: `event = "${EVENT}"`, action: 'addBookmark', fields: { userId: { '@path': '$.userId' }, itemId: { '@path': '$.properties.album' } } }
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/engine`, { mappings: [...mappings, own] })
    await page.goto(`${origin}/console/${WORKSPACE}/mappings`)
    await page.getByRole('link', { name: 'Apply to the past' }).click()
    await press(page, 'Show what would change')
    await page.getByText('This is what would change').waitFor()
    await page.getByRole('row', { name: /replay-1.*bookmark of night-ferry/ }).waitFor()
    await press(page, 'Apply to the past')
    await page.getByText('The past is as the mappings of now have it').waitFor()
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/engine`, { mappings: null })
    await api(origin, 'DELETE', `workspaces/${WORKSPACE}/destinations/archive`)
  })
  await page.close()
}
