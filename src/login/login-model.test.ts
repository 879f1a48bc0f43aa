import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { accountSteps } from '../../test/login-model/account-steps.ts'
import { loginSteps } from '../../test/login-model/login-steps.ts'
import { seen } from '../../test/login-model/oracle.ts'
import { type Circumstances, startWorld } from '../../test/login-model/world.ts'

/** `LOGIN_MODEL_RUNS=2000 npm test -- src/login/login-model.test.ts` looks longer; `LOGIN_MODEL_SEED` repeats a run. */
const RUNS = Number(process.env.LOGIN_MODEL_RUNS ?? 20)
const SEED = process.env.LOGIN_MODEL_SEED
const MAX_STEPS = 40

const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  factors: fc.constantFrom('none', 'totp', 'passkey', 'both'),
  hasPassword: fc.constantFrom(true, true, false),
  policy: fc.constantFrom('optional', 'required'),
  posture: fc.constantFrom('classic', 'hardened'),
})

test('whatever is tried in whatever order, from several browsers at once: a cookie opens what its login has proved, and nothing else (R059, R060, R139, R169, R174)', async (t) => {
  const steps = fc.commands(
    [...loginSteps, ...accountSteps].flatMap(({ weight, arbitrary }) => Array.from({ length: weight }, () => arbitrary)),
    { maxCommands: MAX_STEPS, size: 'max' },
  )
  const property = fc.asyncProperty(circumstances, steps, async (given, commands) => {
    const world = await startWorld(given)
    await using _ = world.app
    await fc.asyncModelRun(() => ({ model: world, real: world }), commands)
  })
  await fc.assert(property, { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) })
  t.diagnostic(JSON.stringify(Object.fromEntries([...seen].sort())))
  // Without these the model would have looked at nothing.
  const often = ['ticket', 'pop', 'pwd and otp', 'stepped up', 'not stepped up']
  const seldom = [
    'pwd',
    'email',
    'email and otp',
    'email and pop',
    'pwd and recovery_code',
    'pwd and pop',
    'changed',
    'removed',
    'reset',
    'proved again',
  ]
  // In a few runs chance decides which of them come.
  const expected = RUNS < 100 ? ['ticket'] : RUNS < 300 ? often : [...often, ...seldom]
  for (const what of expected) assert.ok((seen.get(what) ?? 0) > 0, `never: ${what}`)
})
