import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import { rawRequest } from '../test/raw-request.ts'
import { type Listener, listen } from './server.ts'

type Owned = Listener & AsyncDisposable & { readonly url: string; readonly seen: string[] }

/** A listener on a free port whose handler answers 200 and remembers what reached it. */
async function start(posture: 'classic' | 'hardened' = 'classic', hosts = ['127.0.0.1']): Promise<Owned> {
  const listener = await listen({ posture, listen: { hosts, port: 0 } })
  const seen: string[] = []
  listener.handleWith((request: IncomingMessage, response: ServerResponse) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => response.end('ok'))
    request.on('error', () => {})
  })
  return { ...listener, seen, url: `http://127.0.0.1:${listener.port}`, [Symbol.asyncDispose]: () => listener.close() }
}

test('slow and endless clients are cut off: 10 s for headers, 30 s for a request, 5 s idle, 100 headers (R257)', async () => {
  await using listener = await start('classic', ['127.0.0.1', '127.0.0.2'])
  assert.equal(listener.servers.length, 2)
  for (const server of listener.servers) {
    assert.equal(server.headersTimeout, 10_000)
    assert.equal(server.requestTimeout, 30_000)
    assert.equal(server.keepAliveTimeout, 5_000)
    assert.equal(server.maxHeadersCount, 100)
    assert.equal(server.maxConnections, 4_000)
    // Node looks for them every 30 s unless told. Its own name for it is not in its types.
    assert.equal((server as unknown as { connectionsCheckingInterval: number }).connectionsCheckingInterval, 1_000)
  }
})

/** For what must be refused: where it is not, nothing stays open. */
async function listenAndClose(config: Parameters<typeof listen>[0]): Promise<void> {
  await (await listen(config)).close()
}

const HOST = 'Host: localhost\r\n'

test('a request whose end two readers could see in two places is refused, and reaches no route (R263)', async () => {
  await using server = await start()
  const ambiguous: Record<string, string> = {
    'length and chunks': `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks and length': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    'two lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
    'a list of lengths': `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 2\r\n\r\nab`,
    'a signed length': `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\na`,
    'a negative length': `POST / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`,
    'a hexadecimal length': `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\na`,
    'chunks that are not the last coding': `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    'a bare carriage return in a value': `GET / HTTP/1.1\r\n${HOST}A: b\rX: c\r\n\r\n`,
    'a folded header': `GET / HTTP/1.1\r\n${HOST}A: b\r\n  folded\r\n\r\n`,
    'a blank before the colon': `GET / HTTP/1.1\r\n${HOST}Content-Length : 5\r\n\r\n`,
    'a header without a name': `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`,
    'a NUL in a header': `GET / HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`,
    'another version': `GET / HTTP/9.9\r\n${HOST}\r\n`,
    'another protocol': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  }
  for (const [what, bytes] of Object.entries(ambiguous)) {
    const answer = await rawRequest(server.url, bytes)
    assert.equal(answer.status, 400, what)
    assert.equal(answer.headers.get('connection'), 'close', what)
    assert.deepEqual(server.seen, [], what)
  }
})

test('a malformed chunk or an unknown coding ends the request with 400, and the connection', async () => {
  await using server = await start()
  const unknown = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`
  assert.equal((await rawRequest(server.url, unknown)).status, 400)
  assert.ok(!server.seen.includes('GET /smuggled'))
  for (const chunk of ['zz\r\n', '-1\r\n', '5\r\nab\r\n\r\n0\r\n\r\n', 'fffffffffffffffff\r\n'])
    assert.equal((await rawRequest(server.url, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunk}`)).status, 400, chunk)
})

test('headers that are too large or too many are refused with 431, and the service goes on', async () => {
  await using server = await start()
  const get = (headers: string) => rawRequest(server.url, `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n${headers}\r\n`)
  assert.equal((await get(`A: ${'x'.repeat(17_000)}\r\n`)).status, 431)
  assert.equal((await get(`${'x'.repeat(17_000)}: a\r\n`)).status, 431)
  assert.equal((await get('A: b\r\n'.repeat(2_500))).status, 431)
  assert.equal((await rawRequest(server.url, `GET /${'x'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`)).status, 431)
  assert.equal((await get(`A: ${'x'.repeat(15_000)}\r\n`)).status, 200)
})

