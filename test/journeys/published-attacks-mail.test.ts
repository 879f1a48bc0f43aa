import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportEvents, listEvents } from '../../src/audit/audit.ts'
import { parseConfig } from '../../src/config.ts'
import type { Ask } from '../../src/http/ask.ts'
import { jsonText } from '../../src/json-text.ts'
import { makeLog } from '../../src/log.ts'
import type { OutgoingMail } from '../../src/mail/deliver.ts'
import { openAuth } from '../../src/open-auth.ts'
import { addUser, startForManyClients } from '../every-token.ts'
import { ENGINE_ENV, freshDatabase } from '../fresh-database.ts'
import { GOOD_PASSWORD } from '../hardened-app.ts'
import { tokenIn } from '../mail-links.ts'
import { rawJson } from '../raw-request.ts'
import { startSmtpSink } from '../smtp-sink.ts'
import { hardenedEnv, sessionOf } from '../test-app.ts'

const ANN = 'ann@example.com'
const EVIL = 'evil.example'

const HOST_HEADERS: readonly (readonly string[])[] = [
  [`X-Forwarded-Host: ${EVIL}`],
  [`X-Forwarded-Host: localhost:5000, ${EVIL}`],
  [`X-Forwarded-Host: ${EVIL}`, `X-Forwarded-Host: ${EVIL}`],
  ['X-Forwarded-Proto: https', 'X-Forwarded-Port: 8443', 'X-Forwarded-Prefix: /evil.example'],
  [`Forwarded: for=127.0.0.1;host=${EVIL};proto=https`],
  [`Referer: https://${EVIL}/`],
  [`X-Original-URL: https://${EVIL}/`, `X-Rewrite-URL: https://${EVIL}/`, `X-Host: ${EVIL}`, `X-Forwarded-Server: ${EVIL}`],
  [`Origin: https://${EVIL}`],
  [`Host: ${EVIL}`],
  ['Host: localhost:5000', `Host: ${EVIL}`],
  [`Host: localhost:5000@${EVIL}`],
  [`Host: ${EVIL}:5000`],
]

