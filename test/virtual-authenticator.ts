import { createHash, randomBytes } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { type Cbor, type CborEntry, type CborMap, encodeCbor } from './cbor.ts'
import { type CoseKey, type KeyKind, makeCoseKey } from './cose-key.ts'
import { type AssertionForge, type Bytes, type CreationForge, FLAG_BITS, type Flags, type Forge } from './forge.ts'

export interface AuthenticatorOptions {
  /** Of the page that it is used on. */
  readonly origin: string
  readonly rpId: string
  /** A security key: its passkeys stay on it, and it counts its signatures. Else they are synced, and nobody counts, as with most passkeys. */
  readonly isHardware?: boolean
}

export interface Passkey {
  /** base64url */
  readonly id: string
  /** base64url */
  readonly userHandle: string
  /** Found without its id. */
  readonly isDiscoverable: boolean
  readonly key: CoseKey
}

export interface Authenticator {
  /** Oldest first. */
  readonly passkeys: readonly Passkey[]
  /** What `navigator.credentials.create()` gives, through `toJSON()`. */
  create(options: PublicKeyCredentialCreationOptionsJSON, forge?: CreationForge): Promise<RegistrationResponseJSON>
  /** What `navigator.credentials.get()` gives: with the newest passkey that the options allow. */
  get(options: PublicKeyCredentialRequestOptionsJSON, forge?: AssertionForge): Promise<AuthenticationResponseJSON>
  remove(id: string): void
}

/**
 * A browser with a passkey provider, in software. It does everything right, and whatever `forge` says wrong: a service that refuses must do so for the
 * one thing that is forged.
 */
export function makeAuthenticator({ origin, rpId, isHardware = false }: AuthenticatorOptions): Authenticator {
  const passkeys: Passkey[] = []
  let count = 0

  function sharedParts(type: string, challenge: string, forge: Forge): { clientDataJSON: Bytes; authenticatorStart: AuthenticatorStart } {
    if (isHardware) count += 1
    const clientData = { type, challenge, origin, crossOrigin: false, ...forge.clientData }
    const clientDataJSON = Buffer.from(JSON.stringify(clientData))
    return {
      clientDataJSON: forge.beforeSigning?.clientDataJSON?.(clientDataJSON) ?? clientDataJSON,
      authenticatorStart: { rpId, flags: { up: true, uv: true, be: !isHardware, bs: !isHardware, at: false, ed: false }, signCount: count },
    }
  }

  return {
    passkeys,
    async create(options, forge = {}) {
      if (options.rp.id !== undefined && options.rp.id !== rpId) throw new DOMException(`${rpId} is not ${options.rp.id}`, 'SecurityError')
      const excluded = options.excludeCredentials?.some(({ id }) => passkeys.some((passkey) => passkey.id === id))
      if (excluded && !forge.ignoresExclusions) throw new DOMException('already registered', 'InvalidStateError')
      const key = await makeCoseKey(forge.key ?? firstOffered(options))
      const credentialId = forge.credentialId ?? randomBytes(32)
      const isDiscoverable = !isHardware || ['required', 'preferred'].includes(options.authenticatorSelection?.residentKey ?? '')
      passkeys.push({ id: base64Url(credentialId), userHandle: options.user.id, isDiscoverable, key })
      const { clientDataJSON, authenticatorStart } = sharedParts('webauthn.create', options.challenge, forge)
      const publicKey = encodeCbor({ entries: forge.cose?.(key.entries) ?? key.entries })
      const attested = [forge.aaguid ?? new Uint8Array(16), lengthOf(credentialId), credentialId, publicKey]
      const authenticatorData = writeAuthenticatorData(authenticatorStart, attested, forge)
      const statement = makeStatement(key, Buffer.concat([authenticatorData, sha256(clientDataJSON)]), forge)
      const sent = afterSigning({ authenticatorData, clientDataJSON }, forge)
      const entries: CborEntry[] = [
        ['fmt', forge.fmt ?? 'none'],
        ['attStmt', statement],
        ['authData', sent.authenticatorData],
      ]
      const attestationObject = encodeCbor({ entries: forge.attestation?.(entries) ?? entries })
      return {
        ...envelope(base64Url(credentialId), isHardware, forge),
        response: {
          clientDataJSON: base64Url(sent.clientDataJSON),
          attestationObject: base64Url(forge.attestationObject?.(attestationObject) ?? attestationObject),
          authenticatorData: base64Url(sent.authenticatorData),
          publicKey: base64Url(key.spki),
          publicKeyAlgorithm: key.alg,
          transports: isHardware ? ['usb', 'nfc'] : ['hybrid', 'internal'],
        },
      }
    },
    async get(options, forge = {}) {
      if (options.rpId !== undefined && options.rpId !== rpId) throw new DOMException(`${rpId} is not ${options.rpId}`, 'SecurityError')
      const passkey = passkeys.findLast((one) => (forge.passkey === undefined ? isAllowed(one, options) : one.id === forge.passkey))
      if (!passkey) throw new DOMException('no passkey for this', 'NotAllowedError')
      const { clientDataJSON, authenticatorStart } = sharedParts('webauthn.get', options.challenge, forge)
      const authenticatorData = writeAuthenticatorData(authenticatorStart, [], forge)
      const signature = signed(passkey.key, Buffer.concat([authenticatorData, sha256(clientDataJSON)]), forge)
      const sent = afterSigning({ authenticatorData, clientDataJSON }, forge)
      const userHandle = forge.userHandle === undefined && passkey.isDiscoverable ? passkey.userHandle : forge.userHandle
      return {
        ...envelope(passkey.id, isHardware, forge),
        response: {
          clientDataJSON: base64Url(sent.clientDataJSON),
          authenticatorData: base64Url(sent.authenticatorData),
          signature: base64Url(signature),
          ...(userHandle != null && { userHandle }),
        },
      }
    },
    remove(id) {
      const at = passkeys.findIndex((passkey) => passkey.id === id)
      if (at >= 0) passkeys.splice(at, 1)
    },
  }
}

