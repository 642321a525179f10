// The models: a training run from its start to its result, and the way back to an earlier model.
import assert from 'node:assert/strict'
import { api, WORKSPACE } from '../demo.mjs'
import { startTraining } from '../jobs.mjs'

export const paths = async (origin) => {
  const { active } = await api(origin, 'GET', 'workspaces/music/models')
  return ['/console/music/models', `/console/music/models/${active}/activate`]
}

export async function jobs({ check, context, origin }) {
  await check('a model is trained with its progress shown, the older one is used again, and then the newer', async () => {
    const first = (await api(origin, 'GET', 'workspaces/music/models')).active
    // Something new, so that the run has another version.
    await api(origin, 'PATCH', 'workspaces/music/settings', { name: 'Music' })
    const page = await context.newPage()
    await page.goto(`${origin}/console`)
    await startTraining(page)
    const result = page.getByRole('link', { name: 'Show the result' })
    if ((await page.locator('progress').count()) > 0) await result.click({ timeout: 120_000 })
    else await page.goto(`${origin}/console/music/models`)
    const second = (await api(origin, 'GET', `workspaces/${WORKSPACE}/models`)).active
    assert.notEqual(second, first)
    await page.getByRole('heading', { name: `Model ${second}, in use` }).waitFor()
    for (const version of [first, second]) {
      await page.getByRole('row', { name: version }).getByRole('link', { name: 'Use this model' }).click()
      await page.getByRole('button', { name: 'Use this model' }).click()
      await page.getByRole('heading', { name: `Model ${version}, in use` }).waitFor()
      assert.equal((await api(origin, 'GET', 'workspaces/music/models')).active, version)
    }
    await page.close()
  })

  await check('who only reads can start and activate nothing', async () => {
    const { key } = await api(origin, 'POST', 'api_keys', { name: 'models-analyst', role: 'analyst' })
    const headers = { authorization: `Bearer ${key}` }
    const shown = await fetch(`${origin}/console/music/models`, { headers })
    assert.equal(shown.status, 200)
    assert.ok(!(await shown.text()).includes('Train now'))
    const { active } = await api(origin, 'GET', 'workspaces/music/models')
    for (const path of ['train', `${active}/activate`]) {
      const answer = await fetch(`${origin}/console/music/models/${path}`, { method: 'POST', headers })
      assert.equal(answer.status, 403, path)
    }
  })
}
