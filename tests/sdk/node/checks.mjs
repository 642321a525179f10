// The named checks of a test: a line for each, as tests/sdk/run counts them.

/** The check function of a test; the name of the test begins its lines. */
export function checksOf(test) {
  return async (name, body) => {
    try {
      await body()
      console.log(`ok   ${test}: ${name}`)
    } catch (error) {
      process.exitCode = 1
      console.log(`FAIL ${test}: ${name}: ${String(error.message).replaceAll('\n', '\n     ')}`)
    }
  }
}
