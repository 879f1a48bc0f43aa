// `npm test`: the checks, then every test, then those that use a database once more on PostgreSQL. Arguments narrow it to some test files: npm test -- src/login/login.test.ts
import { availableParallelism } from 'node:os'
import { ensureInstalled, nodeOfClone, runCommand } from './in-clone.js'

ensureInstalled()
const files = process.argv.slice(2)
const steps = files.length > 0 ? [] : [['npm', ['run', '--silent', 'check']]]
steps.push([
  nodeOfClone,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    ...(files.length > 0 ? files : ['src/**/*.test.ts', 'test/**/*.test.ts']),
  ],
])
if (files.length === 0) steps.push([nodeOfClone, ['scripts/test-on-postgres.ts']])
for (const [command, args] of steps) {
  const code = await runCommand(command, args)
  if (code !== 0) process.exit(code)
}
