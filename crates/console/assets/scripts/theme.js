// The theme switch. The cookie lets the server render the choice, so that no page shows the other theme first.
const AGE_S = 365 * 24 * 3600

document.addEventListener('change', ({ target }) => {
  if (target.name !== 'theme' || !target.closest('.theme-switch')) return
  const path = document.body.dataset.root
  document.documentElement.dataset.theme = target.value
  document.cookie = `tastemaker-theme=${target.value}; Path=${path}; Max-Age=${AGE_S}; SameSite=Strict`
})
