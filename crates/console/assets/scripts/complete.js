// Completion in fields for expressions: textarea[data-words="ID"] offers the options of that datalist. Arrows choose,
// Enter and Tab take, Escape closes; a click takes too.
const SHOWN_MAX = 8
// The word before the caret: a property from its quote on, or the name of a function.
const WORD = /'[^']*$|[A-Za-z_]\w*$/

let box
let words = []
let chosen = 0

/** Whether the caret stands in a text in double quotes, where nothing is completed. */
const is_in_text = (before) => before.replaceAll(/'[^']*'?/g, '').split('"').length % 2 === 0

function close() {
  box?.previous?.removeAttribute('aria-activedescendant')
  box?.list.remove()
  box = undefined
}

function find(field) {
  const before = field.value.slice(0, field.selectionStart)
  const word = is_in_text(before) ? undefined : before.match(WORD)?.[0]
  const options = document.getElementById(field.dataset.words)?.options
  // A quote that closes a property opens nothing.
  const is_closing = word?.startsWith("'") && before.split("'").length % 2 === 1
  if (!word || !options || is_closing) return []
  const typed = word.toLowerCase()
  const fits = [...options].filter(({ value }) => value.toLowerCase().startsWith(typed) && value !== word)
  return fits.slice(0, SHOWN_MAX).map(({ value, label }) => ({ value, label, from: before.length - word.length }))
}

function show(field) {
  close()
  words = find(field)
  chosen = 0
  if (words.length === 0) return
  const list = document.createElement('ul')
  list.className = 'completions'
  list.id = `${field.id}-completions`
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'Completions')
  for (const [n, { value, label }] of words.entries()) {
    const item = document.createElement('li')
    item.id = `${list.id}-${n}`
    item.setAttribute('role', 'option')
    item.dataset.completion = n
    const type = document.createElement('span')
    type.textContent = label
    item.append(value, type)
    list.append(item)
  }
  field.after(list)
  field.setAttribute('aria-controls', list.id)
  box = { list, previous: field }
  choose(field, 0)
}

function choose(field, n) {
  chosen = (n + words.length) % words.length
  for (const [at, item] of [...box.list.children].entries()) item.setAttribute('aria-selected', String(at === chosen))
  field.setAttribute('aria-activedescendant', `${box.list.id}-${chosen}`)
}

function take(field, n) {
  const { value, from } = words[n]
  const end = field.selectionStart
  close()
  field.setRangeText(value, from, end, 'end')
  field.focus()
  field.dispatchEvent(new Event('input', { bubbles: true }))
  close()
}

document.addEventListener('input', ({ target, isTrusted }) => {
  if (isTrusted && target.dataset?.words) show(target)
})

document.addEventListener('keydown', (event) => {
  const field = event.target
  if (!box || box.previous !== field) return
  const does = {
    ArrowDown: () => choose(field, chosen + 1),
    ArrowUp: () => choose(field, chosen - 1),
    Enter: () => take(field, chosen),
    Tab: () => take(field, chosen),
    Escape: close,
  }[event.key]
  if (!does || (event.key === 'Tab' && event.shiftKey)) return
  event.preventDefault()
  does()
})

// Before the field loses the focus.
document.addEventListener('mousedown', (event) => {
  const item = event.target.closest?.('[data-completion]')
  if (!item || !box) return
  event.preventDefault()
  take(box.previous, Number(item.dataset.completion))
})

document.addEventListener('focusout', ({ target }) => {
  if (box?.previous === target) close()
})
