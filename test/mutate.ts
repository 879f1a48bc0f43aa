import type { Bytes } from './forge.ts'

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Heads of CBOR and the edges of bytes: lengths of every size, endless strings and lists, tags, floats. */
const TELLING = [
  0, 1, 0x17, 0x18, 0x1b, 0x3b, 0x40, 0x58, 0x5a, 0x5b, 0x5f, 0x7b, 0x7f, 0x80, 0x9b, 0x9f, 0xa0, 0xbb, 0xbf, 0xd8, 0xf6, 0xf9, 0xfb, 0xff,
]

/** Bytes that differ from these in one to three places: changed, cut, repeated, moved, or with others between them. */
export function mutate(bytes: Bytes, random: () => number): Bytes {
  let result: Bytes = Uint8Array.from(bytes)
  for (let changes = 1 + Math.floor(random() * 3); changes > 0; changes--) result = changeOnce(result, random)
  return result
}

function changeOnce(bytes: Bytes, random: () => number): Bytes {
  const below = (limit: number) => Math.floor(random() * limit)
  const at = below(bytes.length + 1)
  const length = 1 + below(random() < 0.2 ? 2_000 : 8)
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  const telling = () => TELLING[below(TELLING.length)] ?? 0
  switch (below(7)) {
    case 0:
      return bytes.map((byte, index) => (index === at ? byte ^ (1 << below(8)) : byte))
    case 1:
      return bytes.map((byte, index) => (index === at ? telling() : byte))
    case 2:
      return Buffer.concat([head, tail.subarray(length)])
    case 3:
      return Buffer.concat([head, Uint8Array.from({ length }, () => below(256)), tail])
    case 4:
      return Buffer.concat([head, Uint8Array.from({ length }, telling), tail])
    case 5:
      return Buffer.concat([head, tail.subarray(0, length), tail])
    default:
      return below(4) === 0 ? head : Buffer.concat([tail.subarray(0, length), head, tail.subarray(length)])
  }
}
