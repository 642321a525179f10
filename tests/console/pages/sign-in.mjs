// Signing in and out. The visitor of the demo is signed in without a password, so that the page itself is seen nowhere else.
import assert from 'node:assert/strict'
import { fetchSoon } from '../check.mjs'

export async function jobs({ check, context, origin }) {
  await check('the address that the demo prints leads in, and signing out ends the session', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}/console`)
    assert.match(page.url(), /\/console\/music/)
    const cookie = (await context.cookies()).find(({ name }) => name === 'tastemaker_session')
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict')
    await page.getByRole('button', { name: /Account of/ }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    const left = (await context.cookies()).find(({ name }) => name === 'tastemaker_session')
    assert.notEqual(left?.value, cookie.value)
    const stale = await fetchSoon(`${origin}/console/music/scenarios`, { headers: { cookie: `tastemaker_session=${cookie.value}` }, redirect: 'manual' })
    assert.equal(stale.status, 303)
    await page.close()
  })
}
