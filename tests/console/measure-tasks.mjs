// Measures the five tasks on the demo, each in a browser that nobody has used, and prints them as a table.
import { startBrowser } from './gallery.mjs'
import { startDemo, WORKSPACE } from './demo.mjs'
import { measure } from './hand.mjs'
import { TASKS } from './tasks.mjs'

const demo = await startDemo()
const browser = await startBrowser()
const rows = []
for (const task of TASKS) {
  const subject = await task.prepare(demo.origin, WORKSPACE)
  const context = await browser.newContext()
  const page = await context.newPage()
  rows.push(await measure(page, () => page.goto(`${demo.origin}/console`), task, subject))
  await context.close()
}
await browser.close()
demo.stop()
console.log('\n| task | clicks | texts typed | seconds |\n|---|---|---|---|')
for (const { name, clicks, texts, seconds } of rows) console.log(`| ${name} | ${clicks} | ${texts} | ${seconds.toFixed(1)} |`)
process.exit(0)
