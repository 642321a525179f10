// Sorts tables whose rows are all there, data-sort, in place of the link in the head of a column.

/** What a row is sorted by: the value that the server names, or the text. */
function key(row, column) {
  const cell = row.cells[column]
  return cell.dataset.value ?? cell.textContent.trim()
}

/** Numbers by size, texts as in a dictionary, what is neither last. */
function compare(a, b) {
  const [x, y] = [parseFloat(a), parseFloat(b)]
  if (a !== '' && b !== '' && !isNaN(a) && !isNaN(b)) return x - y
  return a.localeCompare(b, 'en', { numeric: true })
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('table[data-sort] a.sort')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const head = link.closest('th')
  const table = head.closest('table')
  const current = head.getAttribute('aria-sort')
  // Numbers are wanted greatest first.
  const first = head.classList.contains('number') ? 'descending' : 'ascending'
  const other = { ascending: 'descending', descending: 'ascending' }
  const order = current ? other[current] : first
  for (const each of head.parentElement.cells) each.removeAttribute('aria-sort')
  head.setAttribute('aria-sort', order)
  const sign = order === 'ascending' ? 1 : -1
  const rows = [...table.tBodies[0].rows]
  rows.sort((a, b) => sign * compare(key(a, head.cellIndex), key(b, head.cellIndex)))
  table.tBodies[0].append(...rows)
})
