// Makes src/passwords/common-passwords.txt.deflate from a list of passwords, most common first, one a line
// (SecLists, "10-million-password-list-top-1000000"; see docs/adr/0007-common-passwords.md):
//   node scripts/make-common-passwords.js LIST
import { readFileSync, writeFileSync } from 'node:fs'
import { deflateRawSync } from 'node:zlib'

const [source] = process.argv.slice(2)
if (!source) {
  console.error('usage: node scripts/make-common-passwords.js LIST')
  process.exit(2)
}
const words = readFileSync(source, 'utf8')
  .split('\n')
  .map((line) => line.trim().toLowerCase())
  .filter((word) => /^[\x20-\x7e]+$/.test(word))
const long = new Set(words.filter((word) => word.length >= 15 && word.length <= 64))
const short = new Set()
for (const word of words) {
  if (word.length >= 8 && word.length < 15) short.add(word)
  if (short.size === 10_000) break
}
const text = [...short, ...long].sort().join('\n')
writeFileSync(new URL('../src/passwords/common-passwords.txt.deflate', import.meta.url), deflateRawSync(text, { level: 9 }))
console.log(`${long.size} passwords of 15 characters and more, ${short.size} of 8 to 14`)
