// `npm run build`: dist/ as it is published. TypeScript is compiled, and what the sources read at run time stands beside them.
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = join(root, 'dist')

rmSync(target, { recursive: true, force: true })
const { status, error } = spawnSync(
  process.execPath,
  [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
if (status !== 0) {
  if (error) console.error(error.message)
  process.exit(1)
}

/** @param {string} path */
const isAsset = (path) => !path.endsWith('.ts')
const assets = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && isAsset(entry.name))
  .map((entry) => join(entry.parentPath, entry.name).slice(source.length))
for (const asset of assets) cpSync(join(source, asset), join(target, asset))
console.log(`dist/ is built, with ${assets.length} files that are no code: ${assets.map((asset) => asset.slice(1)).join(', ')}`)
