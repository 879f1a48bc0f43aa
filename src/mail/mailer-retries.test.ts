import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BOB, eventsOf, queue, rowOf, rowsOf, smtpEnv } from '../../test/outbox.ts'
import { startSmtpSink } from '../../test/smtp-sink.ts'
import { startTestApp } from '../../test/test-app.ts'

const HOUR_SECONDS = 3_600

test('a recipient that is refused fails at once, loudly, and stops nobody else', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  sink.behaviour.refused.add('gone@example.com')
  for (const to of ['gone@example.com', 'a@example.com', 'b@example.com']) await queue(app, to)
  await app.sendMails()
  assert.deepEqual(sink.mails.flatMap(({ recipients }) => recipients).toSorted(), ['a@example.com', 'b@example.com'])
  const [line, ...more] = eventsOf(app, 'mail_failed')
  assert.deepEqual([line?.level, line?.smtp_code, line?.kind, more.length], ['error', 550, 'password_changed', 0])
  assert.deepEqual((await rowsOf(app)).map(({ state }) => state).toSorted(), ['failed', 'sent', 'sent'])
})

test('a server that says not now is asked again, later and later, until it takes the mail', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  sink.behaviour.busy = true
  await queue(app, BOB)
  for (const [attempt, seconds] of [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600].entries()) {
    await app.sendMails()
    const row = await rowOf(app)
    assert.equal(row.attempts, attempt + 1)
    const wait = (row.due_at - app.clock.now()) / 1_000
    assert.ok(wait >= seconds / 2 && wait <= seconds, `${wait} s after attempt ${attempt + 1}`)
    await app.sendMails()
    assert.equal((await rowOf(app)).attempts, attempt + 1, 'not before')
    app.clock.advance(seconds)
  }
  assert.equal(sink.mails.length, 0)
  sink.behaviour.busy = false
  await app.sendMails()
  assert.deepEqual([(await rowOf(app)).state, sink.mails.length], ['sent', 1])
})

test('after a day, or when what is in it ends, a mail is given up, loudly, and its text is gone', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  sink.behaviour.busy = true
  await queue(app, BOB, { kind: 'login_code', code: 'ABCD', token: 't' }, new Date(app.clock.now() + 600_000))
  await queue(app, BOB)
  await app.sendMails()
  app.clock.advance(600)
  await app.sendMails()
  assert.deepEqual((await rowsOf(app)).map(({ state, kind }) => `${kind} ${state}`).toSorted(), [
    'login_code expired',
    'password_changed waiting',
  ])
  app.clock.advance(24 * HOUR_SECONDS)
  await app.sendMails()
  assert.deepEqual(
    (await rowsOf(app)).map(({ state, body }) => [state, body]),
    [
      ['expired', null],
      ['expired', null],
    ],
  )
  assert.deepEqual(
    eventsOf(app, 'mail_given_up').map(({ level, kind }) => [level, kind]),
    [
      ['error', 'login_code'],
      ['error', 'password_changed'],
    ],
  )
  sink.behaviour.busy = false
  app.clock.advance(HOUR_SECONDS)
  assert.deepEqual([await app.sendMails(), sink.mails.length], [[], 0])
})

test('a server that is down is asked by one mail in a while, not by all, and gets them all when it is back', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  sink.behaviour.down = true
  for (let at = 0; at < 20; at++) await queue(app, `user${at}@example.com`)
  await app.sendMails()
  await app.sendMails()
  const first = sink.connections()
  assert.ok(first >= 1 && first <= 4, `${first} connections`)
  for (let minute = 0; minute < 5; minute++) {
    app.clock.advance(60)
    await app.sendMails()
  }
  assert.ok(sink.connections() <= first + 5 * 4, `${sink.connections()} connections`)
  sink.behaviour.down = false
  app.clock.advance(300)
  await app.sendMails()
  assert.equal(sink.mails.length, 20)
  assert.ok((await rowsOf(app)).every(({ state }) => state === 'sent'))
})
