import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hardenedEnv, sessionOf, startTestApp, type TestApp } from '../../test/test-app.ts'
import { canonicalAddress, makeClientAddress } from './client-ip.ts'

test('one client has one spelling (R043)', () => {
  const spellings: Record<string, readonly string[]> = {
    '1.2.3.4': ['1.2.3.4', '::ffff:1.2.3.4', '::FFFF:1.2.3.4', '::ffff:0102:0304', '0:0:0:0:0:ffff:1.2.3.4', '[::ffff:1.2.3.4]'],
    '2001:db8::1': ['2001:db8::1', '2001:DB8::1', '2001:0db8:0:0:0:0:0:1', '2001:db8:0::0:1', '[2001:db8::1]', '2001:db8::1%eth0'],
    '::1': ['::1', '0:0:0:0:0:0:0:1', '[::1]'],
  }
  for (const [canonical, texts] of Object.entries(spellings))
    for (const text of texts) assert.equal(canonicalAddress(text), canonical, text)
})

test('what is no address is none', () => {
  for (const text of [
    '',
    ' ',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '0x7f.0.0.1',
    '1.2.3.4, 5.6.7.8',
    '::g',
    'unknown',
    '%eth0',
    '[]',
  ])
    assert.equal(canonicalAddress(text), null, text)
})

test('without trusted proxies the socket is the client, whatever it says (R044)', () => {
  const addressOf = makeClientAddress([])
  assert.equal(addressOf('203.0.113.9', '1.1.1.1'), '203.0.113.9')
  assert.equal(addressOf('::ffff:203.0.113.9', '1.1.1.1'), '203.0.113.9')
  assert.equal(addressOf(null, '1.1.1.1'), null)
  assert.equal(addressOf('nonsense', '1.1.1.1'), null)
})

test('behind trusted proxies the client is the right-most address that is none of them (R044)', () => {
  const addressOf = makeClientAddress(['10.0.0.0/8', 'fd00::/8'])
  const cases: [peer: string, forwardedFor: string | null, client: string, why: string][] = [
    ['10.0.0.1', '203.0.113.9', '203.0.113.9', 'one proxy'],
    ['10.0.0.1', '1.1.1.1, 203.0.113.9', '203.0.113.9', 'what the client wrote itself stands left and is not believed'],
    ['10.0.0.1', '203.0.113.9, 10.0.0.2', '203.0.113.9', 'two proxies'],
    ['10.0.0.1', '1.1.1.1,203.0.113.9,10.0.0.3,10.0.0.2', '203.0.113.9', 'three proxies and a forgery'],
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9', 'a mapped proxy'],
    ['fd12::1', '2001:DB8::1', '2001:db8::1', 'IPv6'],
    ['10.0.0.1', '203.0.113.9, ::ffff:10.0.0.2', '203.0.113.9', 'a mapped proxy in the list'],
    ['203.0.113.5', '1.1.1.1', '203.0.113.5', 'who is no proxy is not believed'],
    ['203.0.113.5', '10.0.0.7', '203.0.113.5', 'nor by naming a proxy'],
    ['10.0.0.1', null, '10.0.0.1', 'no header'],
    ['10.0.0.1', '', '10.0.0.1', 'empty header'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3', 'all of them proxies'],
    ['10.0.0.1', '203.0.113.9, garbage', '10.0.0.1', 'behind garbage nothing is believed'],
    ['10.0.0.1', 'garbage, 203.0.113.9', '203.0.113.9', 'garbage further left does not matter'],
    ['10.0.0.1', ','.repeat(1_000), '10.0.0.1', 'nothing but commas'],
  ]
  for (const [peer, forwardedFor, client, why] of cases) assert.equal(addressOf(peer, forwardedFor), client, why)
})

const BEHIND_PROXY = hardenedEnv({ BIENVENUE_PUBLIC_URL: 'https://app.example.com', BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })

test('the log and the session know the address that the proxy vouches for, not the one that the client wrote', async () => {
  await using app = await startTestApp({ env: BEHIND_PROXY })
  assert.equal(await clientOf(app), '203.0.113.9')
  await using direct = await startTestApp({ env: { ...BEHIND_PROXY, BIENVENUE_TRUSTED_PROXIES: '10.0.0.0/8' } })
  assert.equal(await clientOf(direct), '127.0.0.1')
})

test("what an application passes as clientAddress is the client: the request's own header is not read", async () => {
  await using app = await startTestApp({ env: BEHIND_PROXY })
  const headers = { host: 'app.example.com', 'x-forwarded-for': '203.0.113.9' }
  await app.auth.fetch(new Request('http://x/healthz', { headers }), { clientAddress: '127.0.0.1' })
  assert.equal(app.logLines.findLast((line) => line.event === 'request')?.client, '127.0.0.1')
})

/** Log in through a socket on this machine, with a forged and a real entry in X-Forwarded-For. @returns the client in the log and the session's list */
async function clientOf(app: TestApp): Promise<unknown> {
  const form = { email: 'bob@bob.com', password: 'correct horse battery staple' }
  await app.addVerified(form.email, form.password)
  const login = await app.request('POST', '/sessions', { form, headers: { 'x-forwarded-for': '1.1.1.1, 203.0.113.9' } })
  assert.equal(login.status, 200)
  const { json } = await app.request('GET', '/sessions', { session: sessionOf(login) ?? '' })
  const logged = app.logLines.find((line) => line.event === 'request' && line.route === '/sessions')?.client
  assert.equal(json.sessions[0].address, logged)
  return logged
}

test('an entry with a port is the address before it', () => {
  const clientOf = makeClientAddress(['10.0.0.0/8'])
  assert.equal(clientOf('10.0.0.1', '192.0.2.1:4711'), '192.0.2.1')
  assert.equal(clientOf('10.0.0.1', '[2001:db8::1]:4711'), '2001:db8::1')
  assert.equal(clientOf('10.0.0.1', '192.0.2.1:471100'), '10.0.0.1')
})