test('what the parser refuses is answered with a request id all the same', async () => {
  await using server = await start()
  const answer = await rawRequest(server.url, 'nonsense\r\n\r\n')
  assert.equal(answer.status, 400)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(answer.body, '')
})

test('an expectation that nobody knows is not answered behind the back of the service', async () => {
  await using server = await start()
  const answer = await rawRequest(server.url, `GET / HTTP/1.1\r\n${HOST}Connection: close\r\nExpect: the-unexpected\r\n\r\n`)
  assert.equal(answer.status, 200)
})

test('PORT=0 takes a free port and tells which', async () => {
  await using first = await start()
  await using second = await start()
  assert.notEqual(first.port, 0)
  assert.notEqual(first.port, second.port)
  assert.equal((await fetch(first.url)).status, 200)
})

test('every address of the configuration listens on one port', async () => {
  await using server = await start('classic', ['127.0.0.1', '127.0.0.2'])
  for (const host of ['127.0.0.1', '127.0.0.2']) assert.equal((await fetch(`http://${host}:${server.port}`)).status, 200, host)
})

test('a port that is taken is named, with the command that takes another', async () => {
  await using server = await start()
  const { port } = server
  await assert.rejects(listenAndClose({ posture: 'classic', listen: { hosts: ['127.0.0.1'], port } }), {
    code: 'configuration_invalid',
    message: new RegExp(`^Port ${port} is taken\\. Choose another:\\n\\n {2}PORT=${port + 1} npm start\\n$`),
  })
  // Taken on the second address only: the first is given back.
  await assert.rejects(listenAndClose({ posture: 'classic', listen: { hosts: ['127.0.0.2', '127.0.0.1'], port } }), /is taken/)
  const free = await listen({ posture: 'classic', listen: { hosts: ['127.0.0.2'], port } })
  await free.close()
})

test('an address that is not on this machine is refused by name', async () => {
  await assert.rejects(listenAndClose({ posture: 'hardened', listen: { hosts: ['192.0.2.1'], port: 0 } }), {
    code: 'configuration_invalid',
    message: /^Cannot listen on 192\.0\.2\.1 port 0/,
  })
})

test('classic refuses to be bound to more than this machine, whatever the name in HOST resolves to', async () => {
  for (const host of ['0.0.0.0', '::'])
    await assert.rejects(listenAndClose({ posture: 'classic', listen: { hosts: [host], port: 0 } }), {
      code: 'configuration_invalid',
      message: /which other machines can reach, and the posture is classic/,
    })
  await using server = await start('hardened', ['0.0.0.0'])
  assert.equal((await fetch(server.url)).status, 200, 'hardened may')
})

test('a request that comes before the service is ready waits for it', async () => {
  const listener = await listen({ posture: 'classic', listen: { hosts: ['127.0.0.1'], port: 0 } })
  const answer = fetch(`http://127.0.0.1:${listener.port}/early`)
  await new Promise<void>((resolve) => listener.servers[0]?.once('request', () => resolve()))
  listener.handleWith((request, response) => response.end(request.url))
  assert.equal(await (await answer).text(), '/early')
  await listener.close()
})

test('a stop lets what is in flight finish, and takes nothing new', async () => {
  const listener = await listen({ posture: 'classic', listen: { hosts: ['127.0.0.1'], port: 0 } })
  const url = `http://127.0.0.1:${listener.port}`
  let finish = () => {}
  const reached = new Promise<void>((resolve) => {
    listener.handleWith((_, response) => {
      finish = () => response.end('finished')
      resolve()
    })
  })
  const answer = fetch(url, { headers: { connection: 'close' } })
  await reached
  const closed = listener.close()
  await assert.rejects(fetch(url), TypeError)
  finish()
  assert.equal(await (await answer).text(), 'finished')
  await closed
})
