import assert from 'node:assert/strict'

export interface SetCookie {
  readonly name: string
  readonly value: string
  readonly attributes: Readonly<Record<string, string | true>>
}

/** The session cookie that an answer sets, with every attribute; behind it stands at most the device's. */
export function cookieOf(answer: { readonly headers: Headers }): SetCookie {
  const [session, device, ...more] = answer.headers.getSetCookie().map(parse)
  if (!session || (device && !device.name.endsWith('device_id')) || more.length > 0) assert.fail(answer.headers.getSetCookie().join('\n'))
  return session
}

/** The device cookie, where the answer sets one behind the session's. */
export function deviceCookieOf(answer: { readonly headers: Headers }): SetCookie | null {
  const [, device] = answer.headers.getSetCookie().map(parse)
  return device ?? null
}

function parse(line: string): SetCookie {
  const [pair = '', ...attributes] = line.split('; ')
  const [name = '', value = ''] = pair.split('=')
  return {
    name,
    value,
    attributes: Object.fromEntries(attributes.map((attribute) => attribute.split('=')).map(([key, text]) => [key, text ?? true])),
  }
}
