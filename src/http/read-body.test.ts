import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { rawRequest } from '../../test/raw-request.ts'
import { startTestApp, type TestApp } from '../../test/test-app.ts'
import { toNodeHandler } from './node-handler.ts'
import { MAX_BODY_BYTES } from './read-body.ts'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'

/** Register with a body of one's own making. */
async function post(app: TestApp, contentType: string | null, body: string | Uint8Array, more: Record<string, string> = {}) {
  const answer = await app.request('POST', '/users', {
    // Bytes, so that fetch adds no content type of its own.
    body: typeof body === 'string' ? new TextEncoder().encode(body) : new Uint8Array(body),
    headers: { ...(contentType !== null && { 'content-type': contentType }), ...more },
  })
  return {
    status: answer.status,
    error: answer.json.error,
    field: answer.json.field,
    email: answer.json.email,
    message: answer.json.message,
  }
}

test('a form, a multipart form of plain fields and JSON say the same', async () => {
  await using app = await startTestApp()
  const multipart = new FormData()
  multipart.append('email', 'c@c.com')
  multipart.append('password', 'x')
  assert.equal((await post(app, FORM, 'email=a%40a.com&password=x')).email, 'a@a.com')
  assert.equal((await post(app, JSON_TYPE, '{"email":"b@b.com","password":"x"}')).email, 'b@b.com')
  assert.equal((await app.request('POST', '/users', { body: multipart })).json.email, 'c@c.com')
  assert.equal((await post(app, `${FORM}; charset=UTF-8`, 'email=d%40d.com&password=x')).email, 'd@d.com')
  assert.equal((await post(app, 'Application/JSON; Charset="utf-8"', '{"email":"e@e.com","password":"x"}')).email, 'e@e.com')
})

test('other content types, other charsets and none at all are refused with 415 (R088)', async () => {
  await using app = await startTestApp()
  const body = '{"email":"bob@bob.com","password":"x"}'
  for (const type of [
    null,
    'text/plain',
    'text/plain;application/json',
    'application/xml',
    'application/jsonp',
    'application/json+x',
    'application/vnd.api+json',
    'json',
    '*/*',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/x-www-form-urlencoded; charset=iso-8859-1',
    'application/json, text/plain',
    'application/json; charset=utf-8, text/plain',
    'application/json; x=y, text/plain',
  ])
    assert.deepEqual([type, (await post(app, type, body)).error], [type, 'media_type_unsupported'])
})

test('two Content-Type headers are refused with 415 (R088)', async () => {
  await using app = await startTestApp()
  for (const [first, second] of [
    [JSON_TYPE, 'text/plain'],
    ['text/plain', JSON_TYPE],
    [`${JSON_TYPE}; x=y`, 'text/plain'],
    [JSON_TYPE, JSON_TYPE],
    ['multipart/form-data; boundary=x', JSON_TYPE],
  ]) {
    const head = `POST /users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${first}\r\nContent-Type: ${second}\r\n`
    assert.equal((await rawRequest(app.url, `${head}Content-Length: 2\r\n\r\n{}`)).status, 415, `${first} and ${second}`)
  }
})

test('a request without a body needs no content type', async () => {
  await using app = await startTestApp()
  const answer = await app.request('POST', '/users')
  assert.deepEqual([answer.status, answer.json.error, answer.json.field], [400, 'field_required', 'email'])
})

test('a file is refused with 415, and named', async () => {
  await using app = await startTestApp()
  const form = new FormData()
  form.append('email', 'bob@bob.com')
  form.append('password', new File(['x'], 'password.txt'))
  const answer = await app.request('POST', '/users', { body: form })
  assert.deepEqual([answer.status, answer.json.error], [415, 'media_type_unsupported'])
  assert.match(answer.json.message, /"password" is a file/)
})

test('multipart that is cut off, has no boundary or is something else is refused with 400', async () => {
  await using app = await startTestApp()
  const part = '--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nbob@bob.com\r\n'
  for (const [type, body] of [
    ['multipart/form-data', `${part}--x--\r\n`],
    ['multipart/form-data; boundary=y', `${part}--x--\r\n`],
    ['multipart/form-data; boundary=x', part],
    ['multipart/form-data; boundary=x', '--x\r\n\r\n\r\n--x--'],
    ['multipart/form-data; boundary=x', 'email=bob@bob.com'],
    ['multipart/form-data; boundary=', `${part}--x--\r\n`],
  ] as const)
    assert.deepEqual([type, (await post(app, type, body)).error], [type, 'body_malformed'])
})

