// The models: a training run from its start to its result or its end before, what a model changes for ten people, and the way
// back to an earlier model.
import assert from 'node:assert/strict'
import { fetchSoon, until } from '../check.mjs'
import { api, WORKSPACE } from '../demo.mjs'
import { startTraining } from '../jobs.mjs'

const MODELS = '/console/music/models'

/** Waits for a training run that is not under way any more: its job. */
const ended = (origin, id) =>
  until(`the end of the training run ${id}`, async () => {
    const job = await api(origin, 'GET', `workspaces/music/jobs/${id}`)
    return !['waiting', 'running'].includes(job.state) && job
  })

/** Makes sure that there are two models: the versions of the one before and of the one in use. */
async function prepare(origin) {
  const before = await api(origin, 'GET', 'workspaces/music/models')
  if (before.models.filter(({ is_on_disk }) => is_on_disk).length < 2) {
    // A model that hardly looks at plays, which are most of what people do.
    const weights = await api(origin, 'GET', 'workspaces/music/interaction_weights')
    await api(origin, 'PUT', 'workspaces/music/interaction_weights', { ...weights, portion: 0.02 })
    const { job } = await api(origin, 'POST', 'workspaces/music/training')
    assert.equal((await ended(origin, job.id)).state, 'done')
    await api(origin, 'PUT', 'workspaces/music/interaction_weights', weights)
  }
  const { active, models } = await api(origin, 'GET', 'workspaces/music/models')
  const other = models.find(({ version, is_on_disk }) => is_on_disk && version !== active)
  return { active, other: other.version }
}

export const paths = async (origin) => {
  const { active, other } = await prepare(origin)
  const samples = `${MODELS}/samples?before=${other}&after=${active}`
  return [MODELS, `${MODELS}/${other}/activate`, samples, `${samples}&now=true`, `${MODELS}/samples?after=${active}&before=${active}&now=true`]
}

export async function jobs({ check, browser, context, origin }) {
  const people = (page) => page.locator('section:has(.rank-diff)')

  await check('the parts of the blend are named once each, with shares that are 100 together', async () => {
    const page = await context.newPage()
    await page.goto(`${origin}${MODELS}`)
    const names = await page.locator('.parts strong').allTextContents()
    // A part below one half per cent counts as none.
    const shares = (await page.locator('.part-share').allTextContents()).filter((share) => !share.startsWith('under'))
    assert.ok(names.length > 0)
    assert.equal(new Set(names).size, names.length)
    assert.equal(shares.reduce((sum, share) => sum + Number.parseInt(share), 0), 100)
    await page.close()
  })

  await check('ten people are seen with their lists before and after, and each leads to the person and to try it', async () => {
    const { active, other } = await prepare(origin)
    const page = await context.newPage()
    await page.goto(`${origin}${MODELS}`)
    await page.getByRole('link', { name: 'Ten people before and after' }).click()
    await people(page).first().waitFor()
    assert.equal(await people(page).count(), 10)
    const { people: sampled } = await api(origin, 'GET', `workspaces/music/models/${active}/samples`)
    const lists = await people(page).evaluateAll((all) =>
      all.map((one) => [...one.querySelectorAll('.ranks:last-child .rank-title')].map(({ textContent }) => textContent)))
    const expected = sampled.map(({ items }) => items.filter(({ after }) => after).map(({ item }) => item.title ?? item.id))
    assert.deepEqual(lists, expected, 'as the API says')
    assert.equal(await people(page).first().locator('.ranks .picture').count() > 0, true)

    // The other way round: what is new is gone.
    const n = async (word) => people(page).locator('.badge', { hasText: new RegExp(`^${word}$`) }).count()
    const [n_new, n_gone] = [await n('new'), await n('gone')]
    assert.ok(n_new > 0 && n_new === n_gone, `${n_new} new, ${n_gone} gone`)
    await page.getByLabel('Before').selectOption(active)
    await page.getByLabel('After').selectOption(other)
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.waitForURL(/before=.*after=/)
    await people(page).first().waitFor()
    assert.deepEqual([await n('gone'), await n('new')], [n_new, n_gone])

    const name = sampled[0].person.id
    await people(page).first().getByRole('link', { name: 'Try it' }).click()
    await page.waitForURL(/try-it\?user=/)
    assert.equal(new URL(page.url()).searchParams.get('user'), name)
    await page.goBack()
    await people(page).first().locator('h2 a').click()
    await page.waitForURL(({ pathname }) => decodeURIComponent(pathname).endsWith(`/people/${sampled[0].person.type}:${name}`))
    await page.close()
  })

  await check('without scripts the lists are made on request, and a run under way is cancelled', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const page = await plain.newPage()
    // Whoever opens the console of the demo is signed in.
    await page.goto(`${origin}/console`)
    await page.goto(`${origin}${MODELS}/samples`)
    await page.getByRole('link', { name: 'Make the lists' }).click()
    assert.equal(await people(page).count(), 10)
    const { active } = await api(origin, 'GET', 'workspaces/music/models')
    await api(origin, 'PATCH', 'workspaces/music/settings', { name: 'Music' })
    await page.goto(`${origin}${MODELS}`)
    await page.getByRole('button', { name: 'Train now' }).click()
    await page.getByRole('button', { name: 'Cancel the run' }).click()
    await page.waitForURL(/notice=cancelled/)
    const { jobs: [job] } = await api(origin, 'GET', 'workspaces/music/jobs')
    assert.equal((await ended(origin, job.id)).state, 'cancelled')
    await page.goto(`${origin}${MODELS}`)
    assert.match(await page.locator('.progress').textContent(), /cancelled/)
    assert.equal(await page.getByRole('button', { name: 'Cancel the run' }).count(), 0)
    assert.equal((await api(origin, 'GET', 'workspaces/music/models')).active, active)
    const { audit } = await api(origin, 'GET', 'audit?limit=20')
    assert.ok(audit.some(({ what }) => what === 'job.cancel'), 'the audit says who did it')
    await plain.close()
  })

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
    const shown = await fetchSoon(`${origin}/console/music/models`, { headers })
    assert.equal(shown.status, 200)
    assert.ok(!(await shown.text()).includes('Train now'))
    const { active } = await api(origin, 'GET', 'workspaces/music/models')
    for (const path of ['train', 'cancel', `${active}/activate`]) {
      const answer = await fetchSoon(`${origin}/console/music/models/${path}`, { method: 'POST', headers })
      assert.equal(answer.status, 403, path)
    }
  })
}
