// Campaigns: one is written by clicking with its message in view, started, and seen to send; who got nothing is told why.
import assert from 'node:assert/strict'
import { until } from '../check.mjs'
import { api, send, WORKSPACE } from '../demo.mjs'

const PAGE = `/console/${WORKSPACE}/campaigns`
const HTML = '<table width="100%" style="background:#eef"><tr><td style="padding:20px"><h1>Hello {{ profile.traits.first_name }}</h1><p>Come back soon.</p></td></tr></table>'
const MAPPING = {
  name: 'Campaigns',
  trigger: 'event = "Campaign Message"',
  action: 'send_email',
  fields: Object.fromEntries(['to', 'subject', 'html'].map((name) => [name, { '@path': `$.properties.${name}` }])),
}

const control = (page, name) => page.locator(`[name="${name}"]`)
const mistake = (page, name) => page.locator(`[id="field-${name}-error"]`)
const press = (page, name) => page.getByRole('button', { name, exact: true }).click()
const results = async (origin, key) => (await api(origin, 'GET', `workspaces/${WORKSPACE}/campaigns/${key}`)).results

/** Two people: one can be reached by mail and has a name, the other has neither. */
const people = (origin) =>
  send(origin, [
    { type: 'identify', userId: 'campaigns-ada', messageId: 'campaigns-ada', traits: { email: 'campaigns-ada@example.com', first_name: 'Ada <b>' } },
    { type: 'identify', userId: 'campaigns-ben', messageId: 'campaigns-ben', traits: { city: 'Graz' } },
  ])

export async function paths(origin) {
  const mail = { kind: 'email', enabled: false, settings: { host: 'smtp.example.com', from: 'news@example.com' }, mappings: [MAPPING], rules: { sources: ['campaign'] } }
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/mail`, mail)
  await people(origin)
  const campaign = {
    name: 'Left cart',
    channel: 'mail',
    start: { type: 'event', event: 'Product Added', after_s: 86_400, unless: { event: 'Order Completed' } },
    content: { to: '{{ profile.traits.email }}', subject: 'Still thinking?', html: HTML },
    options: { quiet_hours: { windows: [{ from: '22:00', to: '08:00' }] }, gap_s: 604_800 },
    control_percent: 10,
  }
  await api(origin, 'PUT', `workspaces/${WORKSPACE}/campaigns/left_cart`, campaign)
  return [PAGE, `${PAGE}/new`, `${PAGE}/of/left_cart`, `${PAGE}/of/left_cart/edit`, `${PAGE}/of/left_cart/remove`]
}

export async function jobs({ check, context, origin }) {
  const page = await context.newPage()
  const preview = page.locator('#campaign-preview')
  await check('campaigns: the fields of the message follow the channel and the start', async () => {
    const sms = { kind: 'text_messages', enabled: false, settings: { account: `AC${'0'.repeat(32)}`, secret: 's', sender: '+4915112345678' }, mappings: [] }
    await api(origin, 'PUT', `workspaces/${WORKSPACE}/destinations/sms`, sms)
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Campaigns', exact: true }).first().click()
    await page.getByRole('link', { name: 'New campaign' }).click()
    await control(page, 'channel').selectOption('sms')
    await control(page, 'content/subject').waitFor({ state: 'detached' })
    await control(page, 'channel').selectOption('mail')
    await control(page, 'content/subject').waitFor()
    assert.equal(await control(page, 'start/event').isVisible(), false)
    await page.getByLabel('After something that people do').check()
    await control(page, 'start/event').waitFor()
    await page.getByLabel('Now', { exact: true }).check()
    assert.equal(await control(page, 'start/event').isVisible(), false)
  })
  await check('campaigns: the message is in view while it is written, and says nothing that would run', async () => {
    await control(page, 'key').fill('hello')
    await control(page, 'person').fill('campaigns-ada')
    await control(page, 'content/to').fill('{{ profile.traits.email }}')
    await control(page, 'content/subject').fill('Hello {{ profile.traits.first_name }}')
    await preview.getByText('Hello Ada <b>').waitFor()
    await control(page, 'content/html').fill(HTML)
    const mail = page.frameLocator('iframe[title="The mail on a desk"]')
    await mail.getByRole('heading', { name: 'Hello Ada <b>' }).waitFor()
    const colour = await mail.locator('table').evaluate((table) => getComputedStyle(table).backgroundColor).catch(() => 'no script in the frame')
    assert.ok(['rgb(238, 238, 255)', 'no script in the frame'].includes(colour), colour)
    await preview.getByText(/have an e-mail address/).waitFor()
  })
  await check('campaigns: why somebody would get nothing is told, and a mistake with its place', async () => {
    await control(page, 'person').fill('campaigns-ben')
    await preview.getByText('The person has no address for this channel').waitFor()
    await control(page, 'content/subject').fill('Hello {{ profile.')
    await preview.getByText(/content\.subject: line 1/).waitFor()
    await press(page, 'Save as a draft')
    await mistake(page, 'content/subject').waitFor()
    assert.equal(await control(page, 'content/subject').inputValue(), 'Hello {{ profile.')
    assert.equal(await control(page, 'key').inputValue(), 'hello')
  })
  await check('campaigns: it is saved as a draft, started, and sends to whom it can', async () => {
    await control(page, 'content/subject').fill('Hello {{ profile.traits.first_name }}')
    await press(page, 'Save as a draft')
    await page.getByText('Saved').waitFor()
    await page.getByText('draft', { exact: true }).first().waitFor()
    await press(page, 'Start')
    await page.getByText('Started: it sends from now on').waitFor()
    await until('everybody was looked at', async () => (await results(origin, 'hello')).last_run?.is_done)
    const { sent, refused } = await results(origin, 'hello')
    assert.equal(sent, 1)
    await page.goto(`${origin}${PAGE}/of/hello`)
    const row = page.getByRole('row', { name: /The person has no address for this channel/ })
    const shown = (await row.getByRole('cell').first().innerText()).replace(/\D/g, '')
    assert.equal(Number(shown), refused.not_reachable)
    await page.getByText('done', { exact: true }).first().waitFor()
  })
  await check('campaigns: what the form does not know survives a save, and what it does not change too', async () => {
    const before = await api(origin, 'GET', `workspaces/${WORKSPACE}/campaigns/left_cart`)
    await page.goto(`${origin}${PAGE}/of/left_cart/edit`)
    await press(page, 'Save')
    await page.getByText('Saved').waitFor()
    const after = await api(origin, 'GET', `workspaces/${WORKSPACE}/campaigns/left_cart`)
    assert.deepEqual(after, before)
  })
  await check('campaigns: one is stopped, and removed after a question', async () => {
    await page.goto(`${origin}${PAGE}/of/hello`)
    await press(page, 'Stop')
    await page.getByText('Stopped: it does not send').waitFor()
    await page.getByRole('link', { name: 'Remove…' }).click()
    await press(page, 'Remove hello')
    await page.getByText('The campaign is gone').waitFor()
    assert.equal(await page.getByRole('row', { name: /hello/ }).count(), 0)
  })
  await page.close()
}