test('16 KiB are read, one byte more is refused with 413, with a length or in chunks (R256)', async () => {
  await using app = await startTestApp()
  const head = (more: string) => `POST /users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: ${FORM}\r\n${more}\r\n\r\n`
  const body = (bytes: number) => `x=${'a'.repeat(bytes - 2)}`
  const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
  const statuses = async (bytes: number) => [
    (await rawRequest(app.url, head(`Content-Length: ${bytes}`) + body(bytes))).status,
    (await rawRequest(app.url, head('Transfer-Encoding: chunked') + chunked(body(bytes)))).status,
  ]
  assert.deepEqual(await statuses(MAX_BODY_BYTES), [400, 400], 'read, and the fields are missing')
  assert.deepEqual(await statuses(MAX_BODY_BYTES + 1), [413, 413])
  assert.deepEqual(await statuses(MAX_BODY_BYTES * 8), [413, 413])
  assert.equal((await rawRequest(app.url, head('Content-Length: 99999999999'))).status, 413, 'announced, not sent')
})

test('a connection on which a body was too large is closed: its rest is not taken for a request', async () => {
  await using app = await startTestApp()
  const smuggled = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const head = `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${FORM}\r\nContent-Length: 20000\r\n\r\n`
  const answer = await rawRequest(app.url, head + smuggled)
  assert.equal(answer.status, 413)
  assert.equal(answer.headers.get('connection'), 'close')
  assert.doesNotMatch(answer.body, /"status":"ok"/)
})

test('a compressed body is refused with 415, whatever it would become (R256)', async () => {
  await using app = await startTestApp()
  const bomb = gzipSync(Buffer.alloc(10_000_000, 'a'))
  for (const encoding of ['gzip', 'deflate', 'br', 'GZIP', 'identity, gzip'])
    assert.equal(
      (await post(app, FORM, bomb.subarray(0, 16_000), { 'content-encoding': encoding })).error,
      'media_type_unsupported',
      encoding,
    )
  assert.equal((await post(app, FORM, 'email=a%40a.com&password=x', { 'content-encoding': 'identity' })).status, 200)
})

test('a body that ends too early is the client’s fault, and no bug of ours', async () => {
  await using app = await startTestApp()
  await new Promise<void>((resolve) => {
    const { port } = new URL(app.url)
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(`POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 100\r\n\r\n{"email`, () =>
        socket.end(),
      )
    })
    socket.resume().on('close', () => resolve())
  })
  const malformedChunk = `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`
  assert.equal((await rawRequest(app.url, malformedChunk)).status, 400)
  // The requests are over when the next one is answered.
  assert.equal((await app.request('GET', '/healthz')).status, 200)
  assert.deepEqual(
    app.logLines.filter((line) => line.event === 'bug' || line.status === 500),
    [],
  )
})

test('a client that is gone before its body is asked for leaves no request waiting', async () => {
  const refused = Promise.withResolvers<unknown>()
  const server = createServer(
    toNodeHandler({
      async answer(ask) {
        await gone
        await ask.readBytes(MAX_BODY_BYTES).then(refused.resolve, refused.reject)
        return { status: 200, body: null, headers: {} }
      },
    }),
  )
  const gone = new Promise<void>((resolve) => {
    server.once('request', (incoming) => incoming.once('close', resolve))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1', () => socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{'))
    server.once('request', () => socket.destroy())
    await assert.rejects(refused.promise, { code: 'body_malformed' })
  } finally {
    server.close()
  }
})

