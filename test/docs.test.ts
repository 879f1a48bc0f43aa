import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..')
/** What others made, or what a run leaves behind. */
const NOT_OURS = new Set(['node_modules', 'dist', 'results', '.git', '.compile-cache'])

interface TextFile {
  readonly path: string
  readonly text: string
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : [path]
  })
}

const files: TextFile[] = filesBelow(ROOT)
  .filter((path) => /\.(md|ts|js|py|json|css)$/.test(path) && !path.endsWith('package-lock.json'))
  .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }))
const pages = files.filter(({ path }) => path.endsWith('.md'))
const sources = files.filter(({ path }) => path.startsWith('src/'))
const isTest = (path: string) => path.startsWith('test/') || path.endsWith('.test.ts')

/** `file: found` for everything in these files that the pattern finds. */
function finds(pattern: RegExp, where: readonly TextFile[]): string[] {
  return where.flatMap(({ path, text }) => [...text.matchAll(pattern)].map(([found]) => `${path}: ${found}`))
}

test('the test itself sees the files that there are', () => {
  assert.ok(pages.length > 10)
  assert.ok(sources.some(({ path }) => path === 'src/app.ts'))
})

test('docs/configuration.md and docs/errors.md say what the source says', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/make-docs.ts', '--check'], { cwd: ROOT, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})

test('every link of a page into the repository leads to a file', () => {
  const dead = pages.flatMap(({ path, text }) => {
    const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, 'code')
    return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target.replace(/#.*$/, ''))
      .filter((target) => target !== '' && !/^[a-z]+:/.test(target) && !existsSync(join(ROOT, dirname(path), target)))
      .map((target) => `${path} -> ${target}`)
  })
  assert.deepEqual(dead, [])
})

test('every page that the source names is there', () => {
  const named = finds(/docs\/[\w./-]+\.md/g, files).map((one) => one.split(': '))
  assert.deepEqual(
    named.filter(([, page = '']) => !existsSync(join(ROOT, page))),
    [],
  )
})

test('nothing names a machine on which it was written, the host of a registry, or a folder outside', () => {
  assert.deepEqual(finds(/(?<![\w.])\/(work|root|home\/\w+|Users\/\w+)\//g, files), [])
  assert.deepEqual(
    finds(
      /\/tmp\//g,
      files.filter(({ path }) => !isTest(path)),
    ),
    [],
  )
  assert.deepEqual(finds(/\bregistry\.[a-z]+\.[a-z]+/g, files), [])
  assert.deepEqual(finds(/\.\.\/shared\b/g, files), [])
})

/** `R083-R085` names three. */
function rowsIn(text: string): string[] {
  return [...text.matchAll(/\bR(\d{3})(?:-R(\d{3}))?\b/g)].flatMap(([, first, last]) => {
    const from = Number(first)
    return Array.from({ length: Number(last ?? first) - from + 1 }, (_, index) => `R${String(from + index).padStart(3, '0')}`)
  })
}

test('every row and decision of the checklist that the source cites is explained in docs/security.md', () => {
  const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
  const explained = new Set([...page.matchAll(/^\| (R\d{3}|D\d+) \|/gm)].map(([, name]) => name))
  const cited = sources.flatMap(({ path, text }) => {
    const decisions = [...text.matchAll(/\b(D\d+) of the checklist/g)].map(([, name = '']) => name)
    return [...rowsIn(text), ...decisions].map((name) => ({ path, name }))
  })
  assert.ok(cited.length > 50)
  assert.deepEqual(
    cited.filter(({ name }) => !explained.has(name)).map(({ path, name }) => `${path}: ${name}`),
    [],
  )
})

test('docs/security.md answers every row and decision of the checklist, each once', () => {
  const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
  const answered = [...page.matchAll(/^\| (R\d{3}(?:-R\d{3})?|D\d+) \|.*\S \|$/gm)].flatMap(([, name = '']) => {
    const rows = rowsIn(name)
    return rows.length > 0 ? rows : [name]
  })
  const decisions = Array.from({ length: 15 }, (_, index) => `D${index + 1}`)
  assert.deepEqual(answered.toSorted(), [...decisions, ...rowsIn('R001-R295')].toSorted())
})
