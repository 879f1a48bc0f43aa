// `npm run screenshots`: a picture of every page, light and dark, wide and narrow, in test/results/screenshots; those that the README shows go to docs/images.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const from = join(root, 'test', 'results', 'screenshots')
const to = join(root, 'docs', 'images')

/** The README's, by the page and the look of its picture. */
const SHOWN = ['login-light-wide', 'security-light-wide', 'second-factor-dark-wide', 'login-dark-narrow']

const env = { ...process.env, SCREENSHOTS: '1', SCREENSHOTS_FOLDER: from }
const { status } = spawnSync(process.execPath, ['--test', 'test/journeys/browser-pages.test.ts'], { cwd: root, env, stdio: 'inherit' })
mkdirSync(to, { recursive: true })
for (const name of SHOWN) copyFileSync(join(from, `${name}.png`), join(to, `${name}.png`))
console.log(`The pictures are in ${from}, and ${SHOWN.length} of them in ${to}.`)
process.exitCode = status ?? 1
