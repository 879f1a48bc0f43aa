import type { Deps } from '../deps.ts'
import { selectForExport } from './export-store.ts'
import { writeUserLine } from './user-line.ts'

/** Users read at once: memory stays flat however many there are. */
const PAGE = 1_000

/** Ids are random, so the first eight hexadecimal digits of the last one tell how much is done, without counting millions first. */
const ID_DIGITS = 8

/** Some lines of a users file, how many they are, and which part of all users (0 to 1) is written with them. */
export interface ExportedPage {
  readonly text: string
  readonly users: number
  readonly done: number
}

/**
 * Every user as a line of a users file, password hashes included, ordered by id: an id never changes, so nobody is missed or written twice while
 * the service runs on.
 */
export async function* exportUsers(deps: Pick<Deps, 'database'>): AsyncGenerator<ExportedPage> {
  let after = ''
  for (;;) {
    const page = await selectForExport(deps.database.reads, { after, limit: PAGE })
    if (page.length === 0) return
    after = page.at(-1)?.id ?? ''
    const done = page.length < PAGE ? 1 : Number.parseInt(after.slice(0, ID_DIGITS), 16) / 16 ** ID_DIGITS
    yield { text: page.map(({ line }) => `${writeUserLine(line)}\n`).join(''), users: page.length, done }
  }
}
