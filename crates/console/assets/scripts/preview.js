// Forms that show what they would do while somebody types: data-preview="URL" and data-preview-target="ID".
// The form is sent as it is; the answer is a fragment. A newer request aborts the one before. The state of a form that
// only asks (method="get") is in the address. What the answer has in <template data-replaces="ID"> goes into the element
// of that id, unless it is what somebody has typed in. A form that has one thing in two shapes marks each
// (data-edits="NAME") and is told as "edited" which of them was used; button[data-preview-action] sends its value as
// "action" with it.
import { announce, fill } from './fragment.js'

const QUIET_MS = 250
const under_way = new WeakMap()

function moveReplacements(answer, control) {
  for (const template of answer.querySelectorAll('template[data-replaces]')) {
    const element = document.getElementById(template.dataset.replaces)
    const focused = element?.contains(document.activeElement) ? document.activeElement : undefined
    template.remove()
    if (element?.contains(control) && control.matches('input, textarea')) continue
    element?.replaceChildren(template.content)
    if (!focused) continue
    const added = element.querySelector('[data-added] :is(input:not([type="hidden"]), select)')
    const next = added ?? document.getElementById(focused.id) ?? element.querySelector('button, select, input')
    next?.focus()
  }
}

async function preview(form, control, signal, more) {
  const target = document.getElementById(form.dataset.previewTarget)
  target.setAttribute('aria-busy', 'true')
  try {
    const fields = new URLSearchParams(new FormData(form))
    for (const [name, value] of Object.entries(more)) fields.set(name, value)
    const only_asks = form.method === 'get'
    const answer = await fetch(only_asks ? `${form.dataset.preview}?${fields}` : form.dataset.preview, {
      method: form.method,
      body: only_asks ? undefined : fields,
      headers: { Accept: 'text/html' },
      signal,
    })
    if (only_asks) history.replaceState(null, '', `?${fields}`)
    // A mistake in the form is a fragment too; anything else leaves the page as it was.
    if (answer.ok || answer.status === 422) {
      fill(target, await answer.text())
      moveReplacements(target, control)
    }
    // A mistake says itself what it is.
    if (answer.ok) announce('Preview updated')
    target.classList.toggle('is-stale', !answer.ok)
  } catch (error) {
    if (error.name === 'AbortError') return
    target.classList.add('is-stale')
  }
  if (!signal.aborted) target.removeAttribute('aria-busy')
}

function schedule(control, more, wait_ms) {
  const form = control.closest?.('form[data-preview]')
  if (!form) return
  const edited = control.closest('[data-edits]')?.dataset.edits
  if (edited) more.edited = edited
  under_way.get(form)?.abort()
  const request = new AbortController()
  under_way.set(form, request)
  const timer = setTimeout(() => preview(form, control, request.signal, more), wait_ms)
  request.signal.addEventListener('abort', () => clearTimeout(timer))
}

document.addEventListener('input', ({ target }) => schedule(target, {}, QUIET_MS))

document.addEventListener('click', ({ target }) => {
  const button = target.closest?.('[data-preview-action]')
  if (button) schedule(button, { action: button.dataset.previewAction }, 0)
})
