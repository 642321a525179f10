// Operations: sizes, lag, memory, limits, background work and slow requests.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'
import { api } from '../demo.mjs'

export const paths = ['/console/music/operations']

export async function jobs({ check, context, origin }) {
  await check('sizes and limits are those of the API, and support is refused', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console`)
    await page.getByRole('link', { name: 'Operations' }).first().click()
    await page.getByRole('heading', { name: 'Operations' }).waitFor()
    const operations = await api(origin, 'GET', 'workspaces/music/operations')
    assert.ok(operations.ready && operations.disk.journal_bytes > 0)
    for (const { part } of operations.budget) assert.ok(part.length > 0)
    const rows = await page.getByRole('table', { name: 'Memory' }).getByRole('row').count()
    assert.equal(rows, 1 + operations.budget.length + 3)
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'operations-support', role: 'support' })
    const headers = { authorization: `Bearer ${key}` }
    assert.equal((await fetchSoon(`${origin}/console/music/operations`, { headers })).status, 403)
    await page.close()
  })

  await check('what is kept is set in the settings, and shown with what a run would cut', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console/music/operations`)
    const section = page.locator('section', { has: page.getByRole('heading', { name: 'Retention' }) })
    assert.match(await section.innerText(), /kept for ever/)
    await section.getByRole('link', { name: 'Change it in the settings' }).click()
    await page.getByLabel('Keep messages for').fill('90')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.goto(`${origin}/console/music/operations`)
    const { retention, plan } = await api(origin, 'GET', 'workspaces/music/retention')
    assert.equal(retention.days, 90)
    assert.match(await section.innerText(), /kept for 90 days/)
    assert.equal(await section.getByRole('button', { name: 'Cut now' }).isDisabled(), plan.cut.segments === 0)
    await api(origin, 'PATCH', 'workspaces/music/settings', { retention: null })
    await page.close()
  })

  await check('each background thread is there with its state and its last run, as in the API', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console/music/operations`)
    const { background } = await api(origin, 'GET', 'workspaces/music/operations')
    const names = background.map((thread) => thread.name)
    for (const name of ['refresher', 'trainer', 'remaking', 'reopener', 'retention', 'metrics', 'recorder', 'ticker']) {
      assert.ok(names.includes(name), `${name} in ${names}`)
    }
    const table = page.getByRole('table', { name: 'Background work' })
    assert.equal(await table.getByRole('row').count(), 1 + background.length)
    const { task } = background.find((thread) => thread.name === 'refresher')
    const refresher = table.getByRole('row').filter({ hasText: task })
    assert.match(await refresher.innerText(), /(waits|at work)/)
    assert.match(await refresher.innerText(), /took/)
    // On a busy machine something may hinder it for a moment.
    for (let n = 0; n < 20 && await page.getByText('nothing hinders it').count() === 0; n++) {
      await page.waitForTimeout(1_000)
      await page.reload()
    }
    assert.equal(await page.getByText('nothing hinders it').count(), 1)
    assert.equal(await page.getByRole('heading', { name: 'Check of the journal' }).count(), 1)
    await page.close()
  })

  await check('connections and streams are counted beside their limits', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console/music/operations`)
    const limits = page.getByRole('table', { name: 'Limits in use, of the whole server' })
    assert.equal(await limits.getByRole('row', { name: /^Open connections/ }).count(), 1)
    assert.equal(await limits.getByRole('row', { name: /^Open streams/ }).count(), 1)
    const { connections, streams } = await api(origin, 'GET', 'workspaces/music/operations')
    assert.ok(connections.open > 0 && connections.open <= connections.max)
    assert.ok(streams.open <= streams.max)
    await page.close()
  })

  await check('no stream and no fast request counts as slow, and slow ones are named by the pattern of their route', async () => {
    const { slow_requests: slow, slow_request_ms: limit } = await api(origin, 'GET', 'workspaces/music/operations')
    for (const request of slow) {
      assert.ok(request.duration_ms >= limit)
      assert.ok(!/stream$/.test(request.route), request.route)
      assert.ok(!/music/.test(request.route), request.route)
    }
    const page = await context.newPage()
    await page.goto(`${origin}/console/music/operations`)
    const section = page.locator('section', { has: page.getByRole('heading', { name: 'Slow requests' }) })
    assert.equal(await section.count(), 1)
    await page.close()
  })
}
