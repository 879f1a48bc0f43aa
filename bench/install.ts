import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))

/** The load generator and the peer have a folder of their own; it is filled at the first run. */
export function ensureInstalled(): void {
  if (existsSync(`${HERE}node_modules/autocannon`) && existsSync(`${HERE}node_modules/better-auth`)) return
  console.error('bench: installing the load generator and the peer (npm ci in bench/) ...')
  const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm ci in bench/ failed:\n${stderr}`)
}
