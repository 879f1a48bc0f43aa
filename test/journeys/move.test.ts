import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { openEnd } from '../../src/db/move-plan.ts'
import { readProgress, rowsCopied } from '../../src/db/move-progress.ts'
import { ENGINE } from '../fresh-database.ts'
import { filledFile, freshTarget, moveOptions } from '../move-databases.ts'
import { runCommand, startCommand, startService, temporaryFolder } from '../service-process.ts'

const form = (fields: Record<string, string>, method = 'POST') => ({ method, body: new URLSearchParams(fields) })
const ANN = { email: 'ann@example.com', password: 'secret of ann' }

async function logIn(service: { readonly url: string }): Promise<{ readonly headers: { readonly cookie: string } }> {
  const answer = await fetch(`${service.url}/sessions`, form(ANN))
  assert.equal(answer.status, 200)
  return { headers: { cookie: String(answer.headers.getSetCookie()[0]?.split(';')[0]) } }
}

async function resetToken(service: { readonly url: string }): Promise<string> {
  const answer = await fetch(`${service.url}/reset_password`, form({ email: ANN.email }))
  return ((await answer.json()) as { reset_token: string }).reset_token
}

test('cookies and reset tokens work on after a move, and after the move back', async () => {
  using folder = temporaryFolder()
  await using target = await freshTarget(folder)
  const run = (...args: string[]) => runCommand(folder.path, ['move', '--yes', ...args])
  let session: Awaited<ReturnType<typeof logIn>>
  let token: string
  {
    await using service = await startService(folder.path)
    await fetch(`${service.url}/users`, form(ANN))
    session = await logIn(service)
    token = await resetToken(service)
    await service.stop()
  }
  const there = await run('--from', 'file:bienvenue.db', '--to', target.url)
  assert.equal(there.code, 0, there.stderr)
  assert.match(there.stdout, /Moved and verified: \d+ rows/)
  let second: typeof session
  {
    await using service = await startService(folder.path, { DATABASE_URL: target.url })
    assert.equal((await fetch(`${service.url}/profile`, session)).status, 200)
    second = await logIn(service)
    await service.stop()
  }
  const back = await run('--from', target.url, '--to', 'file:back.db')
  assert.equal(back.code, 0, back.stderr)
  await using service = await startService(folder.path, { DATABASE_URL: 'file:back.db' })
  for (const one of [session, second]) assert.equal((await fetch(`${service.url}/profile`, one)).status, 200)
  const reset = form({ email: ANN.email, reset_token: token, new_password: 'another one' }, 'PUT')
  assert.equal((await fetch(`${service.url}/reset_password`, reset)).status, 200)
})

test('killed in the middle, the same command goes on where it stood; until then the service refuses the target', async () => {
  using folder = temporaryFolder()
  await using target = await freshTarget(folder)
  await filledFile(folder.file('bienvenue.db'), 20_000)
  const args = ['move', '--yes', '--from', 'file:bienvenue.db', '--to', target.url]
  const command = startCommand(folder.path, args)
  while ((await rowsIn(target.url, folder.file('target.db'))) === 0) assert.equal(command.ended(), false)
  assert.equal((await command.stop('SIGKILL')).code, null)

  const refused = await runCommand(folder.path, [], { env: { DATABASE_URL: target.url, PORT: '0' } })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /A move into this database is not finished/)
  assert.equal(existsSync(folder.file('bienvenue.secret')), false, 'it has not made a secret of its own')

  const again = await runCommand(folder.path, args)
  assert.equal(again.code, 0, again.stderr)
  assert.match(again.stdout, /An earlier run of this move has copied \d+ rows/)
  assert.match(again.stdout, /Moved and verified: 40000 rows/)
  await using service = await startService(folder.path, { DATABASE_URL: target.url })
  assert.equal((await fetch(`${service.url}/readyz`)).status, 200)
})

/** How many rows the move that runs in another process has copied by now. */
async function rowsIn(url: string, file: string): Promise<number> {
  if (ENGINE === 'sqlite' && !existsSync(file)) return 0
  await using end = await openEnd(moveOptions(url, url).to, 'snapshot')
  return (await end.schema()).has('service_state') ? rowsCopied(await readProgress(end)) : 0
}

