// `npm run faults`: what the service does when things go wrong (docs/faults.md). Ends with 1 if a promise is broken.
//   --short             what `npm test` runs, in under a minute
//   --only 1,4          these scenarios
//   --engine sqlite     or postgres; both unless told
//   --soak-minutes 3    an hour unless told
//   --json              the results as JSON on standard output, nothing else
import { parseArgs } from 'node:util'
import { isBroken, type Plan, type Result, runScenarios, SCENARIOS } from './all.ts'
import type { Engine } from './stage.ts'

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: SCENARIOS.map(({ number }) => number).join(',') },
    engine: { type: 'string', default: 'both' },
    'soak-minutes': { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
})
const only = options.only.split(',').map(Number)
const engines = (['sqlite', 'postgres'] as const).filter((engine) => options.engine === 'both' || options.engine === engine)
const soakMinutes = Number(options['soak-minutes'])
const unknown = only.filter((number) => !SCENARIOS.some((scenario) => scenario.number === number))
if (unknown.length > 0 || engines.length === 0 || !(soakMinutes > 0)) {
  console.error('Usage: npm run faults -- [--short] [--only 1,2,…,9] [--engine sqlite|postgres|both] [--soak-minutes N] [--json]')
  process.exit(2)
}

// An interrupted run leaves no process and no mounted disk behind: both go on 'exit'.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const startedAt = performance.now()
const plan: Plan = {
  scenarios: SCENARIOS.filter(({ number }) => only.includes(number)),
  engines,
  short: options.short,
  soakMinutes,
  progress: ({ number, title }, engine, text) => showProgress(`${number} ${title}, ${nameOf(engine)}: ${text}`),
}
const results = await runScenarios(plan)
showProgress('')
const seconds = Math.round((performance.now() - startedAt) / 1_000)
process.stdout.write(options.json ? `${JSON.stringify({ short: options.short, seconds, results }, null, 2)}\n` : render(results, seconds))
process.exitCode = results.some(isBroken) ? 1 : 0

/** On a terminal one line that changes; elsewhere a line each. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns - 1)}`)
  else if (text !== '') process.stderr.write(`${text}\n`)
}

function nameOf(engine: Engine): string {
  return engine === 'sqlite' ? 'SQLite' : 'PostgreSQL'
}

/** A table in Markdown, as docs/faults.md has it. */
function render(all: readonly Result[], seconds: number): string {
  const row = (one: Result) => {
    const figures = Object.entries(one.figures).map(([name, value]) => `${name}: ${value}`)
    const counts = `${one.acknowledged} | ${one.lost} | ${one.wrong} | ${one.longestOutageMilliseconds} ms`
    return `| ${one.number} ${one.title} | ${nameOf(one.engine)} | ${counts} | ${figures.join('; ')} |`
  }
  const broken = all.flatMap(({ number, engine, problems }) => problems.map((problem) => `${number}, ${nameOf(engine)}: ${problem}`))
  return [
    '| scenario | database | acknowledged | lost | wrong | longest outage | |',
    '|---|---|---:|---:|---:|---:|---|',
    ...all.map(row),
    '',
    ...broken,
    `${all.some(isBroken) ? 'A promise is broken' : 'Every promise was kept'}; ${seconds} s.`,
    '',
  ].join('\n')
}
