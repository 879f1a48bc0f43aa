import assert from 'node:assert/strict'

export interface SetCookie {
  readonly name: string
  readonly value: string
  readonly attributes: Readonly<Record<string, string | true>>
}

/** The one cookie that an answer sets, with every attribute. */
export function cookieOf(answer: { readonly headers: Headers }): SetCookie {
  const lines = answer.headers.getSetCookie()
  assert.equal(lines.length, 1)
  const [pair = '', ...attributes] = (lines[0] ?? '').split('; ')
  const [name = '', value = ''] = pair.split('=')
  return {
    name,
    value,
    attributes: Object.fromEntries(attributes.map((attribute) => attribute.split('=')).map(([key, text]) => [key, text ?? true])),
  }
}