test('plan and result as JSON; nothing is done unasked; no password of an address is shown', async () => {
  using folder = temporaryFolder()
  await using target = await freshTarget(folder)
  await filledFile(folder.file('bienvenue.db'), 3)
  const args = ['move', '--from', 'file:bienvenue.db', '--to', target.url]
  const unasked = await runCommand(folder.path, args)
  assert.equal(unasked.code, 2)
  assert.match(unasked.stdout, /users +3/)
  assert.match(unasked.stderr, /This copies 6 rows\. Say --yes/)
  assert.equal(existsSync(folder.file('target.db')), false)

  const { code, stdout } = await runCommand(folder.path, [...args, '--yes', '--json'])
  assert.equal(code, 0)
  const { from, plan, result } = JSON.parse(stdout)
  assert.equal(from, folder.file('bienvenue.db'))
  assert.deepEqual(plan.tables.slice(0, 2), [
    { name: 'users', rows: 3 },
    { name: 'sessions', rows: 3 },
  ])
  assert.deepEqual([plan.deleted_from_target, plan.rows_copied_before], [[], 0])
  assert.match(result.tables[0].checksum, /^[0-9a-f]{64}$/)

  const again = await runCommand(folder.path, [...args, '--yes'])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /is not empty \(users: 3, sessions: 3\)/)
  const nowhere = await runCommand(folder.path, [
    'move',
    '--yes',
    '--from',
    'file:bienvenue.db',
    '--to',
    'postgres://ann:canary@127.0.0.1:1/x',
  ])
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /^postgres:\/\/ann@127\.0\.0\.1:1\/x cannot be used\. .*ECONNREFUSED/)
  for (const text of [unasked.stdout, stdout, again.stderr, nowhere.stderr]) assert.doesNotMatch(text, /canary|:\/\/\w+:\w+@/)
})

test('an address that is none, and a database in memory, are refused by the name of the option', async () => {
  using folder = temporaryFolder()
  for (const [from, to, pattern] of [
    ['bienvenue.db', 'file:b.db', /--from is not file:PATH/],
    ['file:bienvenue.db', 'mysql://x', /--to is not file:PATH/],
    ['file::memory:', 'file:b.db', /--from names a database in memory/],
  ] as const) {
    const { code, stderr } = await runCommand(folder.path, ['move', '--from', from, '--to', to])
    assert.equal(code, 2)
    assert.match(stderr, pattern)
  }
})

test('the last words say where the secret must lie', async () => {
  using folder = temporaryFolder()
  await using target = await freshTarget(folder)
  await (await startService(folder.path, { DATABASE_URL: `file:${folder.file('bienvenue.db')}` })).stop()
  const env = { BIENVENUE_SECRET: '7kQ2m9XvT4sLw8ZbN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCzAW' }
  const move = (to: string, more: Record<string, string> = {}) =>
    runCommand(folder.path, ['move', '--yes', '--empty-target', '--from', 'file:bienvenue.db', '--to', to], { env: more })
  assert.match((await move('file:b.db', env)).stdout, /DATABASE_URL file:b\.db and the same BIENVENUE_SECRET/)
  const there = await move(target.url)
  assert.ok(there.stdout.includes(`The secret, ${folder.file('bienvenue.secret')}, must lie in `), there.stdout)
  using other = temporaryFolder()
  const elsewhere = await move(`file:${other.file('b.db')}`)
  assert.ok(elsewhere.stdout.includes(`cp -p ${folder.file('bienvenue.secret')} ${other.file('bienvenue.secret')}`), elsewhere.stdout)
})

test('`restored` ends every session and reset token of a copy that brought them back, and keeps the users', async () => {
  using folder = temporaryFolder()
  await using target = await freshTarget(folder)
  const env = { DATABASE_URL: target.url }
  let session: Awaited<ReturnType<typeof logIn>>
  let token: string
  {
    await using service = await startService(folder.path, env)
    await fetch(`${service.url}/users`, form(ANN))
    session = await logIn(service)
    await logIn(service)
    token = await resetToken(service)
    await service.stop()
  }
  const unasked = await runCommand(folder.path, ['restored'], { env })
  assert.equal(unasked.code, 2)
  assert.match(unasked.stderr, /This ends 2 sessions, 1 reset token, .* and .* of .* Say --yes/)
  const { stdout } = await runCommand(folder.path, ['restored', '--yes'], { env })
  assert.match(stdout, /^Ended 2 sessions, 1 reset token, .*\. Everybody logs in anew\.\n$/)
  const again = await runCommand(folder.path, ['restored', '--yes', '--json'], { env })
  assert.ok(Object.values(JSON.parse(again.stdout).ended).every((rows) => rows === 0))
  await using service = await startService(folder.path, env)
  assert.equal((await fetch(`${service.url}/profile`, session)).status, 403)
  assert.equal(
    (await fetch(`${service.url}/reset_password`, form({ email: ANN.email, reset_token: token, new_password: 'x' }, 'PUT'))).status,
    403,
  )
  await logIn(service)
})
