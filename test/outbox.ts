import assert from 'node:assert/strict'
import { queueMail } from '../src/mail/mail.ts'
import type { Message } from '../src/mail/message.ts'
import { hardenedEnv, type TestApp } from './test-app.ts'

export const CHANGED: Message = { kind: 'password_changed' }
export const BOB = 'bob@example.com'

export function smtpEnv(url: string, more: Record<string, string> = {}) {
  return hardenedEnv({ SMTP_URL: url, BIENVENUE_MAIL_FROM: 'Example <no-reply@example.com>', ...more })
}

export function queue({ auth: { deps } }: TestApp, to: string, message: Message = CHANGED, expiresAt?: Date): Promise<void> {
  return deps.database.inTransaction((tx) => queueMail(deps, tx, { to, userId: null, message, ...(expiresAt && { expiresAt }) }))
}

export const rowsOf = (app: TestApp) =>
  app.auth.deps.database.reads.selectFrom('mails').selectAll().orderBy('created_at').orderBy('id').execute()

/** The only row. */
export async function rowOf(app: TestApp) {
  const [row, ...more] = await rowsOf(app)
  assert.equal(more.length, 0)
  return row ?? assert.fail('no row')
}

export const eventsOf = (app: TestApp, event: string) => app.logLines.filter((line) => line.event === event)
