// What `npm start`, `npm test` and their kind do first in a clone: install what is missing, then go on with the Node that the repository brings.
// Plain JavaScript that Node 20 runs as it is.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const binaries = join(root, 'node_modules', '.bin')
const nodeOfClone = join(binaries, process.platform === 'win32' ? 'node.cmd' : 'node')
const stamp = join(root, 'node_modules', '.bienvenue-installed')

/** Does node_modules hold what package-lock.json says? A stamp with its digest answers without asking npm. */
function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function isInstalled() {
  return existsSync(nodeOfClone) && existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest()
}

/** @returns {void} */
export function ensureInstalled() {
  if (isInstalled()) return
  console.error('Installing dependencies (only this once) ...')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) {
    console.error('npm ci did not succeed; what it said is above.')
    process.exit(1)
  }
  writeFileSync(stamp, lockDigest())
}

/** The environment in which `node` is the clone's, its tools come first, and compiled code is kept from one run to the next (as src/main.ts does). */
function environment() {
  const NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(root, '.compile-cache')
  return { ...process.env, NODE_COMPILE_CACHE, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` }
}

/**
 * Run a TypeScript file of this repository: in this process if it is new enough, else in the clone's Node.
 * @param {string} file
 * @param {string[]} args
 */
export async function runInClone(file, args) {
  ensureInstalled()
  if (Number(process.versions.node.split('.')[0]) >= 24) {
    process.argv = [process.argv[0] ?? 'node', file, ...args]
    await import(file)
    return
  }
  process.exitCode = await runCommand(nodeOfClone, [file, ...args])
}

/**
 * Run a command with the clone's tools; signals that stop us are handed on, and its exit code is ours.
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export function runCommand(command, args) {
  const child = spawn(command, args, { stdio: 'inherit', env: environment() })
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0))))
}

/** The clone's Node. */
export { nodeOfClone }
