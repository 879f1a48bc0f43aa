import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { keptDatabase, onlyOn } from '../../test/fresh-database.ts'
import { BOB, CHANGED, eventsOf, queue, rowOf, rowsOf, smtpEnv } from '../../test/outbox.ts'
import { addressesOf, startSmtpSink } from '../../test/smtp-sink.ts'
import { hardenedEnv, startTestApp } from '../../test/test-app.ts'
import { until } from '../../test/until.ts'
import { queueMail } from './mail.ts'
import { makeMailer } from './mailer.ts'
import { SAMPLE_MESSAGES } from './sample-messages.ts'

test('every message goes to its one recipient, from the configured sender, once', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  for (const [at, message] of SAMPLE_MESSAGES.entries()) await queue(app, `user.${at}+tag@example.com`, message)
  await app.sendMails()
  await app.sendMails()
  assert.equal(sink.mails.length, SAMPLE_MESSAGES.length)
  const rows = await rowsOf(app)
  for (const { recipients, from, parsed } of sink.mails) {
    assert.equal(recipients.length, 1)
    assert.deepEqual(addressesOf(parsed.to), recipients)
    assert.equal(from, 'no-reply@example.com')
    assert.deepEqual([parsed.from?.value[0]?.name, parsed.from?.value[0]?.address], ['Example', 'no-reply@example.com'])
    assert.equal(parsed.headers.get('auto-submitted'), 'auto-generated')
    assert.ok(parsed.text && parsed.html)
    const row = rows.find(({ id }) => parsed.messageId === `<${id}@localhost>`)
    assert.ok(row, 'its id is the Message-ID')
    assert.deepEqual([row.state, row.attempts, row.body, row.lease_id], ['sent', 1, null, null])
    assert.equal(row.sent_at, app.clock.now())
  }
  const to = sink.mails.map(({ recipients }) => recipients[0])
  assert.deepEqual(to.toSorted(), SAMPLE_MESSAGES.map((_, at) => `user.${at}+tag@example.com`).toSorted())
})

test('RCPT TO is the stored address, and what could be read in two ways is never queued (R107, R130)', async () => {
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ env: smtpEnv(sink.url) })
  const addresses = ["O'Neil@Example.com", 'a!#$%&*+/=?^_`{|}~-b@example.com', 'bob@b\u00fccher.example']
  for (const address of addresses) await queue(app, address)
  await app.sendMails()
  const arrived = sink.mails.map(({ recipients }) => recipients.join(' ')).toSorted()
  assert.deepEqual(arrived, ["O'Neil@example.com", 'a!#$%&*+/=?^_`{|}~-b@example.com', 'bob@b\u00fccher.example'].toSorted())
  // The server shows the domain as it is spoken; on the wire it is ASCII.
  assert.ok(sink.mails.some(({ raw }) => /^To: bob@xn--bcher-kva\.example\r$/m.test(raw)))
  const nasty = [
    ...['"x@evil.com x"@ok.com', 'user@ok.com(x)evil.com', 'a@ok.com,b@evil.com', 'a@ok.com b@evil.com', 'x <a@ok.com>', 'g:a@ok.com;'],
    ...[
      'a@ok.com\r\nRCPT TO:<b@evil.com>',
      'a\u0000@ok.com',
      'a@ok.com\u0000',
      'a\uff20evil.com',
      'a@[127.0.0.1]',
      '@ok.com',
      'a@',
      '',
      'a@b@c.com',
    ],
  ]
  for (const address of nasty) await assert.rejects(queue(app, address), /no plain address/, JSON.stringify(address))
  assert.equal((await rowsOf(app)).length, addresses.length)
})

test('nodemailer is a version whose parser of addresses is mended (R285)', () => {
  const { version } = createRequire(import.meta.url)('nodemailer/package.json') as { version: string }
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  assert.ok(major * 1e6 + minor * 1e3 + patch >= 10_004_001, version)
})

