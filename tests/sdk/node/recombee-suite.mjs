// The vendor's own tests, which are in the package recombee-api-client, against a real server: a line for each file of
// the current package and of an old one.
// The environment names the binary, TASTEMAKER, and may narrow the files to those with a word in the name, SUITE_FILES.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checksOf } from './checks.mjs'
import { startServer } from './server.mjs'

/** The packages: the current one, and one of 2024. */
const PACKAGES = ['recombee-api-client', 'recombee-api-client-4']

/** Files that cannot pass, by package and name, each with the reason. */
const CANNOT_PASS = {}

/** How many files run at the same time, each on a database of its own: most of the time they wait. */
const N_LANES = 4
/** What is left of the waits in which the vendor's service, but not this server, catches up with what was written. */
const WAIT_MS = 300

const modules = fileURLToPath(new URL('node_modules', import.meta.url))
const fileRunner = fileURLToPath(new URL('recombee-suite-file.cjs', import.meta.url))

/** A copy of the tests of a package; it is where they expect it, beside the code of the package. */
function copyTests(name) {
  const copy = join(modules, name, `test-${process.pid}`)
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  cpSync(join(modules, name, 'test'), copy, { recursive: true })
  // The client refuses a region beside RAPI_URI, which names the server here; old tests have a database of their own.
  const client = 'new recombee.ApiClient(process.env.DB_ID, process.env.PRIVATE_TOKEN)'
  assert.ok(edit(join(copy, 'set-environment.js'), /new recombee\.ApiClient\([^)]*\)/g, client), 'no client is made')
  const files = readdirSync(copy).filter((name) => name !== 'set-environment.js').map((name) => join(copy, name))
  const waiting = files.filter((file) => edit(file, 'setTimeout(done, 20000)', `setTimeout(done, ${WAIT_MS})`))
  assert.ok(waiting.length > 0, 'the tests wait in another way now')
  return files
}

/** Whether the file had the text, which is replaced. */
function edit(file, text, replacement) {
  const before = readFileSync(file, 'utf8')
  const after = before.replaceAll(text, replacement)
  writeFileSync(file, after)
  return after !== before
}

/** What mocha reports of one file, which has a process of its own. */
function runFile(file, environment) {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...environment } }
    execFile(process.execPath, [fileRunner, file], options, (error, stdout, stderr) => {
      if (stdout.startsWith('{')) resolve({ status: error?.code ?? 0, ...JSON.parse(stdout) })
      else reject(new Error(`no report: ${firstLines(stderr || stdout)}`))
    })
  })
}

const firstLines = (text) => text.trim().split('\n').slice(0, 5).join('\n')

const check = checksOf('recombee-suite')
const lanes = Array.from({ length: N_LANES }, (_, n) => ({ DB_ID: `lane-${n}`, PRIVATE_TOKEN: `private-${n}` }))
const workspaces = lanes.map(({ DB_ID, PRIVATE_TOKEN }) => {
  return `[[workspace]]\nid = "${DB_ID}"\nprivate_token = "${PRIVATE_TOKEN}"\n`
})
const { address, stop } = await startServer(workspaces.join(''), { tls: true })
const tests = PACKAGES.flatMap((name) => copyTests(name).map((file) => ({ name, file }))).filter(({ file }) =>
  basename(file).includes(process.env.SUITE_FILES ?? ''),
)
assert.ok(tests.length > 0, 'there are no such files')
await Promise.all(
  lanes.map(async (lane) => {
    for (let test = tests.shift(); test; test = tests.shift()) {
      const { file } = test
      const name = `${test.name}/${basename(file)}`
      if (name in CANNOT_PASS) {
        console.log(`skip recombee-suite: ${name}: ${CANNOT_PASS[name]}`)
        continue
      }
      await check(name, async () => {
        const { status, stats, failures } = await runFile(file, { ...lane, RAPI_URI: address })
        const messages = failures.map(({ fullTitle, err }) => firstLines(`${fullTitle}: ${err.message}`))
        assert.ok(messages.length === 0, messages.join('\n'))
        assert.ok(status === 0 && stats.passes > 0, `status ${status}, ${stats.passes} tests passed`)
      })
    }
  }),
)
await stop()
