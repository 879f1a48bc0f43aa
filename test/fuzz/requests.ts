import fc from 'fast-check'

/** A request as the fuzzer makes it up; readable, so that a counterexample tells what happened. */
export interface MadeUpRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | null
}

/** Stand for what only the running service knows. */
export const SESSION = '<<session>>'
export const RESET_TOKEN = '<<reset token>>'
export const USER = 'bob@bob.com'

const ROUTES: Readonly<Record<string, readonly string[]>> = {
  '/': ['GET'],
  '/users': ['POST'],
  '/sessions': ['POST', 'GET', 'DELETE'],
  '/profile': ['GET'],
  '/reset_password': ['POST', 'PUT'],
  '/sessions/current': ['GET'],
  '/sessions/others': ['DELETE'],
  '/account': ['GET', 'PATCH'],
  '/account/password': ['PUT'],
  '/healthz': ['GET'],
  '/readyz': ['GET'],
  '/openapi.json': ['GET'],
  '/docs': ['GET'],
  '/style.css': ['GET'],
  '/pages.js': ['GET'],
  '/login': ['GET'],
  '/login/code': ['GET'],
  '/register': ['GET'],
  '/verify': ['GET'],
  '/reset': ['GET'],
  '/forms/login': ['POST'],
  '/forms/register': ['POST'],
  '/forms/request-reset': ['POST'],
  '/forms/reset': ['POST'],
  '/forms/logout': ['POST'],
}
/** Fields that take a hash's time once they are a string; most requests have something else there, or the run would take minutes. */
const HASHED = ['password', 'new_password', 'current_password']
const FIELDS = ['email', 'reset_token', 'name', 'metadata', ...HASHED]
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'QUERY', 'post', 'X']

/** Strings that have broken a parser, a database or a template somewhere. */
const NASTY = [
  '',
  ' ',
  '\0',
  'a\0b',
  'bob\0@bob.com',
  '\ud800',
  'a\udc00b',
  '\ufeffa',
  '\u202e',
  '\r\nSet-Cookie: a=b',
  "' or 1=1 --",
  '"; drop table users; --',
  '<script>alert(1)</script>',
  '{{7*7}}',
  '../../etc/passwd',
  '%00',
  '%',
  '__proto__',
  'constructor',
  'undefined',
  'null',
  'NaN',
  '1e999',
  'bob@bob.com\n',
  'BOB@BOB.COM',
  'bob@bob.com@bob.com',
  '@',
  'a@b',
  `${'a'.repeat(64)}@${'b'.repeat(63)}.com`,
  'x'.repeat(1_025),
  'x'.repeat(15_000),
  'x'.repeat(20_000),
  '\u{1f600}'.repeat(300),
  'e\u0301',
]

