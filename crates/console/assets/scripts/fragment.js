// Pieces of HTML from the server, which has escaped what comes from data. Scripts in them do not run.

/** Parses a piece of HTML into nodes. */
export function parse(html) {
  const template = document.createElement('template')
  template.innerHTML = html
  return template.content
}

/** Puts a piece of HTML in the place of what an element holds. */
export function fill(element, html) {
  element.replaceChildren(parse(html))
}

/** Says something to screen readers. */
export function announce(text) {
  const announcer = document.getElementById('announcer')
  // The same text twice is read twice only if it was gone between.
  announcer.textContent = ''
  requestAnimationFrame(() => (announcer.textContent = text))
}
