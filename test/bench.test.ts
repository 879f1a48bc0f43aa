import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { growthPerTen, parseSizes, sizeText } from '../bench/scale-numbers.ts'
import { escapeXml, spreadOut } from '../bench/scale-plot.ts'
import { messageCounter } from '../bench/wire.ts'
import { temporaryFolder } from './service-process.ts'

const RUN = join(import.meta.dirname, '..', 'bench', 'run.ts')

test('sizes are read as people write them, in order and once, and written as they were read', () => {
  assert.deepEqual(parseSizes('1m,1k, 100K,250,1k'), [250, 1_000, 100_000, 1_000_000])
  assert.deepEqual(parseSizes('1k,100k,10m').map(sizeText), ['1k', '100k', '10m'])
  assert.deepEqual([1, 999, 1_500, 1_234, 1_500_000, 1_000_100].map(sizeText), ['1', '999', '1.5k', '1234', '1.5m', '1000.1k'])
  for (const wrong of ['', '0', '1g', '-5', '1k,,2k', 'many']) assert.throws(() => parseSizes(wrong), /write for example 1k,100k,1m/)
})

test('growth is told for ten times the users, however far apart the sizes are', () => {
  const doubling = [
    { users: 1_000, value: 3 },
    { users: 1_000_000, value: 24 },
  ]
  assert.ok(Math.abs(growthPerTen(doubling) - 2) < 1e-9)
  assert.equal(growthPerTen(doubling.slice(0, 1)), Number.NaN)
})

test('what stands in a plot cannot become part of its markup', () => {
  assert.equal(escapeXml('a<b>&"c"'), 'a&lt;b&gt;&amp;&quot;c&quot;')
})

test('labels of a plot keep the order of their lines and never lie upon each other', () => {
  const order = (ys: readonly number[]) => ys.map((_, at) => at).sort((a, b) => (ys[a] ?? 0) - (ys[b] ?? 0))
  // In the second, the last two push each other up into the first.
  for (const wanted of [
    [100, 103, 300, 99, 120, 301],
    [0, 18, 20],
  ]) {
    const placed = spreadOut(wanted)
    assert.deepEqual(order(placed), order(wanted))
    const sorted = placed.toSorted((a, b) => a - b)
    for (const [at, y] of sorted.slice(1).entries()) assert.ok(y - (sorted[at] ?? 0) > 16.9, `${sorted}`)
  }
  assert.deepEqual(spreadOut([10, 200]), [10, 200])
})

test('messages on the wire are counted by kind, however the bytes are cut', () => {
  const message = (letter: string, content: string) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(content.length + 4)
    return Buffer.concat([Buffer.from(letter), length, Buffer.from(content)])
  }
  const bytes = Buffer.concat([message('', 'who I am'), message('P', 'select'), message('B', ''), message('E', 'x'), message('S', '')])
  for (const size of [1, 3, 7, bytes.length]) {
    const kinds: string[] = []
    const count = messageCounter((kind) => kinds.push(kind))
    for (let at = 0; at < bytes.length; at += size) count(bytes.subarray(at, at + size))
    assert.deepEqual(kinds, ['P', 'B', 'E', 'S'])
  }
})

test('the bench fills, measures, draws and leaves nothing behind', () => {
  using folder = temporaryFolder()
  const temporary = folder.file('temporary')
  mkdirSync(temporary)
  const args = [RUN, '--users', '200,400', '--engine', 'sqlite', '--quick', '--json', '--plot', folder.file('scale.svg')]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, TMPDIR: temporary } })
  assert.equal(status, 0, stderr)
  const { results, filled } = JSON.parse(stdout)
  assert.equal(results.length, 12)
  assert.ok(results.every(({ rounds }: { rounds: number[] }) => rounds.every((value) => value > 0)))
  assert.ok(filled.every(({ users, bytes }: { users: number; bytes: number }) => bytes / users > 300))
  assert.match(readFileSync(folder.file('scale.svg'), 'utf8'), /^<svg[\s\S]*session check[\s\S]*<\/svg>\n$/)
  assert.deepEqual(readdirSync(temporary), [])
})