const nastyText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NASTY) },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
)
/** Most bugs are where fields are read. */
const WITH_FIELDS = ['/users', '/sessions', '/reset_password', '/account', '/account/password']
const path = fc.oneof(
  { weight: 14, arbitrary: fc.constantFrom(...WITH_FIELDS) },
  { weight: 12, arbitrary: fc.constantFrom(...Object.keys(ROUTES)) },
  { weight: 2, arbitrary: fc.constantFrom('/sessions/%', '/sessions/%zz', '/sessions/%ff', '/sessions/%00') },
  { weight: 2, arbitrary: fc.uuid().map((id) => `/sessions/${id}`) },
  { weight: 1, arbitrary: nastyText.map((text) => `/sessions/${encodeURIComponent(text.toWellFormed())}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...Object.keys(ROUTES)),
        fc.constantFrom('/', '//', ';x', '%2f', '%00', '%zz', '/..', '?', '?a=b&a=c', '?email=x', '.json', '#x'),
      )
      .map(([route, end]) => route + end),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('//profile', '/PROFILE', '/./profile', '/%70rofile', '/..;/account', '/*', '/.env', '/\\profile'),
  },
  { weight: 1, arbitrary: fc.webPath().map((text) => `/${text.replace(/^\/+/, '')}`) },
)

/** A method that the path has, most of the time, and one that reads fields where there is one. */
function methodFor(chosen: string): fc.Arbitrary<string> {
  const real = ROUTES[chosen.split(/[?#]/)[0] ?? ''] ?? ['DELETE', 'GET']
  const reading = real.filter((method) => /^P/.test(method))
  return fc.oneof(
    { weight: reading.length > 0 ? 12 : 0, arbitrary: fc.constantFrom(...(reading.length > 0 ? reading : ['POST'])) },
    { weight: 6, arbitrary: fc.constantFrom(...real) },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  )
}

/** What a header may hold at all: Latin-1 without line breaks and NUL. */
const headerText = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.stringMatching(/^[\x20-\xff]{0,40}$/),
  fc.constantFrom('', '*', '*/*', '%', '"', ';', ',', '=', ';;==;;', 'x'.repeat(9_000)),
)
const cookie = fc.oneof(
  { weight: 4, arbitrary: fc.constant(`session_id=${SESSION}`) },
  fc.constantFrom(
    `a=1; session_id=${SESSION}; b=2`,
    `session_id=${SESSION}; session_id=x`,
    `Session_id=${SESSION}`,
    `__Host-session_id=${SESSION}`,
    'session_id=',
    'session_id',
    'session_id="x"',
    'session_id=%00',
  ),
  fc.base64String({ maxLength: 60 }).map((text) => `session_id=${text}`),
  headerText,
)
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 30, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })
}

/** Each on its own seldom, so that most requests get past the first guards. */
const hostileHeaders = fc.record(
  Object.fromEntries(
    Object.entries({
      host: fc.oneof(fc.constantFrom('localhost', 'evil.example', 'localhost@evil.example', '[::1]:5000', ''), headerText),
      origin: fc.oneof(fc.constantFrom('null', 'http://localhost:5000', 'http://localhost:3000', 'https://evil.example'), headerText),
      'sec-fetch-site': fc.oneof(fc.constantFrom('same-origin', 'none', 'same-site', 'cross-site'), headerText),
      'x-forwarded-for': fc.oneof(fc.constantFrom('127.0.0.1', '203.0.113.9', '127.0.0.1, 203.0.113.9'), headerText),
      forwarded: fc.oneof(fc.constantFrom('for=127.0.0.1', 'for=203.0.113.9', 'for="', 'for=;;,'), headerText),
      accept: fc.oneof(fc.constantFrom('application/json', 'text/html', 'image/*;q=0'), headerText),
      'accept-language': headerText,
      authorization: fc.oneof(fc.constantFrom('Bearer', 'Basic Og==', 'Basic %', 'Digest username="'), headerText),
      'user-agent': headerText,
      range: fc.constantFrom('bytes=0-', 'bytes=-1', 'x'),
      'if-none-match': headerText,
      'content-encoding': fc.constantFrom('gzip', 'identity', 'br', ''),
      'content-length': fc.constantFrom('0', '5', '99999999', '-1', 'x', '1e9'),
      'x-http-method-override': fc.constantFrom('DELETE', 'PUT'),
      'x-request-id': headerText,
    }).map(([name, arbitrary]) => [name, seldom(arbitrary)]),
  ),
)

const jsonValue = fc.oneof(
  { weight: 3, arbitrary: nastyText as fc.Arbitrary<unknown> },
  { weight: 3, arbitrary: fc.constantFrom<unknown>(null, true, false, 0, -1, 1e308, [], {}, [[]], ['a'], { a: 1 }, { $ne: null }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 12 }) },
)
const goodValues: Readonly<Record<string, unknown>> = {
  email: USER,
  password: 'mySuperPwd',
  current_password: 'wrong',
  new_password: 'another',
  reset_token: RESET_TOKEN,
  name: 'Bob',
  metadata: { a: 1 },
}
/** The fields that a path reads, most of them there, and now and then others. */
const FIELDS_OF: Readonly<Record<string, readonly string[]>> = {
  '/users': ['email', 'password'],
  '/sessions': ['email', 'password'],
  '/reset_password': ['email', 'reset_token', 'new_password'],
  '/account': ['name', 'metadata'],
  '/account/password': ['current_password', 'new_password'],
}
const GOOD = Symbol('the good value')
type Pairs = readonly (readonly [name: string, value: unknown])[]

function fieldsFor(chosen: string): fc.Arbitrary<Pairs> {
  const names = FIELDS_OF[chosen] ?? FIELDS
  const value = fc.oneof(
    { weight: 5, arbitrary: fc.constant<unknown>(GOOD) },
    { weight: 5, arbitrary: jsonValue },
    { weight: 1, arbitrary: fc.constant(undefined) },
  )
  const others = fc.oneof(fc.constantFrom(...FIELDS, '__proto__', 'constructor', 'email[]', 'a[b]', ''), fc.string({ maxLength: 10 }))
  return fc
    .tuple(
      fc.array(value, { minLength: names.length, maxLength: names.length }),
      fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.dictionary(others, jsonValue, { maxKeys: 2 }) }),
      // Half of them may reach the hash.
      fc.integer({ min: 1, max: 2 }),
    )
    .map(([values, more, dice]) => {
      const known = names.map((name, at): [string, unknown] => [name, values[at] === GOOD ? goodValues[name] : values[at]])
      const all = { ...more, ...Object.fromEntries(known) }
      return Object.entries(all).filter(
        ([name, given]) => given !== undefined && (dice === 1 || !HASHED.includes(name) || typeof given !== 'string'),
      )
    })
}

type Typed = { readonly body: MadeUpRequest['body']; readonly type: string | null }

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function asForm(pairs: Pairs): string {
  return new URLSearchParams(pairs.map(([name, value]) => [name, asText(value)])).toString()
}

function asMultipart(pairs: Pairs): string {
  const parts = pairs.map(([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${asText(value)}\r\n`)
  return `${parts.join('')}--x--\r\n`
}

const FORM = 'application/x-www-form-urlencoded'
const MULTIPART = 'multipart/form-data; boundary=x'

/** In a form everything is text: what is hashed stays out of it, but for the good values that the dice let through. */
function forForm(pairs: Pairs): Pairs {
  return pairs.filter(([name, value]) => !HASHED.includes(name) || value === goodValues[name])
}

function bodyFor(chosen: string): fc.Arbitrary<Typed> {
  const fields = fieldsFor(chosen)
  return fc.oneof(
    { weight: 8, arbitrary: fields.map((pairs): Typed => ({ body: JSON.stringify(Object.fromEntries(pairs)), type: 'application/json' })) },
    { weight: 4, arbitrary: fields.map((pairs): Typed => ({ body: asForm(forForm(pairs)), type: FORM })) },
    { weight: 2, arbitrary: fields.map((pairs): Typed => ({ body: asMultipart(forForm(pairs)), type: MULTIPART })) },
    { weight: 1, arbitrary: fc.tuple(fields, fields).map(([a, b]): Typed => ({ body: `${asForm(a)}&${asForm(b)}`, type: FORM })) },
    { weight: 2, arbitrary: nonsense },
    { weight: 1, arbitrary: fc.constant<Typed>({ body: null, type: null }) },
  )
}

/** Bodies that are not what their type says, or of no type. */
const nonsense: fc.Arbitrary<Typed> = fc.record({
  body: fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.constantFrom('{', '[]', 'null', '{"email":1,"email":2}', '{"__proto__":{}}', '%zz=%', 'a=%ff', '&&&', '='),
    fc.integer({ min: 1, max: 3_000 }).map((depth) => `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    fc.json({ maxDepth: 12 }),
    nastyText,
  ),
  type: fc.oneof(
    fc.constantFrom('application/json', FORM, MULTIPART, 'multipart/form-data', 'text/plain', 'application/json; charset=utf-16', null),
    headerText,
  ),
})

/** Requests over all routes, from valid to hostile. */
export const madeUpRequest: fc.Arbitrary<MadeUpRequest> = path.chain((chosen) =>
  fc
    .record({
      method: methodFor(chosen),
      typed: bodyFor(chosen),
      headers: hostileHeaders,
      cookie: fc.option(cookie, { freq: 4 }),
    })
    .map(({ method, typed, headers, cookie: sent }) => {
      const given = Object.entries({ host: 'localhost', ...dropNull(headers), cookie: sent, 'content-type': typed.type })
      return {
        method,
        path: chosen,
        headers: dropNull(Object.fromEntries(given)),
        body: method === 'GET' || method === 'HEAD' ? null : typed.body,
      }
    }),
)

function dropNull(headers: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null))
}
