/**
 * JSON whose every character is safe on a terminal and on one line: `JSON.stringify` escapes the controls below U+0020 and leaves those from U+007F on,
 * which some terminals obey, and the two line separators (CHECKLIST R229).
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
