import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { OLD_HASHES } from '../../test/old-hashes.ts'
import { REAL_HASHES } from '../../test/real-hashes.ts'
import { temporaryDirectory } from '../../test/temporary-directory.ts'
import { startTestApp, type TestApp } from '../../test/test-app.ts'
import { eraseUser } from '../account/erase-user.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { exportUsers } from './export.ts'
import { importUsers, type RowReport } from './import.ts'
import { openUsersFile } from './users-file.ts'

type Line = object | string | Buffer
type Deps = TestApp['auth']['deps']

async function importLines(deps: Deps, lines: readonly Line[], options: { readonly dryRun?: boolean } = {}) {
  await using folder = await temporaryDirectory()
  const bytes = lines.map((line) => (Buffer.isBuffer(line) ? line : Buffer.from(typeof line === 'string' ? line : JSON.stringify(line))))
  writeFileSync(folder.file('users.jsonl'), Buffer.concat(bytes.flatMap((line) => [line, Buffer.from('\n')])))
  using source = openUsersFile(folder.file('users.jsonl'), deps.clock)
  const reports: RowReport[] = []
  const summary = await importUsers(deps, source, { dryRun: options.dryRun === true, onRow: (row) => reports.push(row) })
  assert.equal(source.position(), source.size, 'the progress bar ends at the end')
  return { summary, reports, named: Object.fromEntries(reports.map(({ number, field, reason }) => [number, [field, reason]])) }
}

async function exported(deps: Deps): Promise<string[]> {
  let text = ''
  for await (const page of exportUsers(deps)) text += page.text
  return text.split('\n').slice(0, -1).sort()
}

const ANN = { external_id: '7', email: 'Ann@Example.com', name: 'Ann' }

test('everything that a line says arrives, and the old password goes on working', async () => {
  await using app = await startTestApp()
  const { password, stored } = REAL_HASHES.find(({ source }) => source.startsWith('better-auth')) ?? assert.fail()
  const metadata = { plan: 'free', nested: [1, null, { ключ: '✓' }] }
  const line = { ...ANN, email_verified: true, password_hash: stored, metadata, created_at: '2024-02-29T12:00:00.123456+02:00' }
  const { summary, reports } = await importLines(app.auth.deps, [line])
  assert.deepEqual(summary, { rows: 1, imported: 1, imported_without_password: 0, already_imported: 0, rejected: 0 })
  assert.deepEqual(reports, [{ number: 1, email: 'Ann@Example.com', outcome: 'imported', field: null, reason: null }])
  const { id, ...user } = await app.auth.findUserBy({ externalId: '7' })
  assert.match(id, /^[0-9a-f-]{36}$/)
  assert.deepEqual(user, {
    externalId: '7',
    email: 'Ann@Example.com',
    emailVerified: true,
    name: 'Ann',
    metadata,
    hasPassword: true,
    disabled: false,
    createdAt: new Date('2024-02-29T10:00:00.123Z'),
    passwordChangedAt: null,
  })
  await app.logIn('ann@example.com', password)
  await app.logIn('ann@example.com', password)
})

test('an address is all that a line needs; whom the origin locked out stays locked out', async () => {
  await using app = await startTestApp()
  const { summary, named } = await importLines(app.auth.deps, [
    { email: 'ann@example.com', external_id: null, name: '', metadata: null, created_at: null, password_hash: null, email_verified: null },
    { email: 'bob@example.com', password_hash: OLD_HASHES['bcrypt $2b']('pw'), disabled: true },
  ])
  assert.deepEqual([summary.imported, summary.imported_without_password], [1, 1])
  assert.deepEqual(named[1], [null, null], 'nothing was lost, so nothing is named')
  const ann = await app.auth.findUserBy({ email: 'ann@example.com' })
  assert.deepEqual([ann.externalId, ann.name, ann.metadata, ann.emailVerified, ann.hasPassword], [null, null, null, false, false])
  assert.equal(ann.createdAt.getTime(), app.clock.now())
  assert.equal((await app.request('POST', '/sessions', { form: { email: 'bob@example.com', password: 'pw' } })).status, 401)
})

