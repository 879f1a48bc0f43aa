import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { keptDatabase } from '../../test/fresh-database.ts'
import { startSmtpSink } from '../../test/smtp-sink.ts'
import { hardenedEnv, startTestApp, TEST_SECRET, type TestApp } from '../../test/test-app.ts'
import { parseConfig } from '../config.ts'
import { sweep } from '../service/sweeper.ts'
import { deferMail, eraseMailsOf, listMails, listMailsOf, queueMail } from './mail.ts'
import { makeMailer } from './mailer.ts'
import type { Message } from './message.ts'
import { renderMail } from './render-mail.ts'
import { SAMPLE_MESSAGES, SAMPLE_UNTIL } from './sample-messages.ts'

const CHANGED: Message = { kind: 'password_changed' }
const DAY_SECONDS = 86_400

interface QueueOptions {
  readonly to?: string
  readonly userId?: string | null
  readonly message?: Message
}

function queue(
  { auth: { deps } }: TestApp,
  { to = 'bob@example.com', userId = null, message = CHANGED }: QueueOptions = {},
): Promise<void> {
  return deps.database.inTransaction((tx) => queueMail(deps, tx, { to, userId, message }))
}

function defer({ auth: { deps } }: TestApp, subject: string): Promise<void> {
  return deps.database.inTransaction((tx) => deferMail(deps, tx, { kind: 'reset_password', subject }))
}

const statesOf = async (app: TestApp) =>
  (await app.auth.deps.database.reads.selectFrom('mails').select(['state']).execute()).map(({ state }) => state).toSorted()
const requestsOf = (app: TestApp) => app.auth.deps.database.reads.selectFrom('mail_requests').selectAll().execute()

/** What strangers put into names, user agents and addresses; none of it may be seen as a link or as HTML. */
const CORPUS = [
  '<a href=//evil.example>click</a>',
  'http://evil.example/login',
  'HTTPS://EVIL.EXAMPLE',
  'www.evil.example',
  'evil.example/path',
  '//evil.example',
  'javascript://evil.example/%0aalert(1)',
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  'x\r\nBcc: e@evil.example',
  'x\u2028y\u202ez\u0000\u001b[31m',
  'a'.repeat(300),
  '&lt;b&gt;',
]

test('what a stranger chose is text in a mail: escaped, without links, one line, at most 64 characters (R129, R131)', async () => {
  // No configuration takes such a name; the messages do not rely on it.
  const name = '</title><script>alert(1)</script>\r\nBcc: x'
  const { publicUrl } = parseConfig({})
  for (const nasty of CORPUS) {
    const seen = { userAgent: nasty, address: nasty, at: SAMPLE_UNTIL }
    const messages: Message[] = [
      { kind: 'new_device', ...seen },
      { kind: 'many_failures', failures: 5, ...seen },
      { kind: 'confirm_new_address', token: 't', newAddress: `${nasty}@example.com` },
      { kind: 'address_change_requested', token: 't', newAddress: `${nasty}@example.com` },
      { kind: 'address_changed', undoToken: 't', newAddress: `${nasty}@example.com` },
    ]
    for (const message of messages) {
      const { subject, text, html } = await renderMail({ name, publicUrl }, message, null)
      const what = `${message.kind} ${JSON.stringify(nasty)}`
      assert.doesNotMatch(subject, /[\x00-\x1f]|evil/, what)
      assert.doesNotMatch(text.replaceAll('\n', ''), /[\x00-\x1f\u2028\u202e]/, what)
      assert.doesNotMatch(html, /<script|<img|javascript:/i, what)
      for (const part of [text, html]) assert.doesNotMatch(part, /evil\.example\/|\/\/evil|www\.|https?:\/\/(?!localhost:5000)/i, what)
      const anchors = [...html.matchAll(/<a [^>]*>/g)].map(([tag]) => tag)
      assert.ok(
        anchors.every((tag) => tag.startsWith('<a href="http://localhost:5000/')),
        what,
      )
      assert.doesNotMatch(text, /a{65}/, what)
    }
  }
})

test('nodemailer is a version whose parser of addresses is mended (R285)', () => {
  const { version } = createRequire(import.meta.url)('nodemailer/package.json') as { version: string }
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  assert.ok(major * 1e6 + minor * 1e3 + patch >= 10_004_001, version)
})

