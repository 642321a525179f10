// What somebody does on a page, counted: clicks and keys that act, and texts that are typed.
import assert from 'node:assert/strict'

/** The most clicks from the sign-in to an answer. */
export const CLICKS_MAX = 6

/** Somebody at a page. Whoever types into a field has clicked into it before. */
export class Hand {
  clicks = 0
  texts = 0

  constructor(page) {
    this.page = page
  }

  async click(locator) {
    this.clicks++
    await locator.click()
  }

  async press(key) {
    this.clicks++
    await this.page.keyboard.press(key)
  }

  /** A choice in a list takes two clicks: one opens it. */
  async choose(locator, option) {
    this.clicks += 2
    await locator.selectOption(option)
  }

  async type(locator, text) {
    await this.click(locator)
    this.texts++
    await this.page.keyboard.type(text)
  }
}

/**
 * Does a task from the start page and prints what it took: clicks, texts, seconds, and what `act` has returned.
 * `open` leads to the start page, by way of the sign-in; the time runs from there to the answer.
 */
export async function measure(page, open, { name, act }, subject) {
  const hand = new Hand(page)
  const started = performance.now()
  await open(page)
  const answer = await act(hand, subject)
  const seconds = (performance.now() - started) / 1000
  const { clicks, texts } = hand
  console.log(`     ${name}: ${clicks} clicks, ${texts} ${texts === 1 ? 'text' : 'texts'} typed, ${seconds.toFixed(1)} seconds`)
  assert.ok(clicks <= CLICKS_MAX, `${clicks} clicks`)
  return { name, clicks, texts, seconds, answer }
}
