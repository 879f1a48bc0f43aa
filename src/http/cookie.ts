/**
 * The value of one cookie from a raw `Cookie` header; `null` if it is not there, or there more than once: of two cookies with one name
 * nobody can say which one the browser trusts (RFC 6265bis section 8.6, CHECKLIST R080). Names are compared exactly.
 */
export function readCookie(header: string | null, name: string): string | null {
  if (header === null) return null
  const first = valueAt(header, name, 0)
  if (first === null || valueAt(header, name, first.end) !== null) return null
  return first.value
}

/** The next cookie of this name at or after `from`: at the beginning, or behind a semicolon and blanks. */
function valueAt(header: string, name: string, from: number): { value: string; end: number } | null {
  for (let at = header.indexOf(name, from); at !== -1; at = header.indexOf(name, at + 1)) {
    const afterName = at + name.length
    if (header.charCodeAt(afterName) !== 61 /* = */ || !startsCookie(header, at)) continue
    const semicolon = header.indexOf(';', afterName)
    const end = semicolon === -1 ? header.length : semicolon
    return { value: header.slice(afterName + 1, end).trim(), end }
  }
  return null
}

function startsCookie(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && (header.charCodeAt(before) === 32 || header.charCodeAt(before) === 9)) before--
  return before < 0 || header.charCodeAt(before) === 59 /* ; */
}