test('Supabase GHSA-3529-5m8x-rpv3: no header of a request moves a link of any mail away from the public URL (R097)', async () => {
  await using app = await startForManyClients()
  const kinds = new Set<string>()
  let refusals = 0
  for (const [at, headers] of HOST_HEADERS.entries()) {
    const [known, fresh, pending] = [`known${at}@example.com`, `fresh${at}@example.com`, `pending${at}@example.com`]
    await addUser(app, known)
    await addUser(app, pending, { verified: false })
    const session = await app.logIn(known, GOOD_PASSWORD)
    const client = `X-Forwarded-For: 10.9.0.${at}`
    const send = async (method: string, path: string, json: object, cookie = '') => {
      for (const target of [path, `http://${EVIL}${path}`]) {
        const { status } = await rawJson(
          app.url,
          `${method} ${target}`,
          [client, ...(cookie ? [`Cookie: session_id=${cookie}`] : []), ...headers],
          json,
        )
        assert.ok([200, 400, 403, 404, 421].includes(status), `${headers} ${target} ${status}`)
        if (target !== path) assert.equal(status === 200, false, target)
        else if (status !== 200) refusals++
      }
    }
    const password = GOOD_PASSWORD
    await send('POST', '/users', { email: fresh, password })
    await send('POST', '/users', { email: known, password })
    await send('POST', '/email_verification', { email: pending })
    await send('POST', '/login_codes', { email: known })
    await send('POST', '/reset_password', { email: known })
    await send('POST', '/account/email', { email: `new.${known}` }, session)
    await send('POST', '/sessions', { email: known, password })
    const mails = await app.newMails()
    for (const mail of mails.filter(({ kind }) => kind === 'confirm_new_address' || kind === 'address_change_requested'))
      await send('PUT', '/account/email', { token: tokenIn(mail) })
    for (const { kind, text, html } of [...mails, ...(await app.newMails())]) {
      kinds.add(kind)
      for (const part of [text, html]) {
        assert.doesNotMatch(part, /evil/, kind)
        for (const link of part.match(/\bhttps?:\/\/[^\s"<]+/g) ?? [])
          assert.ok(link.startsWith('http://localhost:5000'), `${kind}: ${link}`)
      }
    }
  }
  // Nothing was proved about mails that were never sent, nor by requests that were all refused.
  assert.deepEqual([...kinds].toSorted(), [
    'address_change_requested',
    'address_changed',
    'already_registered',
    'confirm_new_address',
    'login_code',
    'new_device',
    'reset_password',
    'verify_address',
  ])
  assert.equal(refusals, 5 * 7)
})

/** `true`: another spelling of ann@example.com. `false`: no address, and refused. */
const ADDRESSES: readonly (readonly [unknown, boolean])[] = [
  ['ANN@Example.COM', true],
  ['ann@ｅxample.com', true],
  ['ann@exam\u00adple.com', true],
  ['ann@example\uff0ecom', true],
  ['ann@example。com', true],
  ['ann@exam\u200bple.com', true],
  ['ann@example.com,eve@evil.example', false],
  ['ann@example.com;eve@evil.example', false],
  ['ann@example.com eve@evil.example', false],
  ['ann\uff20example.com', false],
  ['ann\ufe6bexample.com', false],
  ['eve@evil.example\uff20example.com', false],
  ['eve@evil.example\uff0cann@example.com', false],
  ['"eve@evil.example x"@example.com', false],
  ['"ann"@example.com', false],
  ['ann@example.com(x)evil.example', false],
  ['ann(eve@evil.example)@example.com', false],
  ['ann@example.com@evil.example', false],
  ['Ann <ann@example.com>', false],
  ['<ann@example.com>', false],
  ['group: ann@example.com, eve@evil.example;', false],
  ['ann@[127.0.0.1]', false],
  ['ann@example.com\r\nBcc: eve@evil.example', false],
  ['ann@example.com\n', false],
  ['ann@example.com\0@evil.example', false],
  [' ann@example.com', false],
  ['ann@example.com%0aBcc:eve@evil.example', false],
  ['ann%evil.example@example.com@', false],
  ['=?utf-8?q?eve=40evil.example?=@', false],
  ['\u0430nn@example.com', false],
  ['ſann@example.com', false],
  [['ann@example.com', 'eve@evil.example'], false],
  [{ address: 'eve@evil.example' }, false],
  [{ $ne: null }, false],
  [null, false],
  [7, false],
  [true, false],
]

test('next-auth CVE-2022-35924 and CVE-2026-73420, Nodemailer CVE-2025-13033, CVE-2026-92598, CVE-2026-100699 and CVE-2026-125755: mail goes to the stored address, or the request is refused (R107, R125, R130)', async () => {
  await using sink = await startSmtpSink()
  await using app = await startForManyClients({ SMTP_URL: sink.url, BIENVENUE_MAIL_FROM: 'auth@example.com' })
  await addUser(app, ANN)
  let expected = 0
  for (const [email, isAnns] of ADDRESSES) {
    for (const [path, more] of [
      ['/reset_password', {}],
      ['/login_codes', {}],
      ['/email_verification', {}],
      ['/users', { password: GOOD_PASSWORD }],
    ] as const) {
      const { status, text } = await app.request('POST', path, { json: { email, ...more } })
      assert.equal(isAnns ? status === 200 : status >= 400 && status < 500, true, `${path} ${JSON.stringify(email)} ${status} ${text}`)
      // Her address is verified, so that there is nothing to mail about it.
      if (isAnns && path !== '/email_verification') expected++
    }
    await app.sendMails()
    // Three an hour, ten a day.
    app.clock.advance(86_400)
  }
  assert.equal(sink.mails.length, expected)
  for (const { recipients, parsed } of sink.mails) {
    assert.deepEqual(recipients, [ANN])
    assert.deepEqual(
      [...parsed.headers.keys()].filter((name) => /^(b?cc|reply-to|sender)$/.test(name)),
      [],
    )
  }
  // The same list as a new address of a session's user.
  const session = await app.logIn(ANN, GOOD_PASSWORD)
  for (const [email, isAnns] of ADDRESSES) {
    const { status } = await app.request('POST', '/account/email', { session, json: { email } })
    // Another spelling of one's own address is a change that both sides confirm.
    assert.equal(isAnns ? status === 200 : status >= 400 && status < 500, true, `${JSON.stringify(email)} ${status}`)
  }
  await app.sendMails()
  assert.ok(sink.mails.every(({ recipients }) => recipients.join().toLowerCase() === ANN))
})

test('next-auth CVE-2022-31127, better-auth CVE-2026-67333, Keycloak GHSA-j628-q885-8gr5: HTML, script URLs and line breaks stay text in mails, and one line in the log and the audit export (R131, R229)', async () => {
  await using database = await freshDatabase()
  const lines: string[] = []
  const mails: OutgoingMail[] = []
  const log = makeLog('debug', { write: (line) => void lines.push(line) })
  const config = parseConfig(
    hardenedEnv({ DATABASE_URL: database.url, BIENVENUE_LOG_LEVEL: 'debug', BIENVENUE_TRUSTED_PROXIES: 'none', ...ENGINE_ENV }),
  )
  const auth = await openAuth(config, { form: 'service', log, mailLoop: false, sendMail: async (mail) => void mails.push(mail) })
  await using _ = { [Symbol.asyncDispose]: () => auth.close() }
  /** Past the parser of any server: with bytes that none should let through. */
  const ask = async (method: string, target: string, json: object, headers: Record<string, string>) => {
    const all: Record<string, string> = { host: 'localhost:5000', 'content-type': 'application/json', ...headers }
    const readBytes = async () => Buffer.from(JSON.stringify(json))
    const request: Ask = { method, target, peer: '127.0.0.1', isSocketAddress: true, header: (name) => all[name] ?? null, readBytes }
    const { status, headers: answered } = await auth.answer(request)
    assert.ok(status < 500, `${method} ${target} ${status}`)
    return {
      status,
      headers: new Headers(
        Object.entries(answered).flatMap(([name, value]) => [value].flat().map((one) => [name, one] as [string, string])),
      ),
    }
  }
  const payloads = [
    '<a href="https://evil.example/">click</a>',
    '"><script src=//evil.example></script>',
    'javascript:alert(1)',
    'https://evil.example/ www.evil.example',
    'x\r\nBcc: eve@evil.example\r\n\r\nhttp://evil.example/',
    '{"event":"forged"}\n{"event":"authn_login_success"}',
    '\x1b[2J\x1b[31mred\x9b31m\x07',
    'a\u2028b\u2029c\u0085d\u202ee\0f',
  ]
  for (const [at, payload] of payloads.entries()) {
    const email = `user${at}@example.com`
    const { id } = await auth.registerUser(email, GOOD_PASSWORD)
    await auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ email_verified_at: 1 }).where('id', '=', id).execute())
    // The one byte that no parser lets through, neither in headers nor in paths.
    const inHead = payload.replaceAll('\0', '')
    const names = ['user-agent', 'accept-language', 'x-request-id', 'x-forwarded-for', 'referer']
    const headers = Object.fromEntries(names.map((name) => [name, inHead]))
    const logIn = (more: object) => ask('POST', '/sessions', { email, password: GOOD_PASSWORD, ...more }, headers)
    await logIn({})
    const session = sessionOf(await logIn({})) ?? ''
    const cookie = { ...headers, cookie: `session_id=${session}` }
    await logIn({ password: payload })
    await logIn({ email: payload })
    await ask('PATCH', '/account', { name: payload, metadata: { [payload]: payload } }, cookie)
    for (const address of [
      payload,
      `${payload}@example.com`,
      `www.evil.example/x@new${at}.example`,
      `user${at}+https=evil@www.evil.example`,
    ])
      await ask('POST', '/account/email', { email: address }, cookie)
    await auth.mailer.runDue()
    await ask('POST', `/${inHead}`, { [payload]: payload }, headers)
    await ask('GET', `/account/events?before=${inHead}`, {}, cookie)
    await ask('DELETE', `/sessions/${inHead}`, {}, cookie)
  }
  const kinds = new Set(mails.map(({ kind }) => kind))
  for (const kind of ['new_device', 'confirm_new_address', 'address_change_requested'] as const) assert.ok(kinds.has(kind), kind)
  for (const { kind, subject, text, html } of mails) {
    for (const tag of html.match(/<a\b[^>]*>/gi) ?? []) assert.match(tag, /^<a href="http:\/\/localhost:5000\//, kind)
    assert.doesNotMatch(html, /<script|<img|evil\.example\//i, kind)
    assert.doesNotMatch(text, /\/\/(?!localhost:5000)|evil\.example\/|^Bcc/im, kind)
    assert.doesNotMatch(`${subject}${text.replaceAll('\n', '')}`, /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]/, kind)
  }
  const rows: string[] = []
  for await (const { events } of exportEvents(auth.deps, null)) rows.push(...events.map((event) => jsonText(event)))
  assert.ok(lines.length >= payloads.length * 10 && rows.length >= payloads.length * 4)
  for (const line of [...lines.map((text) => text.replace(/\n$/, '')), ...rows]) {
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/)
    JSON.parse(line)
  }
  const recorded = (await listEvents(auth.deps, { limit: 10_000 })).map(({ name }) => String(name))
  assert.ok(!recorded.includes('forged'))
})
