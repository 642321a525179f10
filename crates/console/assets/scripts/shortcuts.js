// Keys: / to search, ? for the list of keys, g and a letter to an area. The list has a switch to turn them off.
const STORED = 'tastemaker-shortcuts'
const SECOND_KEY_MS = 1500
let went_at = -Infinity

const help = document.getElementById('help')
const is_on = () => localStorage.getItem(STORED) !== 'off'
const is_typing = ({ target }) => target.closest?.('input, textarea, select, [contenteditable]')

document.addEventListener('keydown', (event) => {
  if (!is_on() || is_typing(event) || event.ctrlKey || event.metaKey || event.altKey || help?.open) return
  const is_second = performance.now() - went_at < SECOND_KEY_MS
  went_at = -Infinity
  if (is_second) {
    const link = document.querySelector(`#navigation a[data-key="${CSS.escape(event.key)}"]`)
    link?.click()
  } else if (event.key === '/') {
    const search = document.getElementById('search')
    if (!search) return
    event.preventDefault()
    search.focus()
  } else if (event.key === '?') {
    help?.showModal()
  } else if (event.key === 'g') {
    went_at = performance.now()
  }
})

document.addEventListener('click', ({ target }) => {
  if (!target.closest('[data-help]')) return
  target.closest('[popover]')?.hidePopover()
  help.showModal()
})

const box = document.getElementById('shortcuts-on')
if (box) {
  box.checked = is_on()
  box.addEventListener('change', () => localStorage.setItem(STORED, box.checked ? 'on' : 'off'))
}
