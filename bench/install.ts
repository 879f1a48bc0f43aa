import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** The load generator, the peer and the other driver have a folder of their own; it is filled at the first run. */
export function ensureInstalled(): void {
  if (['autocannon', 'better-auth', 'postgres'].every((name) => existsSync(`${HERE}node_modules/${name}`))) return
  console.error('bench: installing what it measures with and against (npm ci in bench/) ...')
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ci in bench/ failed:\n${stderr}`)
}
