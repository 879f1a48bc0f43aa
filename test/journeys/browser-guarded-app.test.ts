import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { launchBrowser } from '../browser.ts'
import { GOOD_PASSWORD } from '../hardened-app.ts'
import { personAt } from '../person.ts'
import { enrolTotp, totpCode } from '../second-factors.ts'
import { hardenedEnv, startTestApp } from '../test-app.ts'

const browser = await launchBrowser()
after(() => browser[Symbol.asyncDispose]())

const EMAIL = 'ann@example.com'

/** The service must know the application's origin before it starts, and the application the service's. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('an application sends its visitor to the login, and gets them back, over the second factor too, in both postures', async (t) => {
  for (const posture of [{}, hardenedEnv()]) {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    await using app = await startTestApp({ env: { ...posture, BIENVENUE_ALLOWED_ORIGINS: origin }, forBrowsers: true })
    const example = spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'examples', 'guarded-app.ts'), String(port), app.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => example.kill())
    await once(createInterface({ input: example.stdout }), 'line')
    await app.addVerified(EMAIL, GOOD_PASSWORD)

    await using visitor = await browser.newVisitor({ origin: app.url })
    const ann = personAt(visitor.page)
    await visitor.page.goto(`${origin}/`)
    await ann.sees('Log in')
    await ann.fills('Email address', EMAIL)
    await ann.fills('Password', GOOD_PASSWORD)
    await ann.presses('Log in')
    await ann.reads(`This page is for ${EMAIL} only.`)
    assert.equal(visitor.page.url(), `${origin}/`)

    const { secret } = await enrolTotp(app, await app.logIn(EMAIL, GOOD_PASSWORD))
    await visitor.page.context().clearCookies()
    await visitor.page.goto(`${origin}/`)
    await ann.fills('Email address', EMAIL)
    await ann.fills('Password', GOOD_PASSWORD)
    await ann.presses('Log in')
    await ann.fills('Code of your authenticator app', totpCode(app, secret))
    await visitor.page.getByRole('button', { name: 'Log in' }).first().click()
    await ann.reads(`This page is for ${EMAIL} only.`)
    assert.deepEqual(
      visitor.problems.filter((one) => !one.startsWith(`outside: GET ${origin}/`)),
      [],
    )
  }
})
