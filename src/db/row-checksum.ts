import { hash } from 'node:crypto'

/** What a row holds on either engine. */
export type Value = null | bigint | string | Uint8Array
export type Row = readonly Value[]

export interface Checksum {
  readonly rows: number
  /** Below 2^256. */
  readonly sum: bigint
}

export const NO_ROWS: Checksum = { rows: 0, sum: 0n }

const MODULUS = 1n << 256n

/**
 * The sum of the rows' SHA-256. A sum has no order, so it does not matter by which rules an engine sorts text. It finds what was lost, doubled or changed
 * by accident; it is no proof against somebody who chooses the rows.
 */
export function addRows(checksum: Checksum, rows: readonly Row[]): Checksum {
  let { sum } = checksum
  for (const row of rows) sum += BigInt(`0x${hash('sha256', encode(row), 'hex')}`)
  return { rows: checksum.rows + rows.length, sum: sum % MODULUS }
}

export function checksumText({ sum }: Checksum): string {
  return sum.toString(16).padStart(64, '0')
}

/** One text for one row: each value has its type, and those without a fixed form their length, so no two rows share a text. */
function encode(row: Row): string {
  let text = ''
  for (const value of row) {
    if (value === null) text += 'n,'
    else if (typeof value === 'bigint') text += `i${value},`
    else if (typeof value === 'string') text += `t${value.length}:${value},`
    else text += `b${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')},`
  }
  return text
}
