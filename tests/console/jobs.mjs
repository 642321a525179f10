// Jobs of pages that are done on the data of the demo and on that of a real shop.
import { settle } from './tasks.mjs'

/** Starts a training run from the navigation. */
export async function startTraining(page) {
  await page.getByRole('link', { name: 'Models' }).first().click()
  await page.getByRole('button', { name: 'Train now' }).click()
  await page.waitForURL(/notice=started/)
}

/** Uploads a file of items and is shown what is in it. */
export async function lookAtItems(page, csv) {
  await page.getByLabel('File of items').setInputFiles({ name: 'items.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  await page.getByRole('button', { name: 'Look at it' }).click()
}

/** Puts the file that is shown in force, with all that has to be confirmed. */
export async function switchToItems(page) {
  for (const box of await page.locator('form[method=post] input[type=checkbox]').all()) await box.check()
  await page.getByRole('button', { name: 'Switch to these items' }).click()
  await page.getByText('The file is the catalog now').waitFor()
}

/** Goes back to an earlier version of the catalog. */
export async function goBack(page, origin, workspace, version) {
  await page.goto(`${origin}/console/${workspace}/catalog/versions`)
  const row = page.getByRole('row').filter({ has: page.getByText(String(version), { exact: true }) })
  await row.getByRole('link', { name: 'Go back to it' }).click()
  await page.getByRole('button', { name: 'Go back to it' }).click()
  await page.getByText('The version is in force again').waitFor()
}

/** Makes a segmentation of a filter for each segment, one a line. */
export async function segment(page, origin, workspace, id, filters) {
  await page.goto(`${origin}/console/${workspace}/segments/new`)
  await page.getByLabel('Id', { exact: true }).fill(id)
  await page.getByRole('radio', { name: 'A filter each' }).check()
  await page.getByRole('textbox', { name: 'Filters' }).fill(filters.join('\n'))
  await page.getByRole('button', { name: 'Make segmentation' }).click()
  await page.waitForURL(`${origin}/console/${workspace}/segments/of/${id}`)
}

/** The titles of the list on "Try it", narrowed by a filter. */
export async function tryFilter(page, origin, workspace, person, filter) {
  await page.goto(`${origin}/console/${workspace}/try-it?user=${encodeURIComponent(person)}`)
  await settle(page, () => page.getByLabel('Filter').fill(filter))
  await page.locator('#preview .recommended').waitFor()
  return titles(page)
}

/** The titles of the list on "Try it". */
export const titles = (page) => page.locator('#preview .recommended .item-title').allInnerTexts()