test('a line that cannot be used is rejected and named with the field at fault; the others go on', async () => {
  await using app = await startTestApp()
  const bad: [field: string | null, reason: RegExp, line: Line][] = [
    [null, /not JSON/, '{"email":"a@example.com"'],
    [null, /not JSON/, 'a@example.com'],
    [null, /not a JSON object/, '["a@example.com"]'],
    [null, /not a JSON object/, 'null'],
    [null, /not UTF-8/, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    [null, /longer than 65536 bytes/, `{"email":"a@example.com","name":"${'x'.repeat(400_000)}"}`],
    ['email', /missing or empty/, { name: 'nobody' }],
    ['email', /missing or empty/, { email: '' }],
    ['email', /not an email address/, { email: 'nobody' }],
    ['email', /not an email address/, { email: 5 }],
    ['password', /no field "password"/, { email: 'a@example.com', password: 'in the clear' }],
    ['__proto__', /no field/, '{"email":"a@example.com","__proto__":{}}'],
    ['email_verified', /true or false/, { email: 'a@example.com', email_verified: 1 }],
    ['disabled', /true or false/, { email: 'a@example.com', disabled: 'no' }],
    ['password_hash', /must be text/, { email: 'a@example.com', password_hash: 5 }],
    ['name', /64 characters/, { email: 'a@example.com', name: 'x'.repeat(65) }],
    ['name', /64 characters/, { email: 'a@example.com', name: 'a\nb' }],
    ['name', /64 characters/, { email: 'a@example.com', name: 5 }],
    ['metadata', /JSON object/, { email: 'a@example.com', metadata: [] }],
    ['metadata', /larger than 4096 bytes/, { email: 'a@example.com', metadata: { x: 'x'.repeat(4_090) } }],
    ['external_id', /1 to 255 characters/, { email: 'a@example.com', external_id: '' }],
    ['external_id', /1 to 255 characters/, { email: 'a@example.com', external_id: 'x'.repeat(256) }],
    ['external_id', /1 to 255 characters/, { email: 'a@example.com', external_id: 'a\0b' }],
    ['external_id', /1 to 255 characters/, '{"email":"a@example.com","external_id":"\\ud800"}'],
    ['external_id', /1 to 255 characters/, { email: 'a@example.com', external_id: 2 ** 53 }],
    ['external_id', /1 to 255 characters/, { email: 'a@example.com', external_id: true }],
    ['created_at', /ISO 8601/, { email: 'a@example.com', created_at: 'yesterday' }],
    ['created_at', /ISO 8601/, { email: 'a@example.com', created_at: '2023-02-29T00:00:00Z' }],
    ['created_at', /ISO 8601/, { email: 'a@example.com', created_at: '2023-02-28T25:00:00Z' }],
    ['created_at', /ISO 8601/, { email: 'a@example.com', created_at: '1700000000000' }],
    ['created_at', /ISO 8601/, { email: 'a@example.com', created_at: 1_700_000_000_000.5 }],
    ['created_at', /are they seconds/, { email: 'a@example.com', created_at: 1_700_000_000 }],
    ['created_at', /future/, { email: 'a@example.com', created_at: 1_700_000_000_000_000 }],
  ]
  const { summary, reports, named } = await importLines(app.auth.deps, [...bad.map(([, , line]) => line), { email: 'a@example.com' }])
  for (const [index, [field, reason]] of bad.entries()) {
    const report = reports[index]
    assert.deepEqual([report?.number, report?.outcome, report?.field], [index + 1, 'rejected', field], JSON.stringify(named[index + 1]))
    assert.match(report?.reason ?? '', reason)
  }
  assert.deepEqual([summary.rows, summary.imported_without_password], [bad.length + 1, 1])
})

test('blank lines, line ends of Windows, a byte order mark and a missing last line end harm nothing; numbers are those of an editor', async () => {
  await using app = await startTestApp()
  await using folder = await temporaryDirectory()
  writeFileSync(
    folder.file('users.jsonl'),
    '\ufeff{"email":"a@example.com"}\r\n\r\n  \n{"email":"b@example.com"}\r\n{"email":"c@example.com"}',
  )
  using source = openUsersFile(folder.file('users.jsonl'), app.clock)
  const numbers: number[] = []
  const summary = await importUsers(app.auth.deps, source, { dryRun: false, onRow: ({ number }) => numbers.push(number) })
  assert.deepEqual([summary.rows, summary.rejected, numbers], [3, 0, [1, 4, 5]])
})

test('created_at is read as databases write it; without a zone it is UTC', async () => {
  await using app = await startTestApp()
  const forms: [written: unknown, meant: string][] = [
    ['2024-06-01', '2024-06-01T00:00:00.000Z'],
    ['2024-06-01 10:20', '2024-06-01T10:20:00.000Z'],
    ['2024-06-01 10:20:30.123456', '2024-06-01T10:20:30.123Z'],
    ['2024-06-01 10:20:30+00', '2024-06-01T10:20:30.000Z'],
    ['2024-06-01T10:20:30.5-0530', '2024-06-01T15:50:30.500Z'],
    ['2024-06-01T10:20:30z', '2024-06-01T10:20:30.000Z'],
    [1_717_237_230_123, '2024-06-01T10:20:30.123Z'],
  ]
  const { summary } = await importLines(
    app.auth.deps,
    forms.map(([created_at], index) => ({ email: `${index}@example.com`, created_at })),
  )
  assert.equal(summary.rejected, 0)
  for (const [index, [, meant]] of forms.entries())
    assert.equal((await app.auth.findUserBy({ email: `${index}@example.com` })).createdAt.toISOString(), meant)
})

test('a hash that cannot be used imports the user without a password', async () => {
  await using app = await startTestApp()
  const { summary, named } = await importLines(app.auth.deps, [
    { email: 'a@example.com', password_hash: '!unusable' },
    { email: 'b@example.com', password_hash: `$2b$15$${'.'.repeat(22)}${'a'.repeat(31)}` },
    { email: 'c@example.com', password_hash: `pbkdf2:sha256:1000$a\0b$${'ab'.repeat(32)}` },
    { email: 'd@example.com', password_hash: `pbkdf2:sha256:1000$${'s'.repeat(2_000)}$${'ab'.repeat(32)}` },
  ])
  assert.deepEqual([summary.imported_without_password, summary.rejected], [4, 0])
  assert.deepEqual(named[1], ['password_hash', 'without a password: the stored hash is none that can be checked'])
  assert.deepEqual(named[2], ['password_hash', 'without a password: bcrypt cost 15 is above 14'])
  assert.deepEqual([named[3]?.[0], named[4]?.[0]], ['password_hash', 'password_hash'])
})

test('of duplicates the first line that can be imported wins, and a dry run says exactly what the real run will, across batches too', async () => {
  await using app = await startTestApp()
  await app.register('taken@example.com', 'mySuperPwd')
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ email: `u${from + i}@example.com`, external_id: from + i }))
  const lines = [
    ANN,
    { email: 'ANN@EXAMPLE.COM', external_id: '8' },
    { email: 'bob@example.com', external_id: '7' },
    // Line 3 was rejected, so it has taken nothing: Bob comes in by this one.
    { email: 'bob@example.com', external_id: '9' },
    { email: 'taken@example.com', external_id: '10' },
    { email: 'carl@example.com', external_id: '10' },
    { email: 'carl@example.com', created_at: 'bad' },
    { email: 'dora@exämple.com' },
    ...many(100, 1_500),
    { email: 'DORA@xn--exmple-cua.com' },
    { email: 'new@example.com', external_id: '100' },
    { email: 'u100@example.com' },
  ]
  const dry = await importLines(app.auth.deps, lines, { dryRun: true })
  assert.equal((await exported(app.auth.deps)).length, 1, 'a dry run writes nothing')
  const real = await importLines(app.auth.deps, lines)
  assert.deepEqual(dry, real)
  const reasons = real.reports.filter(({ outcome }) => outcome === 'rejected').map(({ number, field, reason }) => [number, field, reason])
  assert.deepEqual(reasons, [
    [2, 'email', 'the address is that of line 1'],
    [3, 'external_id', 'the external id is that of line 1'],
    [5, 'email', 'the address is registered already'],
    [7, 'created_at', 'The field "created_at" must be an ISO 8601 date and time, or whole unix milliseconds.'],
    [1509, 'email', 'the address is that of line 8'],
    [1510, 'external_id', 'the external id is that of line 9'],
    [1511, 'email', 'the address is that of line 9'],
  ])
  assert.equal((await app.auth.findUserBy({ email: 'carl@example.com' })).externalId, '10')

  const again = await importLines(app.auth.deps, lines)
  assert.deepEqual(
    [again.summary.imported + again.summary.imported_without_password, again.summary.already_imported, again.summary.rejected],
    [0, 1_504, 7],
    'twice imports nothing twice',
  )
  assert.deepEqual(again.named, real.named)
})

