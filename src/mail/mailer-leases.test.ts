import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { BOB, queue, rowOf, rowsOf, smtpEnv } from '../../test/outbox.ts'
import { startSmtpSink } from '../../test/smtp-sink.ts'
import { startTestApp } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'

test('two processes on one database send each mail once', async () => {
  await using database = await keptDatabase()
  await using sink = await startSmtpSink()
  await using one = await startTestApp({ databaseUrl: database.url, env: smtpEnv(sink.url) })
  await using two = await startTestApp({ databaseUrl: database.url, env: smtpEnv(sink.url), clock: one.clock })
  for (let at = 0; at < 30; at++) await queue(one, `user${at}@example.com`)
  await Promise.all([one.sendMails(), two.sendMails()])
  assert.equal(new Set(sink.mails.flatMap(({ recipients }) => recipients)).size, 30)
  assert.equal(sink.mails.length, 30)
  assert.ok((await rowsOf(one)).every(({ state, attempts }) => state === 'sent' && attempts === 1))
})

test('a process that dies between the delivery and the mark means one more delivery, after its lease and not before', async () => {
  await using database = await keptDatabase()
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ databaseUrl: database.url, env: smtpEnv(sink.url) })
  await queue(app, BOB)
  {
    await using dying = await startTestApp({ databaseUrl: database.url, env: smtpEnv(sink.url), clock: app.clock })
    sink.behaviour.onMessage = () => dying.auth.deps.database.close()
    const sending = dying.auth.mailer.runDue()
    await until(() => sink.mails.length === 1)
    await dying.auth.mailer.stop()
    await assert.rejects(sending)
  }
  sink.behaviour.onMessage = null
  assert.equal((await rowOf(app)).state, 'waiting')
  app.clock.advance(89)
  await app.sendMails()
  assert.equal(sink.mails.length, 1, 'it is leased')
  app.clock.advance(1)
  await app.sendMails()
  await app.sendMails()
  assert.deepEqual([sink.mails.length, (await rowOf(app)).state], [2, 'sent'])
  const [first, second] = sink.mails
  assert.equal(first?.parsed.messageId, second?.parsed.messageId, 'whoever gets both can tell')
})

test('who lost the lease marks nothing', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  await queue(app, BOB)
  const { database } = app.auth.deps
  sink.behaviour.onMessage = () =>
    database.inTransaction(async (tx) => void (await tx.updateTable('mails').set({ lease_id: "somebody else's" }).execute()))
  await app.sendMails()
  assert.deepEqual([(await rowOf(app)).state, (await rowOf(app)).lease_id], ['waiting', "somebody else's"])
})

test('a stop waits for the mail that is on its way, and sends no other', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  for (let at = 0; at < 10; at++) await queue(app, `user${at}@example.com`)
  let stopped: Promise<void> | null = null
  sink.behaviour.onMessage = async () => {
    stopped ??= app.auth.mailer.stop()
  }
  await app.auth.mailer.runDue()
  await stopped
  assert.ok(sink.mails.length >= 1 && sink.mails.length <= 4, `${sink.mails.length} were on their way`)
  const rows = await rowsOf(app)
  assert.equal(rows.filter(({ state }) => state === 'sent').length, sink.mails.length)
  assert.equal(rows.filter(({ attempts }) => attempts === 0).length, 10 - sink.mails.length)
})
