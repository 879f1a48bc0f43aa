import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ENGINE } from '../fresh-database.ts'
import { freshPlace } from '../service-process.ts'
import { TEST_SECRET } from '../test-app.ts'

test('the operator lists, exports and verifies what happened, and that they looked is an event too', async () => {
  await using place = await freshPlace()
  const env = ENGINE === 'postgres' ? { BIENVENUE_SECRET: TEST_SECRET } : {}
  const run = (args: string) => place.run(args.split(' '), { env })
  assert.equal((await run('users add ann@example.com')).code, 0)
  const { id } = JSON.parse((await run('users show ann@example.com --json')).stdout)

  const listed = (await run('audit list --user ann@example.com --json')).stdout.trim().split('\n')
  assert.deepEqual(
    listed.map((line) => JSON.parse(line)).map((one) => [one.event, one.actor, one.subject]),
    [
      ['audit_read', 'operator', id],
      ['user_created', 'operator', id],
    ],
  )
  assert.match((await run('audit list --event user_created --since 1h')).stdout, /TIME .*\n.*user_created {2}success .*operator/)
  const misspelt = await run('audit list --event user_create')
  assert.deepEqual([misspelt.code, misspelt.stderr.includes('did you mean user_created?')], [2, true])

  const exported = (await run('audit export')).stdout
  const lines = exported
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ event }) => event),
    ['user_created', 'audit_read', 'audit_read', 'audit_read', 'audit_head'],
  )
  writeFileSync(place.file('export.jsonl'), exported)
  const verified = await run('audit verify --head export.jsonl --json')
  const verdict = JSON.parse(verified.stdout)
  assert.deepEqual([verified.code, verdict.intact, verdict.sealed, verdict.unsealed, verdict.heads], [0, true, 4, 0, 1])
  const forged = await place.run(['audit', 'verify', '--head', JSON.stringify({ ...lines.at(-1), seq: 9 })], { env })
  assert.equal(forged.code, 1)
  assert.match(forged.stdout, /number 9: the signature of the head from outside is wrong/)
  assert.match(forged.stderr, /The audit log is not intact/)
})
