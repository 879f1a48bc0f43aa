import type { Message } from './message.ts'

const token = 'k3mPq8sVt1wXz5bNc7dFg9hJ2lRr4yTuAe6iOoQxWvE'
const newAddress = 'new.address@example.com'
const seen = {
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36',
  address: '203.0.113.7',
  at: new Date(Date.UTC(2026, 0, 1, 10)),
}

/** Each message once, with values that open nothing: for `bienvenue mail preview` and the tests. */
export const SAMPLE_MESSAGES: readonly Message[] = [
  { kind: 'verify_address', token },
  { kind: 'reset_password', token },
  { kind: 'already_registered' },
  { kind: 'login_code', code: '7K3M-9QXT', token },
  { kind: 'confirm_new_address', token, newAddress },
  { kind: 'address_change_requested', token, newAddress },
  { kind: 'address_changed', undoToken: token, newAddress },
  { kind: 'address_restored' },
  { kind: 'password_changed' },
  { kind: 'new_device', ...seen },
  { kind: 'many_failures', failures: 7, ...seen },
  { kind: 'factor_added', factor: 'totp' },
  { kind: 'factor_removed', factor: 'passkey' },
  { kind: 'recovery_code_used', remaining: 7 },
  { kind: 'second_factor_failed', ...seen },
  { kind: 'account_deleted' },
]

/** When the token of a sample would end. */
export const SAMPLE_UNTIL = new Date(Date.UTC(2026, 0, 1, 11))
