import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../src/config.ts'
import { SETTING_NAMES } from '../src/settings.ts'

// No container engine is at hand where these tests run; what can be read of the files without one is read here.

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const known = new Set<string>(SETTING_NAMES.flatMap((name) => [name, `${name}_FILE`]))

test('the files for running it elsewhere name only settings that there are', () => {
  for (const file of ['Dockerfile', 'compose.yaml', 'deploy/bienvenue.service']) {
    const named = [...read(file).matchAll(/\b(BIENVENUE_[A-Z0-9_]+)(?==|:)/g)].map(([, name = '']) => name)
    assert.deepEqual(
      named.filter((name) => !known.has(name)),
      [],
      file,
    )
  }
})

test('what the Dockerfile copies is there, and .dockerignore lets it through', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' '))
  assert.ok(copied.length >= 5)
  const letThrough = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  for (const path of copied) {
    assert.ok(existsSync(join(ROOT, path)), path)
    assert.ok(letThrough.includes(path), `${path} is left out by .dockerignore`)
  }
})

test('the settings of compose.yaml are good together', () => {
  const block = /\n {2}bienvenue:\n[\s\S]*?environment:\n([\s\S]*?)\n {4}secrets:/.exec(read('compose.yaml'))?.[1] ?? ''
  const lines = [...block.matchAll(/^ {6}([A-Z0-9_]+): (.*)$/gm)]
  const env = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value.replace(/\$\{DOMAIN:-([^}]+)\}/, '$1')]))
  const files: Record<string, string> = {
    '/run/secrets/bienvenue_secret': 'a secret of the tests, for nobody else to use',
    '/run/secrets/database_url': 'postgres://bienvenue:password@postgres/bienvenue',
  }
  const config = parseConfig({ NODE_ENV: 'production', HOST: '0.0.0.0', ...env }, { readFile: (path) => files[path] ?? '' })
  assert.equal(config.posture, 'hardened')
  assert.equal(config.database.engine, 'postgres')
  assert.deepEqual(config.trustedProxies, ['172.30.0.2/32'])
})

test('the container stops by a signal that the service itself gets, within its time', () => {
  assert.match(read('Dockerfile'), /^ENTRYPOINT \["node", "\/app\/bin\/bienvenue.js"\]$/m)
  assert.match(read('compose.yaml'), /stop_grace_period: 15s/)
  assert.match(read('deploy/bienvenue.service'), /^TimeoutStopSec=15$/m)
})
