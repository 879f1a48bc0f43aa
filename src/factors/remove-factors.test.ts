import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GOOD_PASSWORD, startHardenedApp } from '../../test/hardened-app.ts'
import { codeIn } from '../../test/mail-links.ts'
import { assertRefused, refused } from '../../test/refusals.ts'
import { OPERATOR } from '../audit/audit-event.ts'
import { removeFactors } from './remove-factors.ts'

const EMAIL = 'ann@example.com'

test('an operator removes what a user proves themselves with beside the password, and the log says so', async () => {
  await using app = await startHardenedApp()
  await app.registerVerified(EMAIL)
  const session = await app.logIn(EMAIL, GOOD_PASSWORD)
  await app.request('POST', '/login_codes', { json: { email: EMAIL } })
  const code = codeIn((await app.newMails())[0])
  const { deps } = app.auth
  const { id } = await app.auth.findUserBy({ email: EMAIL })
  await removeFactors(deps, id, OPERATOR)
  assert.deepEqual(await deps.database.reads.selectFrom('devices').selectAll().execute(), [])
  assertRefused(await app.request('POST', '/sessions', { json: { email: EMAIL, code } }), 401, 'login_refused')
  assert.equal((await app.request('GET', '/profile', { session })).status, 200)
  await app.logIn(EMAIL, GOOD_PASSWORD)
  const events = await deps.database.reads.selectFrom('audit_events').select('actor').where('name', '=', 'factor_removed').execute()
  assert.deepEqual(
    events.map(({ actor }) => actor),
    ['operator'],
  )
  await assert.rejects(removeFactors(deps, 'nobody', OPERATOR), refused('user_not_found'))
})
