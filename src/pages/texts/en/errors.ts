/** A sentence for every refusal that a person can meet, by its code. */
export const errors = {
  email_already_registered: 'This address already has an account.',
  field_required: 'Fill in this field.',
  field_invalid: 'This cannot be used.',
  field_unknown: 'This form is too old. Open the page again.',
  field_repeated: 'This form cannot be read. Open the page again.',
  body_malformed: 'This form cannot be read. Open the page again.',
  body_too_large: 'That is too much text.',
  media_type_unsupported: 'This form cannot be read. Open the page again.',
  password_rejected: 'This password cannot be used. Choose another.',
  login_refused: 'That did not work. Check what you entered and try again.',
  ticket_invalid: 'You took too long. Log in again.',
  second_factor_refused: 'The code or passkey is wrong, expired or used already.',
  second_factor_required: 'A second proof is needed to log in.',
  code_wrong: 'The code is wrong, expired or used already.',
  passkey_refused: 'The passkey could not be verified. Try again.',
  enrolment_not_found: 'You took too long. Begin again.',
  factor_not_found: 'It was removed already.',
  last_factor: 'Without it you could not log in any more. Add another way first.',
  too_many_passkeys: 'You have as many passkeys as one account may have. Remove one first.',
  password_wrong: 'The password is wrong.',
  too_many_attempts: (wait: string) => `Too many attempts. Try again in ${wait}.`,
  step_up_required: 'Confirm that it is you first.',
  session_required: 'Log in first.',
  session_not_found: 'This login ended already.',
  reset_token_invalid: 'This link is unknown, used or expired. Ask for a new one.',
  verification_token_invalid: 'The link is unknown, used or expired, or the password is not the one that you chose with it.',
  address_token_invalid: 'This link is unknown, used or expired. Ask for the change again.',
  user_not_found: 'There is no such account.',
  registration_closed: 'New accounts cannot be created here.',
  cross_site_refused: 'This form is too old, or it was sent from another site. Open the page again.',
  loopback_only: 'This service answers the machine that it runs on, and no other.',
  host_refused: 'This service does not answer at this address.',
  not_found: 'There is nothing here.',
  method_not_allowed: 'This address is part of a form. Open the page that it is on.',
  busy: 'Many people are logging in right now. Try again in a moment.',
  unavailable: 'The service is not available right now. Try again in a moment.',
  internal_error: 'Something went wrong on our side.',
}

/** Why a new password was not taken, by `details.reason`. */
export const passwordReasons = {
  too_short: (minimum: number) => `Use at least ${minimum} characters.`,
  too_long: (maximum: number) => `Use at most ${maximum} characters.`,
  common: 'This password is among the most common ones. Choose another.',
  context: 'Do not make the password of your address or the name of this service.',
  breached: 'This password is in a published list of stolen passwords. Choose another.',
}

/** A field that is empty or cannot be used, by its name; others have the sentence of the code. */
export const fieldErrors = {
  required: { email: 'Enter your email address.', password: 'Enter your password.', code: 'Enter the code.' },
  invalid: { email: 'Enter an address like name@example.com.', password: 'This password cannot be used. Choose another.' },
}

export const waits = {
  seconds: (count: number) => (count === 1 ? '1 second' : `${count} seconds`),
  minutes: (count: number) => (count === 1 ? '1 minute' : `${count} minutes`),
}
