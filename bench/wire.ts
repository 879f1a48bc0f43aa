import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** Messages that a client sent, by the letter that PostgreSQL's protocol gives each kind ("Message Formats"): P parse, B bind, E execute, S sync, Q simple query. */
export interface Wire extends AsyncDisposable {
  readonly port: number
  /** Counted since the last call, summed over connections. */
  take(): Readonly<Record<string, number>>
}

/** A relay in front of PostgreSQL that counts what passes. Without TLS, which a loopback server does not offer. */
export async function watchWire(serverPort: number): Promise<Wire> {
  let counts: Record<string, number> = {}
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    const count = messageCounter((kind) => {
      counts[kind] = (counts[kind] ?? 0) + 1
    })
    client.on('data', count)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    take() {
      const taken = counts
      counts = {}
      return taken
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Every message is a letter and its length, in four bytes that count themselves; only the first of a connection has no letter. */
export function messageCounter(onMessage: (kind: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  let isFirst = true
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const letter = isFirst ? 0 : 1
      if (rest.length < letter + 4) return
      const length = letter + rest.readUInt32BE(letter)
      if (rest.length < length) return
      if (!isFirst) onMessage(String.fromCharCode(rest[0] ?? 0))
      isFirst = false
      rest = rest.subarray(length)
    }
  }
}