test('an external id that belongs to another user rejects the line: foreign keys would point at somebody else', async () => {
  await using app = await startTestApp()
  await importLines(app.auth.deps, [ANN])
  const { named, summary } = await importLines(app.auth.deps, [
    { ...ANN, email: 'new-address@example.com' },
    { ...ANN, external_id: '8' },
  ])
  assert.equal(summary.rejected, 2)
  assert.deepEqual(named[1], ['external_id', 'the external id 7 belongs to another user'])
  assert.deepEqual(named[2], ['email', 'the address is registered already'])
})

test('a registration between the look and the write keeps its address; the others of the batch come in', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  let raced = false
  const inTransaction: Deps['database']['inTransaction'] = async (work) => {
    if (!raced) {
      raced = true
      await app.register('ann@example.com', 'mySuperPwd')
      await app.auth.addUser('bea@example.com', 'a hash')
    }
    return deps.database.inTransaction(work)
  }
  const racing = { ...deps, database: { ...deps.database, inTransaction } }
  const lines = [ANN, { email: 'bob@example.com', external_id: '8' }, { email: 'bea@example.com' }]
  const { summary, named } = await importLines(racing, lines)
  assert.deepEqual(summary, { rows: 3, imported: 0, imported_without_password: 1, already_imported: 1, rejected: 1 })
  assert.deepEqual(named[1], ['email', 'the address is registered already'])
  assert.equal((await app.auth.findUserBy({ externalId: '8' })).email, 'bob@example.com')
})

