// Files dropped on a form are those of its field: data-drop="ID of the file field". The form is sent at once.
function zone_of({ target, dataTransfer }) {
  return dataTransfer?.types.includes('Files') ? target.closest?.('form[data-drop]') : null
}

for (const name of ['dragenter', 'dragover']) {
  document.addEventListener(name, (event) => {
    const zone = zone_of(event)
    if (!zone) return
    event.preventDefault()
    zone.classList.add('is-over')
  })
}

document.addEventListener('dragleave', ({ target }) => {
  if (target.matches?.('form[data-drop]')) target.classList.remove('is-over')
})

document.addEventListener('drop', (event) => {
  const zone = zone_of(event)
  if (!zone) return
  event.preventDefault()
  zone.classList.remove('is-over')
  document.getElementById(zone.dataset.drop).files = event.dataTransfer.files
  zone.requestSubmit()
})
