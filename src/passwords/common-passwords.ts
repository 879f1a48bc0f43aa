import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'

/**
 * The most common passwords of published leaks: every one of 15 to 64 characters among the first million (about 9 700), and the 10 000 most common
 * of 8 to 14, one a line, lower case, deflated. Made by scripts/make-common-passwords.js; docs/adr/0007-common-passwords.md has source and licence.
 */
let list: Set<string> | null = null

/**
 * Whole-password comparison, without regard to case (ASVS 5.0 V6.2.4, V6.2.12; CHECKLIST R008). Three shapes that lists cannot hold in full are
 * refused as common too: a short unit repeated, one character run, and a listed password doubled.
 */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase()
  list ??= load()
  if (list.has(text)) return true
  return isShortRepetition(text, list)
}

function load(): Set<string> {
  const bytes = readFileSync(new URL('./common-passwords.txt.deflate', import.meta.url))
  return new Set(inflateRawSync(bytes).toString('utf8').split('\n'))
}

/** `aaaaaaaaaaaaaaaa`, `abcabcabcabcabc`, `12341234123412341`, `sunshinesunshine`. */
function isShortRepetition(text: string, common: Set<string>): boolean {
  for (let length = 1; length <= text.length / 2; length++) {
    const unit = text.slice(0, length)
    if (!unit.repeat(Math.ceil(text.length / length)).startsWith(text)) continue
    return length <= 4 || common.has(unit)
  }
  return false
}
