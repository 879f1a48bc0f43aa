import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { copyFile, link, readdir, symlink } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import fc from 'fast-check'
import { ENGINE } from '../../test/fresh-database.ts'
import { contentOf, filledFile, freshTarget, moveOptions } from '../../test/move-databases.ts'
import { refused } from '../../test/refusals.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { startTestApp } from '../../test/test-app.ts'
import { systemClock } from '../clock.ts'
import { move } from './move.ts'
import { type MoveOptions, openEnd, planMove } from './move-plan.ts'

/** As the command does it. */
async function planAndMove(options: MoveOptions, onRows: (rows: number) => void = () => {}) {
  await planMove(options)
  return move(options, systemClock, onRows)
}

function change(path: string, sql: string): void {
  using file = new DatabaseSync(path)
  file.exec(sql)
}

const NUL = '\0'
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((some) => some.replaceAll(NUL, '')),
  fc.constantFrom('', ' ', '😀', 'é', 'e\u0301', '\'"\\', '\u{10FFFF}', '\uFFFD', '\r\n'),
)
const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(2n ** 53n + 1n, 0n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null })
const userRow = fc.record({
  email: text,
  name: maybe(text),
  metadata: maybe(text),
  password_hash: maybe(text),
  email_verified_at: maybe(integer),
  created_at: integer,
  token_hash: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  amr: text,
})

test('every value survives the way there and back: large numbers, null, empty text, astral characters, bytes', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(directory.file('empty.db'), 0)
  const rows = fc.uniqueArray(userRow, { maxLength: 40, selector: ({ token_hash }) => Buffer.from(token_hash).toString('hex') })
  await fc.assert(
    fc.asyncProperty(fc.uuid(), rows, async (run, users) => {
      const [first, back] = [directory.file(`${run}.db`), directory.file(`${run}-back.db`)]
      await copyFile(directory.file('empty.db'), first)
      {
        using file = new DatabaseSync(first)
        for (const [index, { email, name, metadata, password_hash, email_verified_at, created_at, token_hash, amr }] of users.entries()) {
          // A key may be any text too, as long as it is nobody else's.
          const id = `${index}${email}`
          file
            .prepare('insert into users values (?, null, ?, ?, ?, ?, null, ?, ?, null, ?, ?)')
            .run(id, email, id, email_verified_at, password_hash, name, metadata, created_at, created_at)
          file.prepare("insert into sessions values (?, ?, ?, 1, 2, 3, ?, ?, '', null, null)").run(token_hash, id, id, created_at, amr)
        }
      }
      const there = await planAndMove(moveOptions(`file:${first}`, target.url, true))
      const andBack = await planAndMove(moveOptions(target.url, `file:${back}`))
      assert.deepEqual(contentOf(back), contentOf(first))
      assert.deepEqual(andBack, there)
    }),
    { numRuns: 6 },
  )
})

test('the source is not changed by one byte, and nothing is put beside it', async () => {
  await using directory = await temporaryDirectory()
  await using source = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(source.file('a.db'), 3)
  const before = readFileSync(source.file('a.db'))
  let seen: string[] = []
  await planAndMove(moveOptions(`file:${source.file('a.db')}`, target.url), () => {
    seen = seen.concat(readFileSync(source.file('a.db')).equals(before) ? [] : 'changed')
  })
  assert.deepEqual(readFileSync(source.file('a.db')), before)
  assert.deepEqual(await readdir(source.path), ['a.db'])
  assert.deepEqual(seen, [])
})

test('what a service has written and SQLite not yet put into the file is moved too', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  await using app = await startTestApp({ databaseUrl: `file:${path}` })
  await app.register('bob@bob.com', 'mySuperPwd')
  assert.ok((await readdir(directory.path)).includes('a.db-wal'))
  const moved = await planAndMove(moveOptions(`file:${path}`, target.url))
  assert.equal(moved.find(({ name }) => name === 'users')?.rows, 1)
})

