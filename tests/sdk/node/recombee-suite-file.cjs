// Runs one file of the vendor's tests and reports as JSON. Most of them leave errors to nobody: without what is here
// a failed assertion would be a test that does not end, without a word about the answer that it had got.
const Mocha = require('mocha')

const TIMEOUT_MS = 60_000

let test
let exchange = 'no request'

const { fetch } = globalThis
globalThis.fetch = async (request, ...rest) => {
  const { pathname } = new URL(request.url)
  exchange = `${request.method} ${pathname}: no answer`
  const response = await fetch(request, ...rest)
  exchange = `${request.method} ${pathname}: ${response.status} ${(await response.clone().text()).slice(0, 500)}`
  return response
}

process.on('unhandledRejection', (reason) => {
  // Tests throw on the error that they expected, after they have said that they are done.
  if (test?.isPassed()) return
  if (reason instanceof Error) reason.message += `, after ${exchange}`
  // Mocha takes what nobody catches for the failure of the test that is running.
  throw reason
})

setTimeout(() => {
  console.error(`stopped after ${TIMEOUT_MS / 1000} s in "${test?.title ?? 'before all'}", after ${exchange}`)
  process.exit(1)
}, TIMEOUT_MS)

const mocha = new Mocha({ reporter: 'json' })
mocha.rootHooks({
  beforeEach() {
    test = this.currentTest
  },
})
mocha.addFile(process.argv[2])
// The timer and the connections to the server would keep the process.
mocha.run((nFailed) => process.exit(nFailed ? 1 : 0))
