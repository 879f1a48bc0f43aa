import type { View } from './pages.ts'
import { queryText } from './query.ts'

/** What was done on the page before, by the word in `?done=`. The list of words is closed: nobody can put a sentence of theirs into a link to us. */
export function noticeOf({ c, texts }: View): string | null {
  const notices: Readonly<Record<string, string>> = texts.notices
  const word = queryText(c, 'done')
  return word !== null && Object.hasOwn(notices, word) ? (notices[word] ?? null) : null
}
