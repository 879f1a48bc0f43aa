/** What WebAuthn writes in CBOR (RFC 8949), and what tests write to be refused. */
export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[] | CborMap | RawCbor

/** A list of pairs, in their order: a map may be written here that has a key twice. */
export interface CborMap {
  readonly entries: readonly CborEntry[]
}

export type CborEntry = readonly [Cbor, Cbor]

/** Bytes that are written as they are. */
export interface RawCbor {
  readonly raw: Uint8Array
}

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const

/** Only as much of CBOR as there is in WebAuthn: whole numbers, no tags, every length known and as short as can be. */
export function encodeCbor(value: Cbor): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts(value)))
}

function parts(value: Cbor): Uint8Array[] {
  if (typeof value === 'number') return [value >= 0 ? head(MAJOR.unsigned, value) : head(MAJOR.negative, -1 - value)]
  if (value === null) return [Uint8Array.of(0xf6)]
  if (typeof value === 'boolean') return [Uint8Array.of(value ? 0xf5 : 0xf4)]
  if (typeof value === 'string') return [head(MAJOR.text, Buffer.byteLength(value)), Buffer.from(value)]
  if (value instanceof Uint8Array) return [head(MAJOR.bytes, value.length), value]
  if ('raw' in value) return [value.raw]
  if ('entries' in value && !isArray(value)) return [head(MAJOR.map, value.entries.length), ...value.entries.flat().flatMap(parts)]
  return isArray(value) ? [head(MAJOR.array, value.length), ...value.flatMap(parts)] : []
}

/** `Array.isArray` does not narrow to a readonly array. */
function isArray(value: readonly Cbor[] | CborMap): value is readonly Cbor[] {
  return Array.isArray(value)
}

/** RFC 8949 section 3: the kind in three bits, the argument in the other five or in the bytes after them. */
function head(major: number, argument: number): Uint8Array {
  const kind = major << 5
  if (argument < 24) return Uint8Array.of(kind | argument)
  if (argument < 0x100) return Uint8Array.of(kind | 24, argument)
  const bytes = Buffer.alloc(argument < 0x1_0000 ? 3 : 5)
  bytes[0] = kind | (argument < 0x1_0000 ? 25 : 26)
  if (argument < 0x1_0000) bytes.writeUInt16BE(argument, 1)
  else bytes.writeUInt32BE(argument, 1)
  return bytes
}
