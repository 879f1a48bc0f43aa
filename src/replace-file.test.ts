import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { refused } from '../test/refusals.ts'
import { temporaryDirectory } from '../test/temporary-directory.ts'
import { AuthError } from './errors.ts'
import { replaceSecretFile } from './replace-file.ts'

test('a secret file is replaced for its owner only, and nothing stays beside it', async () => {
  await using folder = await temporaryDirectory()
  const path = folder.file('secret')
  writeFileSync(path, 'old')
  chmodSync(path, 0o644)
  replaceSecretFile(path, (present) => `${present} and new`)
  assert.equal(readFileSync(path, 'utf8'), 'old and new')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(folder.path), ['secret'])
})

test('a link stays a link', async () => {
  await using folder = await temporaryDirectory()
  writeFileSync(folder.file('secret'), 'old')
  symlinkSync('secret', folder.file('link'))
  replaceSecretFile(folder.file('link'), () => 'new')
  assert.equal(readFileSync(folder.file('secret'), 'utf8'), 'new')
  assert.deepEqual(readdirSync(folder.path).sort(), ['link', 'secret'])
})

test('the file keeps its owner', { skip: process.getuid?.() !== 0 && 'only root can give a file away' }, async () => {
  await using folder = await temporaryDirectory()
  const path = folder.file('secret')
  writeFileSync(path, 'old')
  chownSync(path, 12_345, 12_346)
  replaceSecretFile(path, () => 'new')
  assert.deepEqual([statSync(path).uid, statSync(path).gid], [12_345, 12_346])
})

test('of two that rewrite it at once, the second is refused; whoever fails leaves the file as it was', async () => {
  await using folder = await temporaryDirectory()
  const path = folder.file('secret')
  writeFileSync(path, 'old')
  replaceSecretFile(path, () => {
    assert.throws(() => replaceSecretFile(path, () => 'second'), refused('file_refused'))
    return 'first'
  })
  assert.equal(readFileSync(path, 'utf8'), 'first')
  const refusal = new AuthError('configuration_invalid')
  assert.throws(
    () =>
      replaceSecretFile(path, () => {
        throw refusal
      }),
    refusal,
  )
  assert.equal(readFileSync(path, 'utf8'), 'first')
  assert.equal(existsSync(`${path}.new`), false)
  assert.throws(() => replaceSecretFile(folder.file('none'), () => 'new'), refused('file_refused'))
})
