import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ENGINE, freshDatabase } from '../fresh-database.ts'
import { OLD_HASHES } from '../old-hashes.ts'
import { REAL_HASHES } from '../real-hashes.ts'
import { runCommand, startService, temporaryFolder } from '../service-process.ts'

/** A folder with a database of the engine under test, and the program in it. */
async function place() {
  const scope = new AsyncDisposableStack()
  const folder = scope.use(temporaryFolder())
  const { url } = scope.use(await freshDatabase())
  const env: Record<string, string> = ENGINE === 'postgres' ? { DATABASE_URL: url } : {}
  const run = (args: readonly string[], input?: string) => runCommand(folder.path, args, { env, ...(input !== undefined && { input }) })
  return { folder, env, run, [Symbol.asyncDispose]: () => scope.disposeAsync() }
}

const LINES = [
  { external_id: 'a1', email: 'ann@example.com', email_verified: true, password_hash: OLD_HASHES['bcrypt $2a']('annsPassword') },
  { external_id: 'b2', email: 'bob@example.com', name: 'Bob', metadata: { plan: 'free' }, created_at: '2020-01-02T03:04:05.000Z' },
  { external_id: 'a1', email: 'ben@example.com' },
  { external_id: 'd4', email: 'dora@example.com', password_hash: '\u001b[31m' },
  { external_id: 'e5', email: 'eve@example.com', '\u001b[2J\u009bm': 1 },
]
const FILE = LINES.map((line) => `${JSON.stringify(line)}\n`).join('')

test('users come in from a file beside the running service, log in with their old passwords, and go out again as they came', async () => {
  await using at = await place()
  await using service = await startService(at.folder.path, at.env)
  writeFileSync(at.folder.file('users.jsonl'), FILE)

  const dry = await at.run(['import', 'users', 'users.jsonl', '--dry-run'])
  assert.match(dry.stdout, /5 lines: 3 would be imported \(2 without a password\), 0 there already, 2 rejected\./)
  const real = await at.run(['import', 'users', 'users.jsonl', '--report', 'report.jsonl'])
  assert.deepEqual([real.code, real.stderr], [0, ''])
  assert.equal(real.stdout.replace('imported (', 'would be imported ('), dry.stdout)
  assert.match(real.stdout, /^line 3 {2}ben@example\.com {2}rejected: the external id is that of line 1$/m)
  assert.doesNotMatch(real.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/, 'nothing in the file commands the terminal')
  const report = readFileSync(at.folder.file('report.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(report[2], {
    line: 3,
    email: 'ben@example.com',
    outcome: 'rejected',
    field: 'external_id',
    reason: 'the external id is that of line 1',
  })
  assert.equal(statSync(at.folder.file('report.jsonl')).mode & 0o777, 0o600)

  const login = (password: string) =>
    fetch(`${service.url}/sessions`, { method: 'POST', body: new URLSearchParams({ email: 'ann@example.com', password }) })
  assert.equal((await login('wrong')).status, 401)

  const out = await at.run(['export', 'users'])
  const [ann, bob, ...rest] = out.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .sort((a, b) => (a.email < b.email ? -1 : 1))
  assert.deepEqual({ ...ann, created_at: undefined }, { ...LINES[0], created_at: undefined })
  assert.deepEqual(bob, { ...LINES[1], email_verified: false })
  assert.equal(rest.length, 1)
  assert.equal((await login('annsPassword')).status, 200)
})

test('standard input is a file too, and --json is for scripts', async () => {
  await using at = await place()
  const first = JSON.parse((await at.run(['import', 'users', '-', '--json'], FILE)).stdout)
  const { named, ...summary } = first
  assert.deepEqual(summary, { dry_run: false, rows: 5, imported: 1, imported_without_password: 2, already_imported: 0, rejected: 2 })
  assert.deepEqual(
    named.map(({ line, field }: { line: number; field: string }) => [line, field]),
    [
      [3, 'external_id'],
      [4, 'password_hash'],
      [5, '\u001b[2J\u009bm'],
    ],
  )
  const second = JSON.parse((await at.run(['import', 'users', '-', '--json'], FILE)).stdout)
  assert.deepEqual([second.imported, second.already_imported, second.rejected], [0, 3, 2])
})

test('of very many rejected lines a thousand are named on the screen, and all in the report', async () => {
  await using at = await place()
  const input = '{"email":"no address"}\n'.repeat(1_005)
  const { stdout } = await at.run(['import', 'users', '-', '--dry-run', '--report', 'report.jsonl'], input)
  assert.match(stdout, /^… and 5 more; --report FILE writes them all\.$/m)
  assert.equal(readFileSync(at.folder.file('report.jsonl'), 'utf8').trim().split('\n').length, 1_005)
})

test('an export makes a new file for its owner only, and says that hashes are in it', async () => {
  await using at = await place()
  const { stored } = REAL_HASHES[0] ?? assert.fail()
  await at.run(['import', 'users', '-'], JSON.stringify({ email: 'ann@example.com', password_hash: stored }))
  const made = await at.run(['export', 'users', 'out.jsonl'])
  assert.deepEqual([made.code, made.stdout], [0, '1 users written to out.jsonl, with their password hashes.\n'])
  assert.equal(statSync(at.folder.file('out.jsonl')).mode & 0o777, 0o600)
  assert.equal(JSON.parse(readFileSync(at.folder.file('out.jsonl'), 'utf8')).password_hash, stored)

  writeFileSync(at.folder.file('mine.txt'), 'mine')
  const refused = await at.run(['export', 'users', 'mine.txt'])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /mine\.txt exists already; an export never overwrites/)
  assert.equal(readFileSync(at.folder.file('mine.txt'), 'utf8'), 'mine')
  const nowhere = await at.run(['export', 'users', 'no-such-folder/out.jsonl'])
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /no-such-folder\/out\.jsonl cannot be written/)
})

test('a report is a new file, and never takes the place of another, be it the one that is imported', async () => {
  await using at = await place()
  writeFileSync(at.folder.file('users.jsonl'), FILE)
  const refused = await at.run(['import', 'users', 'users.jsonl', '--report', 'users.jsonl'])
  assert.deepEqual([refused.code, refused.stderr], [1, 'users.jsonl exists already; a report never overwrites.\n'])
  assert.equal(readFileSync(at.folder.file('users.jsonl'), 'utf8'), FILE)
  const dry = await at.run(['import', 'users', 'users.jsonl', '--dry-run'])
  assert.match(dry.stdout, / 3 would be imported .* 0 there already/, 'nothing was imported')
  assert.ok(!existsSync(at.folder.file('bienvenue.db')))
})

test('a file that is not there, or a folder, is refused with 1 and makes no database', async () => {
  using folder = temporaryFolder()
  for (const file of ['missing.jsonl', '.']) {
    const result = await runCommand(folder.path, ['import', 'users', file])
    assert.equal(result.code, 1)
    assert.match(result.stderr, /^The file .* cannot be read: /)
  }
  assert.ok(!existsSync(folder.file('bienvenue.db')))
})
