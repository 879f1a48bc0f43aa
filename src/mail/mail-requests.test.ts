import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptDatabase } from '../../test/fresh-database.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { sweep } from '../service/sweeper.ts'
import { deferMail, queueMail } from './mail.ts'
import { makeMailer } from './mailer.ts'
import type { Message } from './message.ts'

const CHANGED: Message = { kind: 'password_changed' }
const DAY_SECONDS = 86_400

function defer({ auth: { deps } }: TestApp, subject: string): Promise<void> {
  return deps.database.inTransaction((tx) => deferMail(deps, tx, { kind: 'reset_password', subject }))
}

const statesOf = async (app: TestApp) =>
  (await app.auth.deps.database.reads.selectFrom('mails').select(['state']).execute()).map(({ state }) => state).toSorted()
const requestsOf = (app: TestApp) => app.auth.deps.database.reads.selectFrom('mail_requests').selectAll().execute()

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