test('a move that stopped goes on where it stood and copies nothing twice; until it is done no service opens the target', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const from = `file:${directory.file('a.db')}`
  await filledFile(directory.file('a.db'), 4_500)
  const options = moveOptions(from, target.url)
  let batches = 0
  const stopped = move(options, systemClock, () => {
    if (++batches === 2) throw new Error('killed')
  })
  await assert.rejects(stopped, /killed/)
  await assert.rejects(startTestApp({ databaseUrl: target.url }), refused('database_refused'))
  await assert.rejects(startTestApp({ databaseUrl: target.url }), /Run the same "bienvenue move" again/)
  assert.equal((await planMove(options)).copiedBefore, 4_000)

  // As a source it is not finished either, and another move does not go on with it.
  await assert.rejects(planMove(moveOptions(target.url, `file:${directory.file('b.db')}`)), /is not finished: finish that one first/)
  await filledFile(directory.file('other.db'), 1)
  await assert.rejects(planMove(moveOptions(`file:${directory.file('other.db')}`, target.url)), /--empty-target/)

  let rows = 0
  const moved = await planAndMove(options, (more) => {
    rows += more
  })
  assert.equal(rows, 5_000 + 2 * 9_000, 'the rest is copied, and both sides are read anew')
  assert.deepEqual(
    moved.map((table) => table.rows).filter((count) => count > 0),
    [4_500, 4_500],
  )
  await using app = await startTestApp({
    databaseUrl: target.url,
    env: { BIENVENUE_SECRET: 'v1:7kQ2m9XvT4sLw8ZbN1cJ5hRdY3gFpUaE6oKiSxVqBtMyCzAW' },
  })
  assert.equal((await app.request('GET', '/')).status, 200)
})

test('a source that changed meanwhile is said, and the next run begins anew', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  await filledFile(path, 2)
  const options = moveOptions(`file:${path}`, target.url)
  let calls = 0
  const changed = move(options, systemClock, () => {
    if (++calls === 1) change(path, "update users set name = 'Bob' where id = '00000001'")
  })
  await assert.rejects(changed, /changed while it was being moved.*Stop the service, then run the same command again/)
  await assert.rejects(startTestApp({ databaseUrl: target.url }), refused('database_refused'))
  const moved = await planAndMove(options)
  assert.equal(moved[0]?.rows, 2)
})

test('a source that changed between two runs of one move is said too', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  await filledFile(path, 2_500)
  const options = moveOptions(`file:${path}`, target.url)
  await assert.rejects(
    move(options, systemClock, () => {
      throw new Error('killed')
    }),
    /killed/,
  )
  // Its session refers to a user whom the target has not got, since that part of the table was copied already.
  change(path, "insert into users (id, email, email_canonical, created_at, updated_at) values ('0', 'new', 'new', 1, 1)")
  change(path, "update sessions set user_id = '0' where id = '00000001'")
  await assert.rejects(planAndMove(options), /changed while it was being moved/)
  assert.equal((await planAndMove(options))[0]?.rows, 2_501)
})

test('a target that does not hold what was copied is found out, and the next run begins anew', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(directory.file('a.db'), 1)
  const options = moveOptions(`file:${directory.file('a.db')}`, target.url)
  let calls = 0
  const stopped = move(options, systemClock, () => {
    if (++calls === 2) throw new Error('killed')
  })
  await assert.rejects(stopped, /killed/)
  {
    await using end = await openEnd(options.to, 'write')
    await end.transaction(async () => void (await end.query(`update ${end.nameOf('users')} set name = 'not his'`)))
  }
  await assert.rejects(planAndMove(options), /does not hold what was copied \(users: 1 rows copied, 1 found\)/)
  await assert.rejects(startTestApp({ databaseUrl: target.url }), refused('database_refused'))
  assert.equal((await planAndMove(options))[0]?.rows, 1)
})

