// Sources: whether messages arrive, code to paste, types and limit, schema, tracking plan, violations.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api, WORKSPACE } from '../demo.mjs'

const PAGE = `/console/${WORKSPACE}/sources`
const HOSTILE = `<img src=x onerror="document.title='run'">`
const EVENT = 'Tour Booked'
const PLAN = {
  events: [{ name: EVENT, properties: [{ name: 'seats', required: true, types: ['integer'] }] }],
  unplanned_properties: 'omit',
}

/** Sends messages with a write key: the status. */
async function sendWith(origin, writeKey, batch) {
  const answer = await fetchSoon(`${origin}/v1/batch`, { method: 'POST', body: JSON.stringify({ writeKey, batch }) })
  return answer.status
}

const booked = (properties, event = EVENT) => ({ type: 'track', event, userId: 'sources-ada', properties })

const press = (page, name) => page.getByRole('button', { name, exact: true }).click()

export async function paths(origin) {
  const sources = `workspaces/${WORKSPACE}/sources`
  const { write_key: key } = await api(origin, 'POST', sources, { name: 'boat tours', plan: PLAN, allowed_types: ['track', 'page'] })
  await api(origin, 'POST', sources, { name: 'silent' })
  await sendWith(origin, key, [
    booked({ seats: 2 }),
    booked({ seats: 'many', [HOSTILE]: 1 }),
    booked({ note: HOSTILE }, HOSTILE),
    { type: 'page', userId: 'sources-ada', name: 'Home' },
  ])
  const tours = `${PAGE}/boat%20tours`
  return [
    PAGE,
    tours,
    `${PAGE}/silent`,
    `${tours}/schema`,
    `${PAGE}/silent/schema`,
    `${tours}/schema?type=track&event=${encodeURIComponent(HOSTILE)}`,
    `${tours}/plan`,
    `${PAGE}/silent/plan`,
    `${tours}/violations`,
    `${PAGE}/silent/violations`,
  ]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  let key
  await check('sources: a new source shows its key in code to paste, and turns green with the first message', async () => {
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Sources', exact: true }).first().click()
    await page.getByRole('link', { name: 'Sources and keys' }).click()
    await page.locator('#field-name').fill('harbour')
    await press(page, 'Make the source')
    key = await page.locator('#secret').textContent()
    for (const id of ['tag', 'curl', 'package', 'node', 'python', 'go', 'java']) {
      const code = await page.locator(`#snippet-${id}`).textContent()
      assert.ok(code.includes(key) && code.includes(origin), `${id}: ${code}`)
    }
    await page.getByRole('link', { name: 'I have copied it' }).click()
    await page.getByText('Waiting for the first message').waitFor()
    assert.ok(!(await page.content()).includes(key))
    assert.equal(await sendWith(origin, key, [booked({ seats: 1, berth: 'B' })]), 200)
    await page.getByText('Messages arrive').waitFor()
  })
  await check('sources: types and a limit are saved, and a wrong limit is told beside its field', async () => {
    await page.locator('#field-messages_per_second').fill('0')
    await press(page, 'Save')
    assert.match(await page.locator('#field-messages_per_second-error').innerText(), /must be 1 to/)
    await page.locator('#field-messages_per_second').fill('500')
    await page.getByLabel('identify').uncheck()
    await press(page, 'Save')
    await page.getByText('Saved. It is in force').waitFor()
    assert.ok(!(await page.getByLabel('identify').isChecked()))
    await page.getByRole('link', { name: 'Sources', exact: true }).first().click()
    const row = page.getByRole('row', { name: 'harbour' })
    await row.getByText('500 a second').waitFor()
    await row.getByText('track, page, screen, group, alias').waitFor()
  })
  await check('sources: the schema has each event, and its properties with types and a sample', async () => {
    await page.getByRole('link', { name: 'harbour' }).click()
    await page.getByRole('link', { name: 'Schema' }).click()
    await page.getByRole('link', { name: EVENT }).click()
    const row = page.getByRole('row', { name: 'berth' })
    await row.getByText('string').waitFor()
    await row.getByText('"B"').waitFor()
  })
  await check('sources: a mistake in a plan stands beside it with what was typed', async () => {
    await page.getByRole('link', { name: 'Plan', exact: true }).click()
    const plan = page.locator('#field-plan')
    const typed = JSON.stringify({ events: [{ name: '' }] })
    await plan.fill(typed)
    await press(page, 'Save the plan')
    assert.match(await page.locator('#field-plan-error').innerText(), /plan\.events\.0\.name must be/)
    assert.equal(await plan.inputValue(), typed)
    await plan.fill('{"event": []}')
    await press(page, 'Save the plan')
    assert.match(await page.locator('#field-plan-error').innerText(), /unknown field `event`/)
  })
  await check('sources: a plan is in force with the next message, and its violations are counted', async () => {
    await page.locator('#field-plan').fill(JSON.stringify(PLAN))
    await press(page, 'Save the plan')
    await page.getByText('Saved. It is in force').waitFor()
    assert.equal(await sendWith(origin, key, [booked({ berth: 'C' }), booked({ seats: 'two' })]), 200)
    await page.getByRole('link', { name: 'Violations' }).click()
    await page.getByRole('row', { name: /seats.*missing/ }).waitFor()
    await page.getByRole('row', { name: /seats.*wrong type.*"two"/ }).waitFor()
    await page.getByRole('row', { name: /berth.*unplanned property/ }).waitFor()
  })
  await page.close()
}
