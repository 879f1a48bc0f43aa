import assert from 'node:assert/strict'
import { test } from 'node:test'
import { enginesOf, runScenarios, SCENARIOS } from './all.ts'

/** One run for all of them, since most of them wait; none depends on another. Timings are for `npm run faults` to report. */
const results = runScenarios({
  scenarios: SCENARIOS,
  engines: ['sqlite', 'postgres'],
  short: true,
  soakMinutes: 0,
  progress() {},
})

const PROMISES: Readonly<Record<number, string>> = {
  1: 'kill -9 of the service loses nothing that was acknowledged, and leaves nothing half-done',
  2: 'a PostgreSQL that is killed, hangs or is shut down means 503 for a while, no loss, no wrong answer, no restart',
  3: 'on a full disk writes are refused, session checks go on, nothing is damaged, and room is all it needs',
  4: 'five hundred logins at once are done or refused with a time to come back, and nobody is logged out by it',
  5: 'slow clients lose their connections in time, and nobody beside them notices',
  6: 'when the clock jumps by a day nothing expired comes back to life, and nobody is locked out',
  7: 'sessions and reset tokens that ended are swept away while the service runs',
  8: 'kill -9 while mails are queued and sent loses none, and sends twice only those that were on their way',
  9: 'a mail server that is down, slow, busy or refuses one recipient loses no mail, and is not hammered',
}

for (const scenario of SCENARIOS) {
  test(PROMISES[scenario.number] ?? scenario.title, async () => {
    const own = (await results).filter(({ number }) => number === scenario.number)
    assert.equal(own.length, enginesOf(scenario, true).length)
    for (const { engine, acknowledged, lost, wrong, problems } of own) {
      assert.deepEqual({ engine, lost, wrong, problems }, { engine, lost: 0, wrong: 0, problems: [] })
      assert.ok(acknowledged >= 10, `${engine}: ${acknowledged} acknowledged`)
    }
  })
}