test('no value adds a header or a recipient to what arrives (R129)', async () => {
  await using sink = await startSmtpSink()
  const env = { SMTP_URL: sink.url, BIENVENUE_NAME: 'Evil, "e" (e@evil.example), =?utf-8?q?x?=', BIENVENUE_MAIL_FROM: 'a@example.com' }
  await using app = await startTestApp({ env: hardenedEnv(env) })
  for (const nasty of CORPUS) await queue(app, { message: { kind: 'new_device', userAgent: nasty, address: nasty, at: SAMPLE_UNTIL } })
  await app.sendMails()
  assert.equal(sink.mails.length, CORPUS.length)
  const known = ['from', 'to', 'subject', 'date', 'message-id', 'auto-submitted', 'mime-version', 'content-type']
  for (const { recipients, parsed } of sink.mails) {
    assert.deepEqual(recipients, ['bob@example.com'])
    assert.deepEqual([...parsed.headers.keys()].toSorted(), known.toSorted())
    assert.equal(parsed.from?.value[0]?.address, 'a@example.com')
  }
})

test('every link begins with the public URL, whatever a request says of hosts (R097)', async () => {
  const url = 'https://app.example.com/auth'
  const env = hardenedEnv({ BIENVENUE_PUBLIC_URL: url, BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
  await using app = await startTestApp({ env })
  const { deps } = app.auth
  const mailer = makeMailer(deps, {
    resolvers: { reset_password: (tx, to) => queueMail(deps, tx, { to, userId: null, message: { kind: 'reset_password', token: 't' } }) },
    sendMail: async (mail) => void app.mails.push(mail),
  })
  const evil = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    forwarded: 'host=evil.example',
    referer: 'https://evil.example/',
  }
  await app.request('GET', '/auth/', { headers: evil })
  await defer(app, 'bob@example.com')
  for (const message of SAMPLE_MESSAGES) await queue(app, { message })
  await mailer.runDue()
  assert.equal(app.mails.length, SAMPLE_MESSAGES.length + 1)
  for (const { text, html, kind } of app.mails) {
    for (const part of [text, html]) {
      const links = part.match(/\bhttps?:\/\/[^\s"<]+/g) ?? []
      assert.ok(links.length > 0, kind)
      for (const link of links) assert.ok(link.startsWith(url), `${kind}: ${link}`)
    }
  }
  const paths = app.mails.flatMap(({ html }) => [...html.matchAll(/href="([^"?]+)\?token=/g)].map(([, path]) => path?.slice(url.length)))
  assert.deepEqual([...new Set(paths)].toSorted(), ['/account/email', '/account/email/undo', '/login', '/reset', '/verify'])
})

test('text and HTML say the same, with the token for those without a browser; a notice says what to do if it was not you (R106, R173)', async () => {
  const config = parseConfig({})
  for (const message of SAMPLE_MESSAGES) {
    const { subject, text, html } = await renderMail(config, message, SAMPLE_UNTIL)
    assert.ok(subject.length > 10 && subject.length < 80, subject)
    const parsed = await simpleParser(`Content-Type: text/html; charset=utf-8\r\n\r\n${html}`)
    const words = (content: string) =>
      content
        .replaceAll(/https?:\/\/\S+|[^\p{L}\p{N}]+/gu, ' ')
        .trim()
        .split(/\s+/)
    for (const word of words(text)) assert.ok(words(parsed.text ?? '').includes(word), `${message.kind}: ${word}`)
    assert.match(text, /If (it was not you|not|you did not)|do nothing/, message.kind)
    const token = 'token' in message ? message.token : 'undoToken' in message ? message.undoToken : null
    if (token === null) assert.doesNotMatch(html, /token=/, message.kind)
    else assert.ok(text.includes(`\n  ${token}\n`) && text.includes(`?token=${token}`), message.kind)
    if (token !== null) assert.match(text, /until 2026-01-01 11:00 UTC/)
  }
})

test('a request for a mail is one row, resolved once, with what its resolver writes, by one of two processes', async () => {
  await using database = await keptDatabase()
  await using one = await startTestApp({ databaseUrl: database.url, env: hardenedEnv() })
  await using two = await startTestApp({ databaseUrl: database.url, env: hardenedEnv(), clock: one.clock })
  const resolved: string[] = []
  const mailers = [one, two].map(({ auth: { deps }, mails }) =>
    makeMailer(deps, {
      resolvers: {
        async reset_password(tx, to) {
          resolved.push(to)
          await queueMail(deps, tx, { to, userId: null, message: CHANGED })
        },
      },
      sendMail: async (mail) => void mails.push(mail),
    }),
  )
  for (let at = 0; at < 10; at++) await defer(one, `canary${at}@example.com`)
  const rows = await requestsOf(one)
  assert.equal(rows.length, 10)
  assert.doesNotMatch(JSON.stringify(rows), /canary/, 'what it is about is sealed')
  await Promise.all(mailers.map((mailer) => mailer.runDue()))
  assert.deepEqual(await requestsOf(one), [])
  const mails = [...one.mails, ...two.mails].map(({ to }) => to)
  assert.deepEqual(
    mails.toSorted(),
    Array.from({ length: 10 }, (_, at) => `canary${at}@example.com`),
  )
  assert.equal(new Set(resolved).size, 10)
})

test('a resolver that throws changes nothing, is tried later, and after ten attempts its request is dropped, loudly', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const { deps } = app.auth
  const mailer = makeMailer(deps, {
    resolvers: {
      async reset_password(tx, to) {
        await queueMail(deps, tx, { to, userId: null, message: CHANGED })
        throw new Error('canary')
      },
    },
  })
  await defer(app, 'canary@example.com')
  for (let attempt = 1; attempt < 10; attempt++) {
    await mailer.runDue()
    await mailer.runDue()
    assert.deepEqual(
      (await requestsOf(app)).map(({ attempts }) => attempts),
      [attempt],
      'not before its time',
    )
    app.clock.advance(3_600)
  }
  await mailer.runDue()
  assert.deepEqual([await requestsOf(app), await statesOf(app)], [[], []])
  const lines = app.logLines.filter(({ event }) => event === 'mail_request_dropped')
  assert.deepEqual(
    lines.map(({ level, kind }) => [level, kind]),
    [['error', 'reset_password']],
  )
  assert.doesNotMatch(JSON.stringify(app.logLines), /canary/)
})

