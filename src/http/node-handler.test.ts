import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import express, { type RequestHandler } from 'express'
import { createAuth } from '../create-auth.ts'
import { toNodeHandler } from './node-handler.ts'

const bob = { email: 'bob@bob.com', password: 'mySuperPwd' }

for (const { name, parser, body } of [
  { name: 'express.json()', parser: express.json(), body: JSON.stringify(bob) },
  { name: 'express.urlencoded()', parser: express.urlencoded(), body: new URLSearchParams(bob).toString() },
  { name: 'express.text()', parser: express.text({ type: '*/*' }), body: JSON.stringify(bob) },
]) {
  test(`a body that ${name} read before is refused with what to do, never taken for an empty one`, async () => {
    await using application = await startExpress([parser])
    const type = body.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded'
    for (const path of ['/auth/users', '/auth/sessions']) {
      const answer = await application.send('POST', path, type, body)
      const { error, message } = (await answer.json()) as { error: string; message: string }
      assert.deepEqual([answer.status, error], [400, 'body_malformed'])
      assert.match(message, /Mount toNodeHandler\(auth\) before express\.json\(\) and other body parsers/)
    }
  })
}

test('a parser that did not read the body disturbs nothing', async () => {
  await using application = await startExpress([express.json()])
  const answer = await application.send('POST', '/auth/users', 'application/x-www-form-urlencoded', new URLSearchParams(bob).toString())
  assert.deepEqual([answer.status, await answer.json()], [200, { email: 'bob@bob.com', message: 'user created' }])
})

test('bytes that express.raw() kept are the body, to the letter', async () => {
  await using application = await startExpress([express.raw({ type: '*/*' })])
  const created = await application.send('POST', '/auth/users', 'application/json', JSON.stringify(bob))
  assert.equal(created.status, 200)
  const twice = await application.send('POST', '/auth/users', 'application/json', '{"email":"a@b.co","email":"c@d.co","password":"x"}')
  assert.equal(((await twice.json()) as { error: string }).error, 'field_repeated')
})

test('routes that read no body answer although a parser ran before', async () => {
  await using application = await startExpress([express.json()])
  const answer = await application.send('DELETE', '/auth/sessions', 'application/json', '{}')
  assert.equal(answer.status, 403)
  assert.equal(((await answer.json()) as { error: string }).error, 'session_required')
})

test('after a refused body the next request is answered', async () => {
  await using application = await startExpress([express.json()])
  await (await application.send('POST', '/auth/users', 'application/json', JSON.stringify(bob))).text()
  const answer = await application.send('POST', '/auth/users', 'application/x-www-form-urlencoded', new URLSearchParams(bob).toString())
  assert.equal(answer.status, 200)
})

/** An Express application with these before the handler, which is mounted under /auth. */
async function startExpress(before: readonly RequestHandler[]) {
  const auth = await createAuth({ databaseUrl: 'file::memory:', publicUrl: 'http://localhost:3000/auth', logLevel: 'silent' })
  const app = express()
  for (const handler of before) app.use(handler)
  app.use('/auth', toNodeHandler(auth))
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    send: (method: string, path: string, type: string, body: string) =>
      fetch(url + path, { method, redirect: 'manual', headers: { 'content-type': type }, body }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await auth.close()
    },
  }
}