test('a target with users is refused unless it is to be emptied; one in which a service only started is not', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  await filledFile(directory.file('a.db'), 2)
  const from = `file:${directory.file('a.db')}`
  {
    await using app = await startTestApp({ databaseUrl: target.url })
    await app.register('old@me.com', 'password')
  }
  await assert.rejects(planMove(moveOptions(from, target.url)), /is not empty \(users: 1, audit_events: \d\).*--empty-target/)
  await assert.rejects(
    move(moveOptions(from, target.url), systemClock, () => {}),
    refused('database_refused'),
  )
  assert.deepEqual(
    (await planMove(moveOptions(from, target.url, true))).deleted.map(({ name }) => name),
    ['users', 'audit_events'],
  )
  await planAndMove(moveOptions(from, target.url, true))
  const [users] = (await planMove(moveOptions(target.url, `file:${directory.file('b.db')}`))).tables
  assert.deepEqual(users, { name: 'users', rows: 2 })
})

test('one database under two names is not moved into itself', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  await filledFile(path, 1)
  await link(path, directory.file('hard.db'))
  await symlink(path, directory.file('soft.db'))
  for (const other of ['a.db', 'hard.db', 'soft.db'])
    await assert.rejects(planMove(moveOptions(`file:${path}`, `file:${directory.file(other)}`, true)), /are the same database/)
  await planAndMove(moveOptions(`file:${path}`, target.url))
  const sameHost = target.url.replace('127.0.0.1', 'localhost')
  await assert.rejects(planMove(moveOptions(target.url, sameHost, true)), /are the same database/)
})

test('a source that is not there, not ours, older or newer is refused and not touched', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  const plan = () => planMove(moveOptions(`file:${path}`, target.url))
  await assert.rejects(plan(), /There is no database file/)
  writeFileSync(path, 'this is no database, but it is long enough to look like one, perhaps')
  await assert.rejects(plan(), /cannot be read as a SQLite database|cannot be used/)
  writeFileSync(path, '')
  await assert.rejects(plan(), /is no database of Bienvenue/)
  await filledFile(path, 1)
  change(path, "insert into bienvenue_migrations values ('999-of-tomorrow', 1)")
  await assert.rejects(plan(), /newer version \(999-of-tomorrow\)/)
  change(path, 'delete from bienvenue_migrations')
  const before = readFileSync(path)
  await assert.rejects(plan(), /not migrated to this version.*bienvenue migrate/)
  assert.deepEqual(readFileSync(path), before)
  assert.deepEqual(await readdir(directory.path), ['a.db'], 'and nothing was made')
})

test("a target file with somebody else's tables is refused and not touched", async () => {
  await using directory = await temporaryDirectory()
  await filledFile(directory.file('a.db'), 1)
  change(directory.file('theirs.db'), 'create table invoices (id integer)')
  const before = readFileSync(directory.file('theirs.db'))
  const options = moveOptions(`file:${directory.file('a.db')}`, `file:${directory.file('theirs.db')}`, true)
  await assert.rejects(planMove(options), /holds tables that are not Bienvenue's \(invoices\)/)
  assert.deepEqual(readFileSync(directory.file('theirs.db')), before)
  await assert.rejects(
    planMove(moveOptions(`file:${directory.file('a.db')}`, `file:${directory.file('no/b.db')}`)),
    /folder .* does not exist/,
  )
})

test('text with U+0000 moves to SQLite as it is, and is refused for PostgreSQL with the row named before anything is moved', async () => {
  await using directory = await temporaryDirectory()
  await using target = await freshTarget(directory)
  const path = directory.file('a.db')
  await filledFile(path, 2)
  change(path, "update users set name = 'a' || char(0) || 'b' where id = '00000002'")
  const options = moveOptions(`file:${path}`, target.url)
  if (ENGINE === 'postgres') {
    await assert.rejects(planMove(options), /U\+0000, and it is in users\.name where id = "00000002"\. Nothing was moved/)
    return
  }
  await planAndMove(options)
  assert.deepEqual(contentOf(directory.file('target.db')), contentOf(path))
})
