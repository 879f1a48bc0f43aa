import type { Config } from '../config.ts'

/** Longer than any address that a person was at. */
const MAX_CHARACTERS = 2_000

/**
 * Where somebody may be sent back to: a path that begins with exactly one `/`, below the origin of the public URL, or a whole URL of that origin or of one on
 * `allowedOrigins` (CHECKLIST R211-R215). It is read as browsers read it (WHATWG URL), judged by what it was read as, and written anew from that.
 *
 * @returns a whole URL in ASCII, which `pages.redirect` sends as it is; `null` for what leads anywhere else, or cannot be read. Never throws.
 */
export function parseReturnTo(
  { publicUrl, allowedOrigins }: Pick<Config, 'publicUrl' | 'allowedOrigins'>,
  text: string | null,
): string | null {
  if (text === null || text.length > MAX_CHARACTERS || !text.isWellFormed()) return null
  // Browsers drop tabs and line breaks, cut spaces off, and take `\` for `/`: none of them is in an address of ours.
  if (/[\0-\x20\x7f-\x9f\\]/.test(text)) return null
  const isPath = text.startsWith('/')
  if (isPath ? text.startsWith('//') : !/^https?:\/\//i.test(text)) return null
  const url = URL.parse(text, publicUrl.origin)
  if (url === null || url.username !== '' || url.password !== '') return null
  if (url.origin !== publicUrl.origin && (isPath || !allowedOrigins.has(url.origin))) return null
  // `/..//evil.example` is a path of ours, and another host's for whoever takes the path alone.
  if (url.pathname.startsWith('//') || url.href.length > MAX_CHARACTERS) return null
  return url.href
}
