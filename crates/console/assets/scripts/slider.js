// Keeps the number beside a slider up with the hand.
document.addEventListener('input', ({ target }) => {
  if (target.type !== 'range') return
  const output = target.closest('.slider')?.querySelector('output')
  if (output) output.value = target.value
})
