// `npm run enumeration [-- --samples N] [--json]`: can anybody tell from the outside which addresses have an account? Answers are compared byte by byte, times by median
// and rank test (CHECKLIST R028-R033). Run it with nothing beside it.
import { parseArgs } from 'node:util'
import { measureEnumeration } from './measure.ts'

const { values } = parseArgs({ options: { samples: { type: 'string', default: '300' }, json: { type: 'boolean', default: false } } })
const report = await measureEnumeration(Number(values.samples), (done) => process.stderr.isTTY && process.stderr.write(`\x1b[2K\r${done}`))
if (process.stderr.isTTY) process.stderr.write('\x1b[2K\r')

if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
else {
  const { samples, hashMilliseconds } = report
  const lines = [
    `${samples} samples a class, in turn. A hash takes ${hashMilliseconds.toFixed(2)} ms; medians may differ by 5 % of it, ${(hashMilliseconds / 20).toFixed(2)} ms.`,
    '',
    '| route | address | bytes | median ms | against unknown | rank test p | |',
    '|---|---|---|---|---|---|---|',
    ...report.comparisons.map((one) => {
      const share = ((100 * one.medianDifference) / hashMilliseconds).toFixed(1)
      const verdict = one.class === 'unknown' ? '' : one.sameBytes && one.passes ? 'pass' : 'differs'
      const difference = one.class === 'unknown' ? '' : `${one.medianDifference.toFixed(3)} ms, ${share} % of a hash`
      return `| ${one.route} | ${one.class} | ${one.sameBytes ? 'same' : 'differ'} | ${one.medianMilliseconds.toFixed(2)} | ${difference} | ${one.class === 'unknown' ? '' : one.probability.toFixed(3)} | ${verdict} |`
    }),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
process.exitCode = report.comparisons.every(({ sameBytes }) => sameBytes) ? 0 : 1
