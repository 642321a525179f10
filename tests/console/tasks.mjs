// The five tasks that are measured. Each has the question, `prepare`, which makes what it is about over the API and
// returns it, and `act`, which is done by hand from the start page and ends where the answer is read.
import assert from 'node:assert/strict'
import { api, send } from './demo.mjs'

/** Does something on "Try it" and waits until its preview has come. */
export async function settle(page, act) {
  const answer = page.waitForResponse((response) => response.url().includes('/try-it/preview'))
  await act()
  await answer
  await page.locator('#preview:not([aria-busy])').waitFor()
}

/** The person with the most interactions whose id is like a text. */
export async function busiest(origin, workspace, like) {
  const { people } = await api(origin, 'GET', `workspaces/${workspace}/people?q=${encodeURIComponent(like)}`)
  const known = people.filter(({ type }) => type === 'user_id')
  return known.sort((one, other) => other.n_interactions - one.n_interactions)[0].id
}

/** A person, and an item that this person has had and that lists leave out then. */
export async function hadAlready(origin, workspace, person) {
  const list = async (exclude) => {
    const request = { user: person, count: 200, settings: { exclude } }
    return (await api(origin, 'POST', `workspaces/${workspace}/recommendations`, request)).items
  }
  const left = new Set((await list('interacted')).map(({ id }) => id))
  const item = (await list('none')).find(({ id }) => !left.has(id))
  assert.ok(item, `${person} has had nothing`)
  return { person, title: item.title }
}

export const whyShown = {
  name: 'why does this person see this album',
  prepare: (origin, workspace) => busiest(origin, workspace, 'listener-0'),
  async act(hand, person) {
    const { page } = hand
    await hand.type(page.getByRole('searchbox', { name: 'Search people and items' }), person)
    await Promise.all([page.waitForNavigation(), hand.press('Enter')])
    assert.ok(decodeURIComponent(page.url()).endsWith(`/people/user_id:${person}`), page.url())
    return page.locator('.recommended .explanation li').first().innerText()
  },
}

export const whyNotShown = {
  name: 'why is this album not shown to that person',
  prepare: (origin, workspace) => hadAlready(origin, workspace, 'listener-00001'),
  async act(hand, { person, title }) {
    const { page } = hand
    await hand.click(page.getByRole('link', { name: 'Try it', exact: true }).first())
    await settle(page, () => hand.type(page.getByRole('textbox', { name: 'Person' }), person))
    await hand.click(page.getByText('More rules'))
    await settle(page, () => hand.choose(page.getByLabel('Leave out'), 'interacted'))
    await settle(page, () => hand.type(page.getByLabel('Why is this item not in the list?'), title))
    return page.locator('#why-not').innerText()
  },
}

export const takeOff = {
  name: 'take an item off everywhere',
  prepare: async (origin, workspace) => (await api(origin, 'GET', `workspaces/${workspace}/items?count=1`)).items[0].title,
  async act(hand, title) {
    const { page } = hand
    await hand.click(page.getByRole('navigation').getByRole('link', { name: 'Catalog' }))
    await hand.type(page.getByLabel('Words'), title)
    await hand.click(page.locator('#items').getByRole('link', { name: title, exact: true }).first())
    await hand.click(page.getByRole('link', { name: 'Take off everywhere' }))
    await hand.click(page.getByRole('button', { name: 'Take it off everywhere' }))
    return page.getByText('No list has this item from now on').innerText()
  },
}

export const startTest = {
  name: 'start an A/B test',
  async prepare(origin, workspace) {
    await api(origin, 'PUT', `workspaces/${workspace}/scenarios/basket`, { endpoint: 'recommendItemsToUser' })
    return 'basket'
  },
  async act(hand, scenario) {
    const { page } = hand
    await hand.click(page.getByRole('link', { name: 'Scenarios' }).first())
    await hand.click(page.getByRole('link', { name: scenario, exact: true }))
    await hand.click(page.getByRole('link', { name: 'Start an A/B test' }))
    await hand.click(page.getByRole('button', { name: 'Start the test' }))
    return page.getByText('The test has started').innerText()
  },
}

export const whyRefused = {
  name: 'why are messages of a source refused',
  async prepare(origin, _, source) {
    const properties = { product_id: 'night-ferry' }
    const message = (n) => ({ type: 'track', event: 'Product Viewed', userId: 'refused', messageId: `refused-${n}`, timestamp: 'soon', properties })
    await send(origin, [1, 2, 3].map(message))
    return source ?? 'player'
  },
  async act(hand, source) {
    const { page } = hand
    await hand.click(page.getByRole('link', { name: 'Live', exact: true }))
    await hand.click(page.getByRole('link', { name: 'Rejected', exact: true }))
    // Messages of the source may have been refused for other reasons too.
    const reason = page.getByRole('row').filter({ has: page.getByRole('cell', { name: 'A time cannot be read' }) })
    await hand.click(reason.getByRole('link', { name: source, exact: true }).first())
    await hand.click(page.locator('[data-live-list] li', { hasText: 'neither ISO 8601' }).first().getByRole('link').first())
    await page.getByText('Rejected: nothing was changed').waitFor()
    await page.locator('mark', { hasText: '"soon"' }).waitFor()
    return page.locator('.json-mark', { hasText: 'neither ISO 8601' }).innerText()
  },
}

export const TASKS = [whyShown, whyNotShown, takeOff, startTest, whyRefused]