interface AuthenticatorStart {
  readonly rpId: string
  readonly flags: Flags
  readonly signCount: number
}

/** WebAuthn section 6.1: hash, flags, counter, and what the flags announce. */
function writeAuthenticatorData({ rpId, flags, signCount }: AuthenticatorStart, attested: readonly Bytes[], forge: Forge): Bytes {
  const relyingParty = forge.rpId ?? rpId
  const counter = Buffer.alloc(4)
  counter.writeUInt32BE(forge.signCount ?? signCount)
  const set: Flags = { ...flags, at: attested.length > 0, ed: forge.extensions !== undefined, ...forge.flags }
  const bytes = Buffer.concat([
    typeof relyingParty === 'string' ? sha256(Buffer.from(relyingParty)) : relyingParty,
    Uint8Array.of(bitsOf(set)),
    counter,
    ...attested,
    ...(forge.extensions === undefined ? [] : [encodeCbor(forge.extensions)]),
  ])
  return forge.beforeSigning?.authenticatorData?.(bytes) ?? bytes
}

function bitsOf(flags: Flags): number {
  const { up, uv, be, bs, at, ed } = FLAG_BITS
  const bit = (isSet: boolean, position: number) => (isSet ? 1 << position : 0)
  return bit(flags.up, up) | bit(flags.uv, uv) | bit(flags.be, be) | bit(flags.bs, bs) | bit(flags.at, at) | bit(flags.ed, ed)
}

/** WebAuthn section 8.2: the passkey's own key vouches for itself. */
function makeStatement(key: CoseKey, data: Bytes, forge: CreationForge): Cbor {
  const right: CborMap = {
    entries:
      forge.fmt === 'packed'
        ? [
            ['alg', key.alg],
            ['sig', signed(key, data, forge)],
          ]
        : [],
  }
  return forge.attStmt ? forge.attStmt(right) : right
}

function signed(key: CoseKey, data: Bytes, forge: Forge): Bytes {
  return forge.sign ? forge.sign(data, key.sign) : key.sign(data)
}

function afterSigning<Parts extends { authenticatorData: Bytes; clientDataJSON: Bytes }>(parts: Parts, { afterSigning: change }: Forge) {
  return {
    authenticatorData: change?.authenticatorData?.(parts.authenticatorData) ?? parts.authenticatorData,
    clientDataJSON: change?.clientDataJSON?.(parts.clientDataJSON) ?? parts.clientDataJSON,
  }
}

function envelope(id: string, isHardware: boolean, forge: Forge) {
  const attachment = isHardware ? ('cross-platform' as const) : ('platform' as const)
  return {
    id: forge.id ?? id,
    rawId: forge.rawId ?? forge.id ?? id,
    // A forged type is none that the interface knows.
    type: (forge.type ?? 'public-key') as 'public-key',
    authenticatorAttachment: attachment,
    clientExtensionResults: { ...forge.clientExtensionResults },
  }
}

const KIND_OF: ReadonlyMap<number, KeyKind> = new Map([
  [-8, 'EdDSA'],
  [-7, 'ES256'],
  [-257, 'RS256'],
])

/** As authenticators choose: the first of the service's list that they know. */
function firstOffered({ pubKeyCredParams }: PublicKeyCredentialCreationOptionsJSON): KeyKind {
  for (const { alg } of pubKeyCredParams) {
    const kind = KIND_OF.get(alg)
    if (kind !== undefined) return kind
  }
  throw new DOMException('no algorithm that this authenticator has', 'NotSupportedError')
}

function isAllowed(passkey: Passkey, { allowCredentials = [] }: PublicKeyCredentialRequestOptionsJSON): boolean {
  return allowCredentials.length === 0 ? passkey.isDiscoverable : allowCredentials.some(({ id }) => id === passkey.id)
}

function lengthOf(credentialId: Bytes): Bytes {
  return Uint8Array.of(credentialId.length >> 8, credentialId.length & 0xff)
}

function sha256(bytes: Bytes): Bytes {
  return createHash('sha256').update(bytes).digest()
}

function base64Url(bytes: Bytes): string {
  return Buffer.from(bytes).toString('base64url')
}
