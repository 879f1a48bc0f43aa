import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokenIn } from '../../test/mail-links.ts'
import { misfits, type Schema } from '../../test/openapi-schema.ts'
import { authenticatorOf, totpCode } from '../../test/second-factors.ts'
import { hardenedEnv, sessionOf, startTestApp, type TestApp, type TestRequest, type TestResponse } from '../../test/test-app.ts'
import { queueMail } from '../mail/mail.ts'

interface Operation {
  readonly summary: string
  readonly security?: object[]
  readonly parameters?: { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: Schema }[]
  readonly requestBody?: { readonly required: boolean; readonly content: Record<string, { readonly schema: Schema }> }
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, { readonly schema?: Schema }> }>
}
interface OpenApi {
  readonly openapi: string
  readonly info: {
    readonly title: string
    readonly version: string
    readonly license: { readonly name: string; readonly identifier: string }
  }
  readonly servers: { readonly url: string }[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, Schema>; readonly securitySchemes: Record<string, object> }
}

async function documentOf(app: TestApp): Promise<OpenApi> {
  return (await app.request('GET', `${app.config.publicUrl.pathPrefix}/openapi.json`)).json
}

async function queueSample({ auth: { deps } }: TestApp): Promise<void> {
  const mail = { to: 'bob@bob.com', userId: null, message: { kind: 'password_changed' } } as const
  await deps.database.inTransaction((tx) => queueMail(deps, tx, mail))
}

function operationsOf(document: OpenApi) {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
  )
}

test('the document has the structure of OpenAPI 3.1', async () => {
  await using app = await startTestApp()
  const document = await documentOf(app)
  assert.match(document.openapi, /^3\.1\.\d+$/)
  assert.deepEqual(Object.keys(document).sort(), ['components', 'info', 'openapi', 'paths', 'servers'])
  assert.deepEqual(document.info.license, { name: 'MIT', identifier: 'MIT' })
  assert.deepEqual(document.servers, [{ url: 'http://localhost:5000' }])
  assert.deepEqual(document.components.securitySchemes, { session: { type: 'apiKey', in: 'cookie', name: 'session_id' } })
  for (const { path, method, operation } of operationsOf(document)) {
    const what = `${method} ${path}`
    assert.match(path, /^\//, what)
    assert.match(method, /^(get|post|put|patch|delete)$/, what)
    assert.ok(operation.summary, what)
    assert.ok(Object.keys(operation.responses).length > 0, what)
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      assert.match(status, /^[1-5]\d\d$/, what)
      assert.ok(description, `${what} ${status}`)
      for (const type of Object.keys(content ?? {})) assert.match(type, /^[a-z]+\/[a-z.+-]+$/, what)
    }
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path' && parameter.required)
    assert.deepEqual(
      declared.map(({ name }) => name),
      named,
      `${what}: every parameter of the path is declared`,
    )
    for (const requirement of operation.security ?? [])
      for (const scheme of Object.keys(requirement)) assert.ok(Object.hasOwn(document.components.securitySchemes, scheme), what)
    if (method === 'get') assert.equal(operation.requestBody, undefined, what)
  }
})

test('every schema of the document is one that can be checked', async () => {
  await using app = await startTestApp()
  const document = await documentOf(app)
  for (const { operation } of operationsOf(document)) {
    const bodies = [...Object.values(operation.responses), operation.requestBody]
    // It throws for words that it does not know and references that lead nowhere.
    for (const body of bodies)
      for (const { schema } of Object.values(body?.content ?? {}))
        for (const value of [{}, [{}], 'text', 1, null]) if (schema) misfits(schema, value, document)
  }
})

test('the document follows the configuration: prefix and cookie name', async () => {
  const env = hardenedEnv({
    BIENVENUE_PUBLIC_URL: 'https://app.example.com/auth',
    BIENVENUE_TRUSTED_PROXIES: 'none',
    BIENVENUE_NAME: 'Example',
  })
  await using app = await startTestApp({ env })
  const document = await documentOf(app)
  assert.deepEqual(document.servers, [{ url: 'https://app.example.com/auth' }])
  assert.deepEqual(document.components.securitySchemes.session, { type: 'apiKey', in: 'cookie', name: '__Host-session_id' })
  assert.equal(document.info.title, 'Example')
})

/** Classic keeps its mails. */
async function newestToken(app: TestApp, kind: string): Promise<string> {
  await app.sendMails()
  const { json } = await app.request('GET', '/dev/mailbox')
  return tokenIn(json.mails.find((mail: { kind: string }) => mail.kind === kind))
}

