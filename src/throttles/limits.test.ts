import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  ADDRESS_BLOCK_MILLISECONDS,
  ADDRESS_LADDER,
  CODE_WAIT_MILLISECONDS,
  DEVICE_SECONDS,
  FAILURES_BEFORE_DISABLED,
  FAILURES_BEFORE_WAIT,
  FIRST_WAIT_MILLISECONDS,
  LADDERS,
  LONGEST_WAIT_MILLISECONDS,
  MAX_DEVICES_PER_USER,
  SERIES_FORGOTTEN_MILLISECONDS,
  SPRAYING,
  WINDOWS,
} from './limits.ts'

const page = readFileSync(new URL('../../docs/throttles.md', import.meta.url), 'utf8')
const minutes = (milliseconds: number) => `${milliseconds / 60_000} min`
const hours = (milliseconds: number) => `${milliseconds / 3_600_000} h`
const times = ({ most, milliseconds }: { most: number; milliseconds: number }) => `${most} in ${hours(milliseconds)}`

test('docs/throttles.md says the numbers that the source has (R055)', () => {
  const { mail_recipient, mail_origin, registration } = WINDOWS
  const sentences = [
    `| wrong passwords in a row | ${FAILURES_BEFORE_WAIT} | wait ${FIRST_WAIT_MILLISECONDS / 1_000} s; every further one doubles the wait, up to ${hours(LONGEST_WAIT_MILLISECONDS)} |`,
    `| wrong login codes in a row | ${FAILURES_BEFORE_WAIT} | wait ${minutes(CODE_WAIT_MILLISECONDS)} after`,
    `| wrong second factors in a row | ${FAILURES_BEFORE_WAIT} | wait ${minutes(CODE_WAIT_MILLISECONDS)} after`,
    `| failures of one of them in a row | ${FAILURES_BEFORE_DISABLED} |`,
    `tokens | ${ADDRESS_LADDER.waits[0]?.failures} | wait ${minutes(ADDRESS_BLOCK_MILLISECONDS)} |`,
    `| accounts tried in vain within ${minutes(SPRAYING.milliseconds)} | ${SPRAYING.accounts} | wait ${minutes(SPRAYING.milliseconds)} |`,
    `| registrations | ${times(registration[0])} |`,
    `| requests that cause a mail | ${times(mail_origin[0])} |`,
    `| mails of one kind to one recipient | ${times(mail_recipient[0])}, ${times(mail_recipient[1])} |`,
    `is over after ${SERIES_FORGOTTEN_MILLISECONDS / 86_400_000} days without one`,
    `One of ${FAILURES_BEFORE_DISABLED} is not`,
    `for ${DEVICE_SECONDS / 86_400} days`,
    `A user has ${MAX_DEVICES_PER_USER} such browsers at most`,
  ]
  for (const sentence of sentences) assert.ok(page.includes(sentence), sentence)
})

test('the ladders are those of the checklist (R039, R040, R046), and no cookie outlives 400 days (R081)', () => {
  assert.deepEqual(
    LADDERS.password.waits.map(({ failures, milliseconds }) => [failures, milliseconds / 1_000]),
    [
      [5, 30],
      [6, 60],
      [7, 120],
      [8, 240],
      [9, 480],
      [10, 960],
      [11, 1_920],
      [12, 3_600],
    ],
  )
  for (const ladder of [LADDERS.login_code, LADDERS.second_factor]) assert.deepEqual(ladder.waits, [{ failures: 5, milliseconds: 900_000 }])
  for (const { disabledAt } of Object.values(LADDERS)) assert.equal(disabledAt, 100)
  assert.ok(DEVICE_SECONDS <= 34_560_000)
})
