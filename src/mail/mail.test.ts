import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { startSmtpSink } from '../../test/smtp-sink.ts'
import { hardenedEnv, startTestApp, TEST_SECRET, type TestApp } from '../../test/test-app.ts'
import { sweep } from '../service/sweeper.ts'
import { deferMail, eraseMailsOf, listMails, listMailsOf, queueMail } from './mail.ts'
import type { Message } from './message.ts'

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
