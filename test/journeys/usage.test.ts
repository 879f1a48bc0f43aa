import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand, temporaryFolder } from '../service-process.ts'

// What the command line does whatever the database is; what it does to one is in command-line.test.ts.

const data = (name: string) => fileURLToPath(new URL(`../data/${name}`, import.meta.url))

test('every command has help, and wrong usage ends with 2 and a hint', async () => {
  using place = temporaryFolder()
  const helps = ['--help', 'users list --help', 'import classic --help']
  for (const result of await Promise.all(helps.map((args) => runCommand(place.path, args.split(' '))))) {
    assert.equal(result.code, 0)
    assert.match(result.stdout, /Usage: bienvenue/)
  }
  const unknown = await runCommand(place.path, ['user'])
  assert.equal(unknown.code, 2)
  assert.match(unknown.stderr, /did you mean users\?/)
  assert.equal((await runCommand(place.path, ['users', 'show'])).code, 2)
})

test('wrong settings are reported all at once, and nothing is created', async () => {
  using place = temporaryFolder()
  const result = await runCommand(place.path, [], { env: { PORT: 'x', BIENVENUE_SESION_IDLE: '3d', HOST: '0.0.0.0' } })
  assert.equal(result.code, 2)
  assert.match(result.stderr, /PORT is not a whole number/)
  assert.match(result.stderr, /did you mean BIENVENUE_SESSION_IDLE\?/)
  assert.match(result.stderr, /HOST 0\.0\.0\.0 is not a loopback address/)
  assert.equal(existsSync(place.file('bienvenue.db')), false)
})

test('`config` shows what is in force and never a secret', async () => {
  using place = temporaryFolder()
  const secret = 'canary-0123456789-abcdefghijklmnopqrstuvwxyz'
  const result = await runCommand(place.path, ['config', '--json'], { env: { BIENVENUE_SECRET: secret, BIENVENUE_SESSION_IDLE: '12h' } })
  assert.equal(result.code, 0)
  const settings = JSON.parse(result.stdout)
  assert.deepEqual(settings.BIENVENUE_SESSION_IDLE, { value: '12h', from: 'environment' })
  assert.deepEqual(settings.BIENVENUE_SECRET, { value: '[secret]', from: 'environment' })
  assert.equal(result.stdout.includes('canary'), false)
})

test('a reader that has seen enough ends a command quietly', { skip: process.platform === 'win32' && 'there is no sh' }, async () => {
  using place = temporaryFolder()
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  // `true` reads nothing and is gone long before the command writes.
  const shell = spawn('sh', ['-c', '{ "$0" "$1" config; echo "code $?" >&2; } | true', process.execPath, main], { cwd: place.path })
  let stderr = ''
  shell.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  await once(shell, 'close')
  assert.equal(stderr, 'code 0\n')
})

test('a file that is no classic database is refused with 1, and ours is not mistaken for one', async () => {
  using place = temporaryFolder()
  writeFileSync(place.file('text.db'), 'this is no database, but it is long enough to look like one, perhaps')
  for (const [file, pattern] of [
    ['missing.db', /no file missing\.db/],
    ['text.db', /cannot be read as a SQLite database/],
  ] as const) {
    const result = await runCommand(place.path, ['import', 'classic', file])
    assert.equal(result.code, 1)
    assert.match(result.stderr, pattern)
  }
  // Started on the reference's own file, the service leaves it alone and names the command.
  writeFileSync(place.file('classic.db'), readFileSync(data('classic.db')))
  const started = await runCommand(place.path, [], { env: { DATABASE_URL: 'file:classic.db', PORT: '0' } })
  assert.equal(started.code, 1)
  assert.match(started.stderr, /bienvenue import classic classic\.db/)
  assert.deepEqual(readFileSync(place.file('classic.db')), readFileSync(data('classic.db')))
})

test('a classic table whose ids cannot be told apart or kept exactly is refused in one sentence, dry too', async () => {
  using place = temporaryFolder()
  for (const [ids, fault] of [
    ['9007199254740992', 'too large'],
    ['-9223372036854775808', 'too large'],
    ['1, 2, 1', 'there more than once'],
    ["'1', null", 'not whole numbers'],
  ] as const) {
    {
      using file = new DatabaseSync(place.file('hostile.db'))
      file.exec('drop table if exists users; create table users (id, email text, hashed_password text)')
      for (const [row, id] of ids.split(', ').entries()) file.exec(`insert into users values (${id}, 'user${row}@example.com', '')`)
    }
    const result = await runCommand(place.path, ['import', 'classic', 'hostile.db', '--dry-run'])
    assert.equal(result.code, 1)
    assert.match(result.stderr, new RegExp(`^The table "users" of hostile\\.db has ids that are ${fault}.*\\.\n$`))
  }
})

test('what only reads never makes a database: a misspelt path is said, and a dry run leaves nothing behind', {}, async () => {
  using place = temporaryFolder()
  for (const args of [
    ['users', 'list'],
    ['backup', 'copy.db'],
    ['sessions', 'end', 'ann@example.com'],
  ]) {
    const result = await runCommand(place.path, args, { env: { DATABASE_URL: 'file:misspelt.db' } })
    assert.equal(result.code, 1, args.join(' '))
    assert.match(result.stderr, /There is no database misspelt\.db/)
  }
  const dry = await runCommand(place.path, ['import', 'classic', data('classic.db'), '--dry-run'])
  assert.match(dry.stdout, /2 rows: 2 would be imported/)
  assert.deepEqual(readdirSync(place.path), [])
  await runCommand(place.path, ['migrate'])
  const nowhere = await runCommand(place.path, ['backup', 'no-such-folder/copy.db'])
  assert.deepEqual([nowhere.code, nowhere.stderr.trim()], [1, 'The folder no-such-folder does not exist.'])
})
