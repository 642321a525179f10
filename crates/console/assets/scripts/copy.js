// Buttons that copy the text of an element: data-copy="ID".
import { announce } from './fragment.js'

const SHOWN_MS = 2000

/** Copies a text; also where the clipboard is closed to pages without TLS. */
async function copy(source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent)
  getSelection().selectAllChildren(source)
  if (!document.execCommand('copy')) throw new Error('the browser refuses')
}

document.addEventListener('click', async ({ target }) => {
  const button = target.closest('[data-copy]')
  if (!button) return
  const label = button.querySelector('span')
  const words = (button.dataset.label ??= label.textContent)
  const is_done = await copy(document.getElementById(button.dataset.copy)).then(
    () => true,
    () => false,
  )
  label.textContent = is_done ? 'Copied' : 'Press Ctrl+C'
  announce(is_done ? 'Copied' : 'Cannot copy: select the text and press Ctrl+C')
  setTimeout(() => (label.textContent = words), SHOWN_MS)
})
