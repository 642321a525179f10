// Operations: sizes, lag, memory and limits.
import assert from 'node:assert/strict'
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
    assert.equal((await fetch(`${origin}/console/music/operations`, { headers })).status, 403)
    await page.close()
  })
}
