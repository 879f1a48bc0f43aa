// `npm test`: the checks, then every test (run-tests.ts). Arguments narrow it to some test files: npm test -- src/login/login.test.ts
import { ensureInstalled, nodeOfClone, runCommand } from './in-clone.js'

ensureInstalled()
const files = process.argv.slice(2)
const steps = files.length > 0 ? [] : [['npm', ['run', '--silent', 'check']]]
steps.push([nodeOfClone, ['scripts/run-tests.ts', ...files]])
for (const [command, args] of steps) {
  const code = await runCommand(command, args)
  if (code !== 0) process.exit(code)
}