test('bytes that are no UTF-8 are refused, never replaced (R006)', async () => {
  await using app = await startTestApp()
  const withByte = (before: string, bytes: number[], after: string) =>
    Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
  for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
    assert.equal((await post(app, FORM, withByte('email=a%40a.com&password=', bytes, ''))).error, 'body_malformed', `form ${bytes}`)
    assert.equal(
      (await post(app, JSON_TYPE, withByte('{"email":"a@a.com","password":"', bytes, '"}'))).error,
      'body_malformed',
      `JSON ${bytes}`,
    )
    const percent = bytes.map((byte) => `%${byte.toString(16)}`).join('')
    assert.equal((await post(app, FORM, `email=a%40a.com&password=${percent}`)).error, 'body_malformed', `form ${percent}`)
  }
})

test('half of a surrogate pair in JSON is refused, and the field named (R006)', async () => {
  await using app = await startTestApp()
  for (const text of ['\\ud800', 'a\\udc00b', '\\udc00\\ud800']) {
    const { status, error, field } = await post(app, JSON_TYPE, `{"email":"a@a.com","password":"${text}"}`)
    assert.deepEqual([status, error, field], [400, 'field_invalid', 'password'], text)
  }
  // Where nothing is stored it is refused all the same, and not taken for a wrong password.
  const login = await app.request('POST', '/sessions', {
    body: '{"email":"a@a.com","password":"\\ud800"}',
    headers: { 'content-type': JSON_TYPE },
  })
  assert.deepEqual([login.status, login.json.error, login.json.field], [400, 'field_invalid', 'password'])
  assert.equal((await post(app, JSON_TYPE, '{"email":"a@a.com","password":"\\ud83d\\ude00"}')).status, 200, 'a whole pair is a character')
})

test('a malformed percent sign in a form is refused, and its place named (R264)', async () => {
  await using app = await startTestApp()
  for (const value of ['%', '%z', '%zz', '100%', '%4']) {
    const { status, error, message } = await post(app, FORM, `email=a%40a.com&password=${value}`)
    assert.deepEqual([status, error], [400, 'body_malformed'], value)
    assert.match(message, /the field "password"/)
  }
  assert.match((await post(app, FORM, '%zz=1')).message, /a field name/)
})

test('a field that comes twice is refused, and named (R259)', async () => {
  await using app = await startTestApp()
  const multipart = new FormData()
  for (const value of ['a@a.com', 'b@b.com']) multipart.append('email', value)
  const answers = [
    await post(app, FORM, 'email=a%40a.com&email=b%40b.com&password=x'),
    await post(app, FORM, 'email=a%40a.com&em%61il=b%40b.com&password=x'),
    await post(app, JSON_TYPE, '{"email":"a@a.com","email":"b@b.com","password":"x"}'),
    await post(app, JSON_TYPE, '{"email":"a@a.com","em\\u0061il":"b@b.com","password":"x"}'),
    (await app.request('POST', '/users', { body: multipart })).json,
  ]
  for (const { error, field } of answers) assert.deepEqual([error, field], ['field_repeated', 'email'])
  assert.equal(
    (await post(app, FORM, 'x=1&x=2&email=a%40a.com&password=x')).error,
    'field_repeated',
    'also one that the route does not read',
  )
  assert.equal(
    (await post(app, JSON_TYPE, '{"email":"a@a.com","password":"x","x":{"y":1,"y":2}}')).error,
    'field_repeated',
    'also further in',
  )
})

test('form fields are flat: brackets are part of a name (R259)', async () => {
  await using app = await startTestApp()
  for (const body of [
    'email[]=a%40a.com&password=x',
    'email[0]=a%40a.com&password=x',
    'user[email]=a%40a.com&password=x',
    'email.x=a&password=x',
  ]) {
    const { error, field } = await post(app, FORM, body)
    assert.deepEqual([error, field], ['field_required', 'email'], body)
  }
})

test('the query is no body (R259)', async () => {
  await using app = await startTestApp()
  const onlyQuery = await app.request('POST', '/users?email=a%40a.com&password=x')
  assert.deepEqual([onlyQuery.status, onlyQuery.json.field], [400, 'email'])
  const both = await app.request('POST', '/users?email=query%40a.com', { form: { email: 'body@a.com', password: 'x' } })
  assert.equal(both.json.email, 'body@a.com')
})