test('what is exported from one database and imported into an empty one gives the same users', async () => {
  await using one = await startTestApp()
  await using other = await startTestApp()
  const lines = Array.from({ length: 2_300 }, (_, i) => ({
    email: `User.${i}@Exämple.com`,
    email_verified: i % 2 === 0,
    ...(i % 3 === 0 && { external_id: `ext-${i}` }),
    ...(i % 5 === 0 && { password_hash: `$2b$10$${'.'.repeat(22)}${'a'.repeat(31)}`, disabled: true }),
    ...(i % 7 === 0 && { name: `Nämе ${i}\u00a0✓`, metadata: { i, text: '\u2028\u007f"\\', nested: { a: [1] } } }),
    created_at: 1_600_000_000_000 + i,
  }))
  assert.equal((await importLines(one.auth.deps, lines)).summary.rejected, 0)
  await one.register('bob@bob.com', 'mySuperPwd')
  const out = await exported(one.auth.deps)
  assert.equal(out.length, 2_301)
  const { summary } = await importLines(other.auth.deps, out)
  assert.deepEqual([summary.rejected, summary.already_imported], [0, 0])
  assert.deepEqual(await exported(other.auth.deps), out)
  await other.logIn('bob@bob.com', 'mySuperPwd')
  const [ours, theirs] = [await one.auth.findUserBy({ email: 'bob@bob.com' }), await other.auth.findUserBy({ email: 'bob@bob.com' })]
  assert.notEqual(ours.id, theirs.id, 'ids are made anew')
})

test('an export misses and repeats nobody while users come and go', async () => {
  await using app = await startTestApp()
  const { deps } = app.auth
  await importLines(
    deps,
    Array.from({ length: 2_500 }, (_, i) => ({ email: `u${i}@example.com` })),
  )
  const pages = exportUsers(deps)
  const first = (await pages.next()).value
  assert.ok(first && first.done > 0.2 && first.done < 0.6, 'the progress bar knows where it is')
  const { email } = JSON.parse(first.text.split('\n')[0] ?? '')
  await eraseUser(deps, await app.auth.findUserBy({ email }), OPERATOR)
  await app.auth.updateUser((await app.auth.findUserBy({ email: JSON.parse(first.text.split('\n')[1] ?? '').email })).id, {
    email: 'zzz@example.com',
  })
  let lines = first.text.split('\n').length - 1
  for await (const page of pages) lines += page.users
  assert.equal(lines, 2_500)
})