test('every answer that the service gives is one that the document declares, to the last key', async () => {
  await using app = await startTestApp()
  const document = await documentOf(app)
  const seen = new Set<string>()

  /** Ask, and hold what comes against the document. */
  async function ask(status: number, method: string, path: string, request: TestRequest = {}, at: TestApp = app): Promise<TestResponse> {
    const answer = await at.request(method, path, request)
    const template = (path.split('?')[0] ?? '').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '{id}')
    const what = `${method} ${path} ${answer.status}`
    assert.equal(answer.status, status, `${what}: ${answer.text}`)
    const response = document.paths[template]?.[method.toLowerCase()]?.responses[status]
    assert.ok(response, `${what} is not declared`)
    const type = answer.headers.get('content-type')?.split(';')[0]
    if (type === undefined) assert.equal(response.content, undefined, what)
    else {
      assert.ok(response.content?.[type], `${what} as ${type} is not declared`)
      const { schema } = response.content[type]
      if (schema) assert.deepEqual(misfits(schema, answer.json, document), [], what)
    }
    const code = answer.json?.error
    if (code !== undefined) assert.ok(response.description.includes(`\`${code}\``), `${what}: ${code} is not among ${response.description}`)
    seen.add(`${method.toLowerCase()} ${template} ${status}`)
    return answer
  }

  const bob = { email: 'bob@bob.com', password: 'mySuperPwd' }
  for (const path of ['/', '/healthz', '/readyz', '/openapi.json', '/docs', '/metrics']) await ask(200, 'GET', path)

  await ask(200, 'POST', '/users', { form: bob })
  await ask(400, 'POST', '/users', { form: bob })
  await ask(400, 'POST', '/users', { form: { email: 'bob' } })
  await ask(400, 'POST', '/users', { form: { email: 'no address', password: 'x' } })
  await ask(400, 'POST', '/users', { form: { email: 'a@a.com', password: 'x'.repeat(300) } })
  await ask(400, 'POST', '/users', { json: { email: 1, password: 'x' } })
  await ask(400, 'POST', '/users', { body: 'a=%', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  await ask(400, 'POST', '/users', { body: 'a=1&a=2', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  await ask(413, 'POST', '/users', { form: { email: 'x'.repeat(20_000) } })
  await ask(415, 'POST', '/users', { body: 'x' })
  await ask(403, 'POST', '/users', { form: bob, headers: { 'sec-fetch-site': 'cross-site' } })
  await ask(403, 'POST', '/users', { form: bob, headers: { 'x-forwarded-for': '203.0.113.9' } })
  await using closed = await startTestApp({ env: { BIENVENUE_REGISTRATION: 'closed' } })
  await ask(403, 'POST', '/users', { form: bob }, closed)
  await using strict = await startTestApp({ env: hardenedEnv() })
  await ask(400, 'POST', '/users', { form: { ...bob, email: 'x@x.com', password: 'short' } }, strict)

  await app.sendMails()
  app.clock.advance(1)
  await ask(200, 'POST', '/email_verification', { json: { email: bob.email } })
  await ask(400, 'POST', '/email_verification', { json: { email: 'no address' } })
  const verification = await newestToken(app, 'verify_address')
  await ask(403, 'PUT', '/email_verification', { json: { token: verification, password: 'wrong' } })
  await ask(200, 'PUT', '/email_verification', { json: { token: verification, password: bob.password } })
  await ask(403, 'PUT', '/email_verification', { json: { token: verification } })
  await ask(200, 'POST', '/login_codes', { json: { email: bob.email } })
  await ask(400, 'POST', '/login_codes', { json: { email: bob.email, extra: 1 } })
  await ask(200, 'POST', '/sessions', { json: { token: await newestToken(app, 'login_code') } })

  await ask(200, 'POST', '/sessions', { form: bob })
  await ask(401, 'POST', '/sessions', { form: { ...bob, password: 'wrong' } })
  await ask(401, 'POST', '/sessions')
  await ask(400, 'POST', '/sessions', { json: { ...bob, password: [] } })
  await ask(415, 'POST', '/sessions', { body: 'x' })
  let session = await app.logIn(bob.email, bob.password)

  for (const path of ['/profile', '/sessions', '/sessions/current', '/account', '/account/events']) {
    await ask(200, 'GET', path, { session })
    await ask(403, 'GET', path)
    await ask(403, 'GET', path, { headers: { origin: 'https://evil.example' } })
  }
  await ask(200, 'PATCH', '/account', { session, json: { name: 'Bob', metadata: { deep: { list: [1, null] } } } })
  await ask(200, 'GET', '/account', { session })
  await ask(200, 'GET', '/sessions/current', { session })
  await ask(200, 'PATCH', '/account', { session, json: { name: null, metadata: null } })
  await ask(400, 'PATCH', '/account', { session, json: { name: 'x'.repeat(65) } })
  await ask(400, 'PATCH', '/account', { session, json: { metadata: { x: 'x'.repeat(5_000) } } })
  await ask(400, 'PATCH', '/account', { session, json: { email: 'new@new.com' } })
  await ask(403, 'PATCH', '/account', { json: {} })
  await ask(400, 'GET', '/account/events?limit=0', { session })

  const others = await app.logIn(bob.email, bob.password)
  await ask(200, 'DELETE', '/sessions/others', { session })
  await ask(400, 'DELETE', '/sessions/others', { session, json: { x: 1 } })
  await ask(403, 'DELETE', '/sessions/others', { session: others })
  await app.logIn(bob.email, bob.password)
  const { json } = await app.request('GET', '/sessions', { session })
  const other = json.sessions.find((listed: { current: boolean }) => !listed.current)
  await ask(200, 'DELETE', `/sessions/${other.id}`, { session })
  await ask(404, 'DELETE', `/sessions/${other.id}`, { session })
  await ask(403, 'DELETE', `/sessions/${other.id}`)

  const { headers } = await ask(200, 'POST', '/reauthentication', { session, json: { password: bob.password } })
  session = sessionOf({ headers }) ?? ''
  await ask(403, 'POST', '/reauthentication', { session, json: { password: 'wrong' } })
  await ask(403, 'POST', '/reauthentication', { json: { password: 'wrong' } })
  await ask(200, 'GET', '/account/export', { session })
  await ask(403, 'GET', '/account/export')
  await ask(200, 'POST', '/account/email', { session, json: { email: 'new@bob.com' } })
  await ask(400, 'POST', '/account/email', { session, json: { email: '' } })
  for (const kind of ['confirm_new_address', 'address_change_requested'])
    await ask(200, 'PUT', '/account/email', { json: { token: await newestToken(app, kind) } })
  await ask(403, 'PUT', '/account/email', { json: { token: 'x' } })
  bob.email = 'new@bob.com'

  const passwords = { current_password: bob.password, new_password: 'another' }
  await ask(403, 'PUT', '/account/password', { form: passwords })
  await ask(403, 'PUT', '/account/password', { session, form: { ...passwords, current_password: 'wrong' } })
  await ask(400, 'PUT', '/account/password', { session, form: { ...passwords, new_password: '' } })
  await ask(400, 'PUT', '/account/password', { session, form: { ...passwords, new_password: 'x'.repeat(300) } })
  await ask(400, 'PUT', '/account/password', { session, form: { ...passwords, extra: '1' } })
  await ask(200, 'PUT', '/account/password', { session, form: passwords })

  const { json: asked } = await ask(200, 'POST', '/reset_password', { form: { email: bob.email } })
  await ask(403, 'POST', '/reset_password', { form: { email: 'nobody@bob.com' } })
  await ask(403, 'POST', '/reset_password')
  await ask(400, 'POST', '/reset_password', { json: { email: {} } })
  const reset = { email: bob.email, reset_token: asked.reset_token, new_password: 'a third' }
  await ask(400, 'PUT', '/reset_password', { form: { ...reset, new_password: '' } })
  await ask(400, 'PUT', '/reset_password', { form: { ...reset, new_password: 'x'.repeat(300) } })
  await ask(403, 'PUT', '/reset_password')
  await ask(200, 'PUT', '/reset_password', { form: reset })
  await ask(403, 'PUT', '/reset_password', { form: reset })

  await queueSample(app)
  await ask(200, 'GET', '/dev/mailbox')

  await secondFactors(app, ask, { email: bob.email, password: 'a third' })

  const last = await app.logIn(bob.email, 'a third')
  await ask(200, 'DELETE', '/sessions', { session: last, headers: { accept: 'application/json' } })
  await ask(403, 'DELETE', '/sessions', { session: last })
  await ask(302, 'DELETE', '/sessions', { session: await app.logIn(bob.email, 'a third') })

  const leaving = await app.logIn(bob.email, 'a third')
  app.clock.advance(601)
  await ask(403, 'DELETE', '/account', { session: leaving })
  await ask(200, 'DELETE', '/account', { session: await app.logIn(bob.email, 'a third') })

  await app.register('ann@ann.com', 'a fourth')
  const token = await app.logIn('ann@ann.com', 'a fourth')
  await app.auth.deps.database.inTransaction((tx) => tx.schema.dropTable('sessions').execute())
  await ask(500, 'GET', '/profile', { session: token })

  const declared = operationsOf(document).flatMap(({ path, method, operation }) =>
    Object.keys(operation.responses)
      .filter((status) => Number(status) < 400)
      .map((status) => `${method} ${path} ${status}`),
  )
  assert.deepEqual(
    declared.filter((answer) => !seen.has(answer)),
    [],
    'every success that is declared was seen',
  )
})

type Ask = (status: number, method: string, path: string, request?: TestRequest) => Promise<TestResponse>

/** Adds each, logs in with it, and removes it. */
async function secondFactors(app: TestApp, ask: Ask, { email, password }: { email: string; password: string }): Promise<void> {
  const authenticator = authenticatorOf(app)
  const logsIn = { json: { email, password } }
  const first = await app.logIn(email, password)
  const { secret } = (await ask(200, 'POST', '/totp', { session: first })).json
  await ask(403, 'PUT', '/totp', { session: first, json: { code: '000000' } })
  const enrolled = await ask(200, 'PUT', '/totp', { session: first, json: { code: totpCode(app, secret) } })
  let session = sessionOf(enrolled) ?? ''
  await ask(409, 'PUT', '/totp', { session, json: { code: totpCode(app, secret) } })

  async function creation(of: string) {
    return (await ask(200, 'POST', '/passkeys/options', { session: of })).json
  }
  app.clock.advance(30)
  const { ticket } = (await ask(401, 'POST', '/sessions', logsIn)).json
  await ask(401, 'PUT', '/sessions', { json: { ticket, totp_code: '000000' } })
  session = sessionOf(await ask(200, 'PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })) ?? ''
  await ask(401, 'PUT', '/sessions', { json: { ticket, totp_code: totpCode(app, secret) } })
  await ask(400, 'PUT', '/sessions', { json: { ticket } })

  const passkey = await authenticator.create(await creation(session))
  const added = await ask(200, 'POST', '/passkeys', { session, json: { passkey, name: 'Laptop' } })
  session = sessionOf(added) ?? ''
  await ask(403, 'POST', '/passkeys', { session, json: { passkey, name: 'Laptop' } })
  await ask(200, 'GET', '/passkeys', { session })
  await ask(200, 'PATCH', `/passkeys/${added.json.id}`, { session, json: { name: 'Old laptop' } })
  const requested = (await ask(200, 'POST', '/sessions/passkey_options')).json
  await ask(200, 'POST', '/sessions', { json: { passkey: await authenticator.get(requested) } })
  const again = (await ask(200, 'POST', '/reauthentication/passkey_options', { session })).json
  session = sessionOf(await ask(200, 'POST', '/reauthentication', { session, json: { passkey: await authenticator.get(again) } })) ?? ''
  await ask(200, 'POST', '/recovery_codes', { session })
  await ask(200, 'GET', '/account/export', { session })
  await ask(200, 'DELETE', `/passkeys/${added.json.id}`, { session })
  await ask(404, 'DELETE', `/passkeys/${added.json.id}`, { session })
  await ask(200, 'DELETE', '/totp', { session })
  await ask(404, 'DELETE', '/totp', { session })
}

test('the request schemas of the document accept what the service accepts, and refuse what it refuses', async () => {
  await using app = await startTestApp()
  const document = await documentOf(app)
  const schemaOf = (method: string, path: string) => {
    const schema = document.paths[path]?.[method]?.requestBody?.content['application/json']?.schema
    assert.ok(schema, `${method} ${path}`)
    return schema
  }
  const inputs: [method: string, path: string, body: Record<string, unknown>][] = [
    ['post', '/users', { email: 'a@a.com', password: 'x' }],
    ['post', '/sessions', { email: 'a@a.com', password: 'x' }],
    ['post', '/reset_password', { email: 'a@a.com' }],
    ['put', '/reset_password', { email: 'a@a.com', reset_token: 'x', new_password: 'x' }],
    ['put', '/account/password', { current_password: 'x', new_password: 'y' }],
  ]
  for (const [method, path, body] of inputs) {
    const schema = schemaOf(method, path)
    assert.deepEqual(misfits(schema, body, document), [], path)
    for (const field of Object.keys(body)) {
      const { [field]: _, ...without } = body
      assert.notDeepEqual(misfits(schema, without, document), [], `${path} without ${field}`)
      for (const value of [null, 1, true, [], {}])
        assert.notDeepEqual(misfits(schema, { ...body, [field]: value }, document), [], `${path} ${field}=${JSON.stringify(value)}`)
    }
  }
  const account = schemaOf('patch', '/account')
  for (const body of [{}, { name: 'Bob' }, { name: null }, { metadata: { a: 1 } }, { metadata: null }])
    assert.deepEqual(misfits(account, body, document), [])
  for (const body of [{ name: 1 }, { metadata: [] }, { metadata: 'x' }]) assert.notDeepEqual(misfits(account, body, document), [])
})
