// The secret of a link stands behind #, which no server sees: it goes into the form, and leaves the address.
const place = document.querySelector('[data-from-fragment]')
const secret = location.hash.slice(1)
if (place && secret) {
  place.querySelector('input').value = secret
  history.replaceState(null, '', location.pathname)
}