test('a request of a kind that nobody here resolves is left to others for a day', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await defer(app, 'x')
  await makeMailer(app.auth.deps, { resolvers: { login_code: async () => assert.fail('not its kind') } }).runDue()
  await sweep(app.auth.deps)
  assert.equal((await requestsOf(app)).length, 1)
  app.clock.advance(DAY_SECONDS)
  await sweep(app.auth.deps)
  assert.equal((await requestsOf(app)).length, 0)
})

test('classic keeps its mails and shows them at /dev/mailbox, as JSON and as a page that runs nothing', async () => {
  await using app = await startTestApp()
  assert.deepEqual((await app.request('GET', '/dev/mailbox')).json, { mails: [] })
  await queue(app, { message: { kind: 'reset_password', token: 'theToken' } })
  const [before] = (await app.request('GET', '/dev/mailbox')).json.mails
  await app.sendMails()
  assert.deepEqual(await statesOf(app), ['kept'])
  const [mail, ...more] = (await app.request('GET', '/dev/mailbox')).json.mails
  assert.deepEqual([mail, more], [before, []], 'from its first moment')
  assert.deepEqual([mail.to, mail.kind, mail.created_at], ['bob@example.com', 'reset_password', '2026-01-01T00:00:00.000Z'])
  assert.match(mail.text, /http:\/\/localhost:5000\/reset\?token=theToken/)
  const page = await app.request('GET', '/dev/mailbox', { headers: { accept: 'text/html' } })
  assert.match(page.text, /&lt;a href=&quot;http:\/\/localhost:5000\/reset\?token=theToken&quot;&gt;/, 'the HTML part as source')
  assert.match(page.text, /<a href="http:\/\/localhost:5000\/reset\?token=theToken">/, 'the link of the text, to follow')
  assert.doesNotMatch(page.text, /<script/)
})

test('hardened shows its mails to nobody', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await queue(app)
  assert.equal((await app.request('GET', '/dev/mailbox')).status, 404)
})

test('classic with a mail server sends, and keeps nothing', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: { SMTP_URL: sink.url } })
  await queue(app)
  await app.sendMails()
  assert.deepEqual([await statesOf(app), sink.mails[0]?.from], [['sent'], 'no-reply@localhost'])
  assert.deepEqual((await app.request('GET', '/dev/mailbox')).json, { mails: [] })
})

