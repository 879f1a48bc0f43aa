import { connect } from 'node:net'

export interface RawAnswer {
  /** 0 where the connection was closed without an answer. */
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/**
 * Send bytes as they are, for requests that `fetch` will not make, and read until the server closes the connection:
 * the request says `Connection: close`, or is one after which the server closes.
 */
export function rawRequest(url: string, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'))
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => {
      text += part
    })
    // A server that refuses early may reset what is still being sent; the answer is what came before.
    socket.on('error', () => {})
    socket.on('close', () => resolve(readAnswer(text)))
  })
}

/** A request with a `Host` of one's choice, or none. */
export function rawGet(url: string, path: string, host: string | null, headers: readonly string[] = []): Promise<RawAnswer> {
  const lines = [
    `GET ${path} HTTP/1.${host === null ? 0 : 1}`,
    ...(host === null ? [] : [`Host: ${host}`]),
    ...headers,
    'Connection: close',
  ]
  return rawRequest(url, `${lines.join('\r\n')}\r\n\r\n`)
}

/** A request with a start line and headers of one's choice, and a JSON body where there is one. The `Host` is ours unless it is named. */
export function rawJson(url: string, start: string, headers: readonly string[], json?: object): Promise<RawAnswer> {
  const body = json ? JSON.stringify(json) : ''
  const lines = [
    `${start} HTTP/1.1`,
    ...(headers.some((line) => /^host:/i.test(line)) ? [] : ['Host: localhost:5000']),
    ...(json ? ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`] : []),
    ...headers,
    'Connection: close',
  ]
  return rawRequest(url, `${lines.join('\r\n')}\r\n\r\n${body}`)
}

function readAnswer(text: string): RawAnswer {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => {
    const [name = '', value = ''] = line.split(/:\s*(.*)/s)
    return [name.toLowerCase(), value] as const
  })
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers: new Map(headers), body }
}
