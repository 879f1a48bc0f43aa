// `npm run check`: types, lint, format and import rules, side by side.
import { ensureInstalled, nodeOfClone, runCommand } from './in-clone.js'

ensureInstalled()
const codes = await Promise.all([
  runCommand('tsc', ['-p', '.']),
  runCommand('biome', ['check', '--error-on-warnings', '.']),
  runCommand(nodeOfClone, ['--test', '--test-reporter=dot', 'test/architecture.test.ts']),
])
process.exitCode = Math.max(...codes)
