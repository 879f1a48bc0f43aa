import { createReadStream, fstatSync, openSync, type ReadStream } from 'node:fs'
import type { Clock } from '../clock.ts'
import { AuthError } from '../errors.ts'
import type { Source, SourceRow } from './import.ts'
import { readUserLine } from './user-line.ts'

/** A user takes some hundred bytes, 4 KiB of metadata at most 24 when every character is escaped. */
const LINE_MAX_BYTES = 65_536

/**
 * A file of users, one JSON object a line; `-` is standard input.
 *
 * @throws AuthError `file_refused`
 */
export function openUsersFile(path: string, clock: Clock): Source {
  const { stream, size } = openInput(path)
  let bytes = 0
  async function* counted() {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length
      yield chunk
    }
  }
  return {
    unit: 'line',
    whenIdTaken: 'reject',
    size,
    position: () => bytes,
    rows: () => readRows(counted(), clock),
    [Symbol.dispose]: () => void stream.destroy(),
  }
}

function openInput(path: string): { readonly stream: ReadStream | typeof process.stdin; readonly size: number | null } {
  if (path === '-') return { stream: process.stdin, size: null }
  try {
    const descriptor = openSync(path, 'r')
    const file = fstatSync(descriptor)
    if (file.isDirectory()) throw new Error('it is a folder')
    return { stream: createReadStream(path, { fd: descriptor, highWaterMark: 262_144 }), size: file.isFile() ? file.size : null }
  } catch (error) {
    throw new AuthError('file_refused', { sentence: `The file ${path} cannot be read: ${(error as Error).message}` }, { cause: error })
  }
}

async function* readRows(stream: AsyncIterable<Buffer>, clock: Clock): AsyncGenerator<SourceRow> {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  for await (const line of linesOf(stream)) {
    number++
    const text = line === null ? null : decoded(utf8, line)
    if (line === null) yield { number, email: '', fault: { field: null, reason: `the line is longer than ${LINE_MAX_BYTES} bytes` } }
    else if (text === null) yield { number, email: '', fault: { field: null, reason: 'the line is not UTF-8' } }
    else if (text.trim() !== '') yield { number, ...readUserLine(text, clock.now()) }
  }
}

function decoded(utf8: TextDecoder, line: Uint8Array): string | null {
  try {
    return utf8.decode(line)
  } catch {
    return null
  }
}

/** Lines without their ends; `null` for one that is too long, of which nothing is kept. */
async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let begun: Buffer[] = []
  let length = 0
  const take = (piece: Buffer) => {
    length += piece.length
    if (length > LINE_MAX_BYTES) begun = []
    else begun.push(piece)
  }
  const finish = () => {
    const line = length > LINE_MAX_BYTES ? null : Buffer.concat(begun)
    begun = []
    length = 0
    return line
  }
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end))
      yield finish()
      start = end + 1
    }
    take(chunk.subarray(start))
  }
  if (length > 0) yield finish()
}
