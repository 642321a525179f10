// "Try it": what would be recommended to whom, with which settings, and why.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetchSoon } from '../check.mjs'
import { api, WORKSPACE } from '../demo.mjs'
import { measure } from '../hand.mjs'
import { titles } from '../jobs.mjs'
import { settle, whyNotShown } from '../tasks.mjs'

const PAGE = '/console/music/try-it'
const LISTENER = 'listener-00001'

export const paths = [
  PAGE,
  `${PAGE}?user=${LISTENER}&beside=defaults&diversity=0.8`,
  `${PAGE}?user=${LISTENER}&filter=${encodeURIComponent("'yaer' > 2000")}`,
]

/** A preview over /api. */
const preview = (origin, request) => api(origin, 'POST', 'workspaces/music/recommendations', request)

export async function jobs({ check, browser, context, origin }) {
  const page = await context.newPage()
  const errors = []
  page.on('pageerror', (error) => errors.push(error.message))

  await check('try it: why an album is not shown to a person is read in at most six clicks', async () => {
    const played = await whyNotShown.prepare(origin, WORKSPACE)
    const { answer } = await measure(page, () => page.goto(`${origin}/console`), whyNotShown, played)
    assert.match(answer, /had it already[\s\S]*the list leaves such items out[\s\S]*would be at place \d+/)
    assert.ok(answer.includes(played.title), answer)
  })

  await check('try it: a mistake is marked at its column while somebody types, and mended by a completion', async () => {
    await page.goto(`${origin}${PAGE}?user=${LISTENER}`)
    const before = await titles(page)
    const filter = page.getByLabel('Filter')
    await filter.click()
    await settle(page, () => page.keyboard.type("'yaer' > 1990"))
    await page.locator('#preview').getByText('Filter, column 1').waitFor()
    assert.equal(await page.locator('#preview .reql-excerpt mark').innerText(), "'")
    await filter.fill('')
    await page.keyboard.type("'ye")
    await page.getByRole('option', { name: "'year'" }).waitFor()
    await page.keyboard.press('Enter')
    await settle(page, () => page.keyboard.type(' > 1990'))
    assert.equal(await filter.inputValue(), "'year' > 1990")
    await page.locator('#preview .recommended').waitFor()
    assert.notDeepEqual(await titles(page), before)
    assert.equal(new URL(page.url()).searchParams.get('filter'), "'year' > 1990")
    const title = await page.title()
    await page.reload()
    assert.equal(await filter.inputValue(), "'year' > 1990", `the address of ${title} has the state`)
  })

  await check('try it: a slider changes the list without a reload, beside the settings of before', async () => {
    await page.goto(`${origin}${PAGE}?user=${LISTENER}`)
    await page.evaluate(() => (globalThis.is_same_page = true))
    const before = await titles(page)
    await settle(page, () => page.getByLabel('Variety').fill('1'))
    assert.equal(await page.locator('output[for=field-diversity]').innerText(), '1')
    assert.notDeepEqual(await titles(page), before)
    assert.equal(await page.evaluate(() => globalThis.is_same_page), true)
    await page.getByRole('link', { name: 'Change on, and compare with this' }).click()
    await settle(page, () => page.getByLabel('Variety').fill('0'))
    const diff = page.locator('.rank-diff')
    await diff.getByText('Settings of before').waitFor()
    assert.ok((await diff.locator('.badge').count()) > 0, 'nothing moved')
  })

  await check('try it: a request that is under way is given up for a newer one', async () => {
    await page.goto(`${origin}${PAGE}`)
    let n_held = 0
    await page.route('**/try-it/preview?*', async (route) => {
      if (n_held++ === 0) return
      await route.continue()
    })
    const given_up = page.waitForEvent('requestfailed')
    const first = page.waitForRequest('**/try-it/preview?*')
    const filter = page.getByLabel('Filter')
    await filter.fill("'year' > 1")
    await first
    await filter.fill("'year' > 1980")
    await given_up
    await page.locator('#preview:not([aria-busy])').waitFor()
    await page.unroute('**/try-it/preview?*')
  })

  await check('try it: settings are kept as a scenario, and calls of it get the list', async () => {
    await page.goto(`${origin}${PAGE}?user=${LISTENER}`)
    await settle(page, () => page.getByLabel('Variety').fill('0.6'))
    const tried = await titles(page)
    await page.getByLabel('Keep as scenario').fill('not a name')
    await page.getByRole('button', { name: 'Keep', exact: true }).click()
    await page.locator('.field-error').getByText('name is').waitFor()
    assert.equal(await page.getByLabel('Keep as scenario').inputValue(), 'not a name')
    await page.getByLabel('Keep as scenario').fill('varied')
    await page.getByRole('button', { name: 'Keep', exact: true }).click()
    await page.getByText('Kept as a scenario').waitFor()
    assert.equal((await api(origin, 'GET', 'workspaces/music/scenarios/varied')).diversity, 0.6)
    assert.deepEqual(await titles(page), tried)
  })

  await check('try it: the copied curl runs against the server, with hostile texts', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin })
    const { token } = await api(origin, 'POST', 'workspaces/music/tokens', { name: 'try-it', kind: 'private' })
    const hostile = `it's $(touch /nowhere) \`id\` "q" \\ <img src=x onerror=alert(1)>`
    const filter = `'title' != ${JSON.stringify(hostile)}`
    await page.goto(`${origin}${PAGE}?user=${LISTENER}&count=4&filter=${encodeURIComponent(filter)}`)
    const copy = async (id) => {
      await page.locator(`[data-copy="${id}"]`).click()
      await page.locator(`[data-copy="${id}"]`).getByText('Copied').waitFor()
      return page.evaluate(() => navigator.clipboard.readText())
    }
    const curl = await copy('curl')
    const answer = execFileSync('bash', ['-c', `${curl} --silent --fail-with-body`], { env: { ...process.env, TOKEN: token } })
    const ids = JSON.parse(answer).recomms.map(({ id }) => id)
    const listed = await preview(origin, { user: LISTENER, count: 4, settings: { filter } })
    assert.deepEqual(ids, listed.items.map(({ id }) => id))
    await page.getByText('Python and JavaScript').click()
    const folder = mkdtempSync(join(tmpdir(), 'try-it-'))
    for (const [id, file] of [['node', 'node.mjs'], ['browser', 'browser.mjs']]) {
      writeFileSync(join(folder, file), await copy(id))
      execFileSync(process.execPath, ['--check', join(folder, file)])
    }
    execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: await copy('python') })
  })

  await check('try it: texts of others are text', async () => {
    const hostile = '<img src=x onerror="document.title=1">'
    for (const field of ['user', 'filter', 'booster', 'why_not', 'query', 'item', 'scenario', 'beside', 'logic', 'count']) {
      await page.goto(`${origin}${PAGE}?${field}=${encodeURIComponent(hostile)}`)
      assert.equal(await page.locator('main img').count(), 0, field)
      assert.match(await page.title(), /^Try it/, field)
    }
  })

  await check('try it: support may try, and not keep', async () => {
    const { api_key, key } = await api(origin, 'POST', 'api_keys', { name: 'try-it-support', role: 'support' })
    const headers = { authorization: `Bearer ${key ?? api_key.key}` }
    const shown = await fetchSoon(`${origin}${PAGE}?user=${LISTENER}`, { headers })
    assert.equal(shown.status, 200)
    const text = await shown.text()
    assert.ok(text.includes('class="recommended ') && !text.includes('Keep as scenario'))
    const kept = await fetchSoon(`${origin}${PAGE}/keep`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=no&trial=',
    })
    assert.equal(kept.status, 403)
    assert.ok(!(await api(origin, 'GET', 'workspaces/music/scenarios')).scenarios.some(({ name }) => name === 'no'))
  })

  await check('try it: without scripts the form asks and answers', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const bare = await plain.newPage()
    await bare.goto(`${origin}${PAGE}`)
    await bare.getByRole('textbox', { name: 'Person' }).fill(LISTENER)
    await bare.getByLabel('Filter').fill("'yaer' > 1")
    await bare.getByRole('button', { name: 'Show' }).click()
    await bare.locator('.field-error').getByText('column 1').waitFor()
    await bare.getByLabel('Filter').fill("'year' > 1")
    await bare.getByRole('button', { name: 'Show' }).click()
    assert.ok((await titles(bare)).length > 0)
    await plain.close()
  })

  await check('try it: no script has failed', async () => assert.deepEqual(errors, []))
  await page.close()
}
