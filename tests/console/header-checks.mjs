// What answers say about caching, and about what a page may load.
import assert from 'node:assert/strict'
import { fetchSoon } from './check.mjs'

export async function checkHeaders(check, origin) {
  await check('pages allow neither inline scripts nor styles nor frames, and are not kept', async () => {
    const { headers } = await fetchSoon(`${origin}/console/music/components`)
    const policy = headers.get('content-security-policy')
    assert.ok(!policy.includes('unsafe'), policy)
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"]) {
      assert.ok(policy.includes(part), part)
    }
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('referrer-policy'), 'same-origin')
    assert.equal(headers.get('cache-control'), 'private, no-store')
  })
  await check('assets are kept for a year, compressed, under a name that follows from the content', async () => {
    const html = await (await fetchSoon(`${origin}/console/music/components`)).text()
    const paths = [...html.matchAll(/(?:href|src)="(\/console\/-\/assets\/[^"]+)"/g)].map(([, path]) => path)
    assert.ok(paths.length >= 3, paths.join())
    for (const path of paths) {
      assert.match(path, /^\/console\/-\/assets\/[0-9a-f]{16}\//)
      const answer = await fetchSoon(origin + path)
      assert.equal(answer.status, 200, path)
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable')
      assert.equal(answer.headers.get('content-encoding'), 'gzip')
      await answer.text()
    }
    const plain = await fetchSoon(origin + paths[0], { headers: { 'Accept-Encoding': 'identity' } })
    assert.equal(plain.headers.get('content-encoding'), null)
    const other = await fetchSoon(origin + paths[0].replace(/[0-9a-f]{16}/, '0'.repeat(16)))
    assert.equal(other.status, 404)
  })
}
