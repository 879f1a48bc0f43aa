import type { Cbor, CborEntry, CborMap } from './cbor.ts'
import type { KeyKind } from './cose-key.ts'

export type Bytes = Uint8Array
export type Change = (bytes: Bytes) => Bytes

/** The flags of authenticator data, by the bit that each one is (WebAuthn section 6.1). */
export const FLAG_BITS = { up: 0, uv: 2, be: 3, bs: 4, at: 6, ed: 7 } as const
export type Flags = Readonly<Record<keyof typeof FLAG_BITS, boolean>>

/** What is not as it should be, in a registration and in a login alike. All of it is in what is signed, unless it says otherwise. */
export interface Forge {
  /** Fields of the client data beside or in place of the right ones: `{ origin: 'https://evil.example' }`; `undefined` leaves one out. */
  readonly clientData?: Readonly<Record<string, unknown>>
  /** The relying party whose hash the authenticator data begins with; or that hash. */
  readonly rpId?: string | Bytes
  /** Bits alone: with `at` or `ed` switched, what they announce is there, or not, as before. */
  readonly flags?: Partial<Flags>
  readonly signCount?: number
  /** The authenticator's extension outputs; the flag `ed` goes with them. */
  readonly extensions?: Cbor
  readonly clientExtensionResults?: Readonly<Record<string, unknown>>
  /** Before it is signed: the signature is right for what these make. */
  readonly beforeSigning?: { readonly clientDataJSON?: Change; readonly authenticatorData?: Change }
  /** After it was signed: the signature is one of what was there before. */
  readonly afterSigning?: { readonly clientDataJSON?: Change; readonly authenticatorData?: Change }
  /** In place of the signature; with the right way to make one: `(data, sign) => flipBit(sign(data))`. */
  readonly sign?: (data: Bytes, sign: Change) => Bytes
  /** Not signed. */
  readonly id?: string
  readonly rawId?: string
  readonly type?: string
}

export interface CreationForge extends Forge {
  /** The first that the service offers, unless told. */
  readonly key?: KeyKind
  /** Of any length. */
  readonly credentialId?: Bytes
  readonly aaguid?: Bytes
  /** The public key as it is written down. The passkey keeps the right private one. */
  readonly cose?: (entries: readonly CborEntry[]) => readonly CborEntry[]
  /** `none` unless told. With `packed` the statement is a self attestation, else it is empty. */
  readonly fmt?: string
  /** In place of the right statement. */
  readonly attStmt?: (right: CborMap) => Cbor
  /** The attestation object as it is written down. */
  readonly attestation?: (entries: readonly CborEntry[]) => readonly CborEntry[]
  readonly attestationObject?: Change
  /** Make one although `excludeCredentials` names one of this authenticator. */
  readonly ignoresExclusions?: boolean
}

export interface AssertionForge extends Forge {
  /** The id of the passkey to use, whoever asks for which. */
  readonly passkey?: string
  /** base64url; `null` leaves it out. Not signed. */
  readonly userHandle?: string | null
}

/** The same bytes with one bit the other way round: the first one, unless told. */
export function flipBit(bytes: Bytes, bit = 0): Bytes {
  return bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (0x80 >> (bit & 7)) : byte))
}

/** The same bytes with others after them. */
export function append(bytes: Bytes, ...more: readonly number[]): Bytes {
  return Uint8Array.of(...bytes, ...more)
}
