/** What {@link jsonKeys} meets: an object or list that opens (`key` null), or a key of an object. */
export interface JsonStep {
  /** 1 within the outermost. */
  readonly depth: number
  readonly key: string | null
  /** The same object has it already: `JSON.parse` would take the last one, another reader the first. */
  readonly repeated: boolean
}

/** Walk over text that is known to be valid JSON, with the set of keys of each open object. */
export function* jsonKeys(text: string): Generator<JsonStep> {
  const open: (Set<string> | null)[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null)
      yield { depth: open.length, key: null, repeated: false }
    } else if (character === '}' || character === ']') {
      open.pop()
    } else if (character === '"') {
      const end = endOfString(text, at)
      const object = open.at(-1)
      if (object && isKey(text, end)) {
        const key: string = JSON.parse(text.slice(at, end))
        yield { depth: open.length, key, repeated: object.has(key) }
        object.add(key)
      }
      at = end - 1
    }
  }
}

/** The index behind the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function isKey(text: string, afterString: number): boolean {
  let at = afterString
  while (' \t\r\n'.includes(text[at] ?? 'x')) at++
  return text[at] === ':'
}
