// Named checks, and limits of time: what hangs fails with its name, and the suite goes on.

const CHECK_SECONDS_MAX = 120
const ANSWER_SECONDS_MAX = 60
// A training run may be waited for.
export const WAIT_SECONDS_MAX = 600
const POLL_MS = 200

/** The checks of a suite: `check` runs one and prints its line, `fail` prints one, `finish` ends with the sum. */
export function checksOf(suite) {
  const counts = { ok: 0, FAIL: 0 }
  const fail = (name, error) => {
    counts.FAIL++
    console.log(`FAIL ${suite}: ${name}: ${String(error.message).replaceAll('\n', '\n     ')}`)
  }
  const check = async (name, body, seconds = CHECK_SECONDS_MAX) => {
    try {
      await within(seconds, 'the check', body())
      counts.ok++
      console.log(`ok   ${suite}: ${name}`)
    } catch (error) {
      fail(name, error)
    }
  }
  const finish = () => {
    console.log(`${counts.ok} passed, ${counts.FAIL} failed`)
    process.exit(counts.FAIL === 0 ? 0 : 1)
  }
  return { check, fail, finish }
}

/** What a promise comes to, if it comes within a time. */
export async function within(seconds, what, promise) {
  let timer
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within ${seconds} s`)), 1000 * seconds)
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again and again until what it finds is something: that. */
export async function until(what, find) {
  const end = performance.now() + 1000 * WAIT_SECONDS_MAX
  while (performance.now() < end) {
    const found = await find()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`${what}: not within ${WAIT_SECONDS_MAX} s`)
}

/** `fetch` with a limit of time for the answer and its body. */
export const fetchSoon = (url, options = {}) => fetch(url, { signal: AbortSignal.timeout(1000 * ANSWER_SECONDS_MAX), ...options })