test("hardened's first opening of a classic database ends every mail and every request for one", async () => {
  await using database = await keptDatabase()
  {
    await using app = await startTestApp({ databaseUrl: database.url, env: { BIENVENUE_SECRET: TEST_SECRET } })
    await queue(app)
    await app.sendMails()
    await queue(app)
    await defer(app, 'x')
  }
  await using app = await startTestApp({ databaseUrl: database.url, env: hardenedEnv() })
  assert.deepEqual([await statesOf(app), await requestsOf(app), await app.sendMails()], [[], [], []])
})

test('kept mails go after a day, or when there are more than two hundred; others after ninety days', async () => {
  await using app = await startTestApp()
  for (let at = 0; at < 205; at++) {
    await queue(app)
    app.clock.advance(1)
  }
  await app.sendMails()
  await sweep(app.auth.deps)
  assert.equal((await statesOf(app)).length, 200)
  const { mails } = (await app.request('GET', '/dev/mailbox')).json
  assert.equal(mails.at(-1).created_at, '2026-01-01T00:00:05.000Z', 'the oldest went')
  app.clock.advance(DAY_SECONDS)
  await sweep(app.auth.deps)
  assert.deepEqual(await statesOf(app), [])
  await using hardened = await startTestApp({ env: hardenedEnv() })
  await queue(hardened)
  await hardened.sendMails()
  await queue(hardened)
  hardened.clock.advance(90 * DAY_SECONDS - 1)
  await sweep(hardened.auth.deps)
  assert.deepEqual(await statesOf(hardened), ['sent', 'waiting'])
  hardened.clock.advance(1)
  await sweep(hardened.auth.deps)
  assert.deepEqual(await statesOf(hardened), ['waiting'], 'and never one that is still to be sent')
})

test('erasing a user erases their mails, those to their address, and nobody else', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const { deps } = app.auth
  await queue(app, { userId: 'u1', to: 'Old@Example.com' })
  await queue(app, { userId: null, to: 'Bob@example.com' })
  await app.sendMails()
  await queue(app, { userId: 'u1' })
  await queue(app, { userId: 'u2', to: 'eve@example.com' })
  await deps.database.inTransaction(async (tx) => {
    await eraseMailsOf(deps, tx, { userId: 'u1', canonicalAddress: 'bob@example.com' })
    await queueMail(deps, tx, { to: 'bob@example.com', userId: null, message: { kind: 'account_deleted' } })
  })
  assert.deepEqual((await listMailsOf(deps, 'u1')).length, 0)
  assert.deepEqual(
    (await app.sendMails())
      .slice(2)
      .map(({ to, kind }) => `${to} ${kind}`)
      .toSorted(),
    ['bob@example.com account_deleted', 'eve@example.com password_changed'],
  )
})

test('the operator sees what became of mails, by user and by address, and never what they say', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const { deps } = app.auth
  await queue(app, { userId: 'u1', to: 'bob@example.com' })
  app.clock.advance(1)
  await queue(app, {
    userId: 'u1',
    to: 'new@example.com',
    message: { kind: 'confirm_new_address', token: 'secret', newAddress: 'new@example.com' },
  })
  app.clock.advance(1)
  await queue(app, { to: 'eve@example.com' })
  const kinds = async (mails: ReturnType<typeof listMails>) => (await mails).map(({ kind, userId }) => `${kind} ${userId}`)
  assert.deepEqual(await kinds(listMailsOf(deps, 'u1')), ['confirm_new_address u1', 'password_changed u1'])
  assert.deepEqual(await kinds(listMails(deps, { address: 'NEW@example.com' })), ['confirm_new_address u1'])
  assert.deepEqual(await kinds(listMails(deps, { address: 'new@example.com', userId: 'u1' })), [
    'confirm_new_address u1',
    'password_changed u1',
  ])
  assert.deepEqual(await kinds(listMails(deps)), ['password_changed null', 'confirm_new_address u1', 'password_changed u1'])
  await app.sendMails()
  const [mail] = await listMailsOf(deps, 'u1')
  assert.deepEqual([mail?.state, mail?.attempts, mail?.sentAt?.getTime(), mail?.nextTryAt], ['sent', 1, app.clock.now(), null])
  assert.doesNotMatch(JSON.stringify(await listMails(deps)), /secret|example/)
})