test('keys that reach a prototype are refused wherever they stand, and reach none (R258)', async () => {
  await using app = await startTestApp()
  for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__']) {
    for (const body of [`{"${key}":{"admin":true}}`, `{"email":"a@a.com","password":"x","x":{"y":[{"${key}":{"admin":true}}]}}`])
      assert.equal((await post(app, JSON_TYPE, body)).error, 'field_unknown', body)
  }
  for (const name of ['__proto__', 'constructor', '__proto__[admin]', 'a[__proto__][admin]', 'constructor.prototype.admin'])
    assert.equal((await post(app, FORM, `${name}=true`)).field, 'email', name)
  assert.equal(({} as Record<string, unknown>).admin, undefined)
  assert.equal((await post(app, JSON_TYPE, '{"email":"a@a.com","password":"__proto__"}')).status, 200, 'as a value it is text')
})

test('JSON deeper than 8 levels or wider than 64 keys is refused (R258)', async () => {
  await using app = await startTestApp()
  const nested = (depth: number, open: string, close: string) => `{"x":${open.repeat(depth)}${close.repeat(depth)}}`
  const refused = async (body: string) => (await post(app, JSON_TYPE, body)).error
  assert.equal(await refused(nested(7, '[', ']')), 'field_required', 'read')
  assert.equal(await refused(nested(8, '[', ']')), 'body_malformed')
  assert.equal(await refused(nested(1_000, '[', ']')), 'body_malformed')
  assert.equal(await refused(`${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`), 'body_malformed')
  const wide = (keys: number) => `{${Array.from({ length: keys }, (_, at) => `"k${at}":1`).join(',')}}`
  assert.equal(await refused(wide(64)), 'field_required', 'read')
  assert.equal(await refused(wide(65)), 'body_malformed')
  const fields = (count: number) => Array.from({ length: count }, (_, at) => `k${at}=1`).join('&')
  assert.equal((await post(app, FORM, fields(64))).error, 'field_required', 'read')
  assert.equal((await post(app, FORM, fields(65))).error, 'body_malformed')
})

test('what is not a JSON object is refused', async () => {
  await using app = await startTestApp()
  for (const body of [
    '[]',
    '"text"',
    '1',
    'null',
    'true',
    '{',
    '{"a":1',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":01}',
    '{"a":NaN}',
    '\ufeff{}',
    '{} {}',
    ' ',
    '\0',
    'undefined',
  ])
    assert.equal((await post(app, JSON_TYPE, body)).error, 'body_malformed', body)
})

test('every field of every route refuses every other type with a 4xx that names it (R260)', async () => {
  await using app = await startTestApp()
  await app.register('bob@bob.com', 'mySuperPwd')
  const session = await app.logIn('bob@bob.com', 'mySuperPwd')
  const routes: [method: string, path: string, fields: Record<string, string>][] = [
    ['POST', '/users', { email: 'new@new.com', password: 'x' }],
    ['POST', '/sessions', { email: 'bob@bob.com', password: 'mySuperPwd' }],
    ['POST', '/reset_password', { email: 'bob@bob.com' }],
    ['PUT', '/reset_password', { email: 'bob@bob.com', reset_token: 'x', new_password: 'y' }],
    ['PUT', '/account/password', { current_password: 'mySuperPwd', new_password: 'y' }],
    ['PATCH', '/account', { name: 'Bob' }],
  ]
  for (const [method, path, fields] of routes) {
    for (const field of Object.keys(fields)) {
      for (const value of [true, 0, 1e308, [], ['a'], {}, { a: 1 }, ...(path === '/account' ? [] : [null])]) {
        const answer = await app.request(method, path, { session, json: { ...fields, [field]: value } })
        const what = `${method} ${path} ${field}=${JSON.stringify(value)}`
        assert.deepEqual([answer.status, answer.json.error, answer.json.field], [400, 'field_invalid', field], what)
      }
      const long = await app.request(method, path, { session, json: { ...fields, [field]: 'x'.repeat(1_000_000) } })
      assert.equal(long.status, 413, `${method} ${path} ${field} of a million characters`)
      const nearly = await app.request(method, path, { session, json: { ...fields, [field]: 'x'.repeat(15_000) } })
      assert.ok(nearly.status >= 400 && nearly.status < 500, `${method} ${path} ${field} of 15 000 characters: ${nearly.status}`)
    }
  }
})