test('a mail is there if its transaction commits, and only then', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  const { deps } = app.auth
  const undone = deps.database.inTransaction(async (tx) => {
    await queueMail(deps, tx, { to: BOB, userId: null, message: CHANGED })
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  assert.deepEqual(await app.sendMails(), [])
  await queue(app, BOB)
  assert.deepEqual(
    (await app.sendMails()).map(({ to, kind }) => [to, kind]),
    [[BOB, 'password_changed']],
  )
})

test('neither address nor text is in the database in clear, and both are gone once the mail is sent', {
  skip: onlyOn('sqlite', 'the file is read'),
}, async () => {
  await using database = await keptDatabase()
  await using sink = await startSmtpSink()
  await using app = await startTestApp({ databaseUrl: database.url, env: smtpEnv(sink.url) })
  sink.behaviour.refused.add('canary.refused@example.com')
  const token = 'canaryTokencanaryTokencanaryTokencanaryToke'
  for (const to of ['canary.sent@example.com', 'canary.refused@example.com']) await queue(app, to, { kind: 'reset_password', token })
  const files = async () => (await Promise.all(['', '-wal'].map((end) => readFile(`${database.url.slice('file:'.length)}${end}`)))).join('')
  assert.ok((await rowsOf(app)).every(({ body }) => body?.startsWith('v1:')))
  assert.doesNotMatch(await files(), /canary/i)
  await app.sendMails()
  assert.deepEqual((await rowsOf(app)).map(({ state, body }) => [state, body]).toSorted(), [
    ['failed', null],
    ['sent', null],
  ])
  assert.doesNotMatch(await files(), /canary/i)
  assert.match((await rowsOf(app)).find(({ state }) => state === 'failed')?.last_answer ?? '', /^550 5\.1\.1 <\[address\]> user unknown$/)
  assert.doesNotMatch(JSON.stringify(app.logLines), /canary|Choose a new password/i, 'nor in the log')
})

test('a certificate that nobody has signed is refused and the mail waits; nothing is ever sent in clear to another machine (R132)', async () => {
  for (const tls of ['starttls', 'tls', 'none'] as const) {
    await using sink = await startSmtpSink({ tls })
    await using app = await startTestApp({ env: smtpEnv(sink.url) })
    const { deps } = app.auth
    const { smtp } = deps.config.mail
    assert.ok(smtp?.loopback)
    // The same server, as if it were on another machine.
    const config = { ...deps.config, mail: { ...deps.config.mail, smtp: { ...smtp, loopback: false } } }
    await queue(app, BOB)
    await makeMailer({ ...deps, config }).runDue()
    const row = await rowOf(app)
    assert.deepEqual([row.state, row.attempts, sink.mails.length], ['waiting', 1, 0], tls)
    assert.match(row.last_answer ?? '', tls === 'none' ? /^500 / : /certificate/)
    app.clock.advance(60)
    await app.sendMails()
    assert.deepEqual([(await rowOf(app)).state, sink.mails[0]?.secure], ['sent', tls !== 'none'], `${tls}, on this machine`)
  }
})

test('it logs in to the mail server with what SMTP_URL says', async () => {
  await using sink = await startSmtpSink({ auth: true })
  await using app = await startTestApp({ env: smtpEnv(sink.url.replace('//', '//us%40er:p%2Fw%3A@')) })
  await queue(app, BOB)
  await app.sendMails()
  assert.deepEqual([sink.logins, sink.mails.length], [['us@er:p/w:'], 1])
})

test("an application's sendMail takes SMTP's place, and is called again when it throws", async () => {
  const seen: string[] = []
  await using app = await startTestApp({
    env: hardenedEnv(),
    async sendMail({ id, to, subject }) {
      seen.push(`${id} ${to} ${subject}`)
      if (seen.length === 1) throw new Error('canary')
    },
  })
  await queue(app, BOB)
  await app.sendMails()
  assert.equal((await rowOf(app)).state, 'waiting')
  app.clock.advance(5)
  await app.sendMails()
  assert.equal((await rowOf(app)).state, 'sent')
  assert.deepEqual([seen.length, new Set(seen).size], [2, 1])
  assert.doesNotMatch(JSON.stringify([app.logLines, await rowsOf(app)]), /canary/)
})

test('a mail whose secret is gone fails loudly, and the others go', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  for (const to of ['a@example.com', 'b@example.com']) await queue(app, to)
  const [first] = await rowsOf(app)
  const { database } = app.auth.deps
  await database.inTransaction((tx) =>
    tx
      .updateTable('mails')
      .set({ body: 'v9:AAAA' })
      .where('id', '=', first?.id ?? '')
      .execute(),
  )
  assert.equal((await app.sendMails()).length, 1)
  assert.deepEqual((await rowsOf(app)).map(({ state }) => state).toSorted(), ['failed', 'sent'])
  assert.equal(eventsOf(app, 'mail_failed').length, 1)
})

test('by itself it sends within a second of the commit', async () => {
  await using app = await startTestApp({ env: hardenedEnv() })
  await queue(app, BOB)
  const queuedAt = performance.now()
  app.auth.mailer.start()
  await until(() => app.mails.length === 1)
  assert.ok(performance.now() - queuedAt < 1_000)
})
