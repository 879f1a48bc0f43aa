/** Every message that this service sends, with the values that its text needs. The texts are in messages/en/ and messages/fr/, one file each. */
export type Message =
  | { readonly kind: 'verify_address'; readonly token: string }
  | { readonly kind: 'reset_password'; readonly token: string }
  /** To the owner of an address that somebody tried to register again. */
  | { readonly kind: 'already_registered' }
  | { readonly kind: 'login_code'; readonly code: string; readonly token: string }
  /** To the new address. */
  | { readonly kind: 'confirm_new_address'; readonly token: string; readonly newAddress: string }
  /** To the old address, which must confirm too. */
  | { readonly kind: 'address_change_requested'; readonly token: string; readonly newAddress: string }
  /** To the old address. */
  | { readonly kind: 'address_changed'; readonly undoToken: string; readonly newAddress: string }
  /** To the address that a former one has taken the account back from. */
  | { readonly kind: 'address_restored' }
  | { readonly kind: 'password_changed' }
  | ({ readonly kind: 'new_device' } & Sighting)
  /** A login succeeded after five or more failures (CHECKLIST R054). */
  | ({ readonly kind: 'many_failures'; readonly failures: number } & Sighting)
  | { readonly kind: 'factor_added'; readonly factor: Factor }
  | { readonly kind: 'factor_removed'; readonly factor: Factor }
  /** One of the recovery codes logged in (CHECKLIST R147). */
  | { readonly kind: 'recovery_code_used'; readonly remaining: number }
  /** The right password, then a wrong second factor (CHECKLIST R054). */
  | ({ readonly kind: 'second_factor_failed' } & Sighting)
  /** The last one: the account is gone, so queue it without a user. */
  | { readonly kind: 'account_deleted' }

/** Where a login came from. */
export interface Sighting {
  readonly userAgent: string | null
  readonly address: string | null
  readonly at: Date
}

export type Factor = 'totp' | 'passkey' | 'recovery_codes'
export type MessageKind = Message['kind']

/** The values of one kind. */
export type MessageOf<K extends MessageKind> = Extract<Message, { readonly kind: K }>
