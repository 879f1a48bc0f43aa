import { fuzz } from './fuzz.ts'

/** `npm run fuzz -- 100000 [SEED]` */
const [runs = '100000', seed] = process.argv.slice(2)
const startedAt = performance.now()

try {
  const statuses = await fuzz({
    runs: Number(runs),
    seed: seed === undefined ? undefined : Number(seed),
    onProgress: (done, seen) => console.log(`${done} of ${runs}  ${tally(seen)}`),
  })
  console.log(
    `${runs} requests in ${Math.round((performance.now() - startedAt) / 1_000)} s, none of them answered wrongly: ${tally(statuses)}`,
  )
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

function tally(statuses: ReadonlyMap<number, number>): string {
  return [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join('  ')
}
