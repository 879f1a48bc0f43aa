import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestApp } from '../../test/test-app.ts'

const NASTY_NAME = `</title><script>alert('1')</script>"&<b>`

test('GET / greets programs in JSON and browsers with a page', async () => {
  await using app = await startTestApp()
  for (const accept of ['*/*', 'application/json', 'application/json, text/html', 'text/plain']) {
    const answer = await app.request('GET', '/', { headers: { accept } })
    assert.deepEqual([answer.status, answer.text], [200, '{"message":"Bienvenue"}'], accept)
    assert.equal(answer.headers.get('vary'), 'Accept')
  }
  for (const accept of ['text/html', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'TEXT/HTML']) {
    const answer = await app.request('GET', '/', { headers: { accept } })
    assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8', accept)
    assert.match(answer.text, /^<!doctype html>[\s\S]*<h1>Bienvenue<\/h1>[\s\S]*href="\/docs"/)
    assert.equal(answer.headers.get('vary'), 'Accept-Language, Accept')
  }
})

test('/healthz says that the process is alive, also without its database', async () => {
  await using app = await startTestApp()
  assert.deepEqual((await app.request('GET', '/healthz')).json, { status: 'ok' })
  await app.auth.deps.database.close()
  assert.equal((await app.request('GET', '/healthz')).status, 200)
})

test('/readyz says ready, and 503 with Retry-After when the database does not answer', async () => {
  await using app = await startTestApp()
  assert.deepEqual((await app.request('GET', '/readyz')).json, { status: 'ready' })
  await app.auth.deps.database.close()
  const answer = await app.request('GET', '/readyz')
  assert.deepEqual([answer.status, answer.json.error, answer.headers.get('retry-after')], [503, 'unavailable', '1'])
  assert.deepEqual(Object.keys(answer.json), ['error', 'message', 'request_id'], 'no detail')
})

test('/readyz says 503 while a migration of this version is missing', async () => {
  await using app = await startTestApp()
  await app.auth.deps.database.inTransaction((tx) => tx.deleteFrom('bienvenue_migrations').execute())
  assert.equal((await app.request('GET', '/readyz')).status, 503)
})

test('/docs shows every route, every field and every refusal, and needs no script and no other host', async () => {
  await using app = await startTestApp()
  const { text, headers, status } = await app.request('GET', '/docs')
  assert.equal(status, 200)
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  const { json } = await app.request('GET', '/openapi.json')
  for (const [path, operations] of Object.entries<Record<string, { summary: string }>>(json.paths)) {
    for (const [method, { summary }] of Object.entries(operations)) {
      const route = `>${method.toUpperCase()}</span><code>${path.replaceAll(/\{(\w+)\}/g, ':$1')}</code>`
      assert.ok(text.includes(route), route)
      assert.ok(text.includes(summary.replaceAll("'", '&#39;')), summary)
    }
  }
  for (const field of ['email', 'password', 'reset_token', 'new_password', 'current_password', 'metadata'])
    assert.ok(text.includes(`<td><code>${field}</code></td>`), field)
  const notOverHttp = ['unknown_attribute', 'configuration_invalid', 'database_refused', 'file_refused']
  for (const code of json.components.schemas.Error.properties.error.enum) {
    assert.equal(text.includes(`<code>${code}</code>`), !notOverHttp.includes(code), code)
  }
  assert.doesNotMatch(text, /<script|javascript:|\son\w+=/i)
  assert.doesNotMatch(text, /(?:href|src|action)="(?:\w+:)?\/\//, 'no other host')
})

test("the operator's name is text on every page, whatever is in it (R221, R225)", async () => {
  await using app = await startTestApp({ env: { BIENVENUE_NAME: NASTY_NAME } })
  for (const path of ['/', '/docs']) {
    const { text } = await app.request('GET', path, { headers: { accept: 'text/html' } })
    assert.ok(!text.includes('<script'), path)
    assert.ok(!text.includes('<b>'), path)
    assert.ok(text.includes('&lt;/title&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;&lt;b&gt;'), path)
  }
})

test('a public URL with quotes and angles in its path stays text on every page', async () => {
  await using app = await startTestApp({ env: { BIENVENUE_PUBLIC_URL: `http://localhost:5000/"><script>alert('1')</script>` } })
  const prefix = app.config.publicUrl.pathPrefix
  for (const path of ['/', '/docs']) {
    const { text, status } = await app.request('GET', `${prefix}${path}`, { headers: { accept: 'text/html' } })
    assert.equal(status, 200)
    assert.doesNotMatch(text, /<script/, path)
  }
})

test('the stylesheet is ours and may be kept for a while', async () => {
  await using app = await startTestApp()
  const answer = await app.request('GET', '/style.css')
  assert.equal(answer.headers.get('content-type'), 'text/css; charset=utf-8')
  assert.match(answer.headers.get('cache-control') ?? '', /^public, max-age=\d+$/)
  assert.doesNotMatch(answer.text, /@import|url\(/, 'loads nothing')
})
