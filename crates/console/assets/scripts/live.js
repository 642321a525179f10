// Parts that server-sent events keep up to date: data-live="URL". An event "entry" is the HTML of one more entry of the list
// inside, "fragment" the HTML of all that the part holds, and "end" says that nothing more will come.
// The stream stops while the page is hidden or paused, and comes back more and more slowly while it fails.
import { fill, parse } from './fragment.js'

const BACK_OFF_MS = { first: 1000, max: 30_000 }

class LivePart {
  #wait_ms = BACK_OFF_MS.first
  #is_paused = false
  #is_over = false
  #after = ''

  constructor(element) {
    this.element = element
    this.list = element.querySelector('[data-live-list] > *')
    this.state = element.querySelector('[data-live-state]')
    this.button = element.querySelector('[data-live-pause]')
    this.button?.addEventListener('click', () => this.#pause())
    element.addEventListener('focusout', () => setTimeout(() => this.#fill()))
    document.addEventListener('visibilitychange', () => this.#update())
    this.#update()
  }

  #pause() {
    this.#is_paused = !this.#is_paused
    this.button.setAttribute('aria-pressed', this.#is_paused)
    this.#update()
  }

  #update() {
    this.#close()
    if (this.#is_over) return
    if (this.#is_paused) return this.#say('paused')
    if (!document.hidden) this.#open()
  }

  #close() {
    this.source?.close()
    clearTimeout(this.timer)
  }

  #open() {
    this.source = new EventSource(this.#address())
    this.source.addEventListener('open', () => {
      this.#wait_ms = BACK_OFF_MS.first
      this.#say('live')
    })
    this.source.addEventListener('entry', ({ data, lastEventId }) => {
      this.#after = lastEventId
      this.#add(data)
    })
    this.source.addEventListener('fragment', ({ data }) => this.#replace(data))
    this.source.addEventListener('end', () => {
      this.#is_over = true
      this.#close()
    })
    this.source.addEventListener('error', () => {
      this.#close()
      this.#say('reconnecting')
      this.timer = setTimeout(() => this.#open(), this.#wait_ms)
      this.#wait_ms = Math.min(2 * this.#wait_ms, BACK_OFF_MS.max)
    })
  }

  /** Where entries have ids, the stream goes on behind the last one, also after a pause. */
  #address() {
    const address = new URL(this.element.dataset.live, location.href)
    if (this.#after) address.searchParams.set('after', this.#after)
    return address
  }

  #add(html) {
    this.list.prepend(parse(html))
    // An entry that somebody reads stays.
    const surplus = [...this.list.children].slice(Number(this.element.dataset.liveMax))
    for (const entry of surplus) if (!entry.contains(document.activeElement)) entry.remove()
  }

  #replace(html) {
    this.next = html
    this.#fill()
  }

  /** Waits while somebody is at a control inside: it would go away under their hands. */
  #fill() {
    if (this.next === undefined || this.element.contains(document.activeElement)) return
    fill(this.element, this.next)
    this.next = undefined
  }

  #say(state) {
    if (!this.state) return
    this.state.textContent = state
    this.state.dataset.liveState = state
  }
}

for (const element of document.querySelectorAll('[data-live]')) new LivePart(element)
