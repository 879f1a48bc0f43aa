/** CHECKLIST R131. */
const MAX_LENGTH = 64
/** C0, DEL, C1, line and paragraph separators, and what turns the direction of a text round. */
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
/** With a scheme, with `www.`, with two slashes, or a bare name with a top-level domain: what a mail program would make a link of. */
const LINKS = /[a-z][a-z0-9+.-]*:\/*[^\s]*\/[^\s]*|\bwww\.[^\s]*|\/\/[^\s]+|\b(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}(?:[:/][^\s]*)?/giu

/**
 * A text that somebody else chose, as it may stand in a mail: one line, no link, at most 64 characters (CHECKLIST R129, R131). Escaping for HTML
 * is the layout's part.
 */
export function cleanText(text: string): string {
  return shorten(text.replaceAll(CONTROLS, ' ').replaceAll(LINKS, '[link]').replaceAll(/\s+/g, ' ').trim())
}

/** An address that somebody else chose. It has to be read, so it stays; nothing before the "@" can pass for a link. */
export function cleanAddress(address: string): string {
  const at = address.lastIndexOf('@')
  const local = address
    .slice(0, Math.max(at, 0))
    .replaceAll(/[^\p{L}\p{N}_+.-]/gu, '_')
    .replaceAll(/www\./gi, 'www_')
  return shorten(`${local}@${address.slice(at + 1).replaceAll(/[^\p{L}\p{N}.-]/gu, '_')}`)
}

/** Every browser calls itself Mozilla and KHTML; what tells them apart comes later, and would be cut off. */
export function cleanUserAgent(userAgent: string): string {
  return cleanText(userAgent.replace(/^Mozilla\/5\.0 /, '').replace(/AppleWebKit\/[\d.]+ \(KHTML, like Gecko\) /, ''))
}

/** One line of the operator's own: links are theirs to write. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, ' ').replaceAll(/\s+/g, ' ').trim()
}

function shorten(text: string): string {
  const characters = [...text]
  return characters.length <= MAX_LENGTH ? text : `${characters.slice(0, MAX_LENGTH - 1).join('')}…`
}
