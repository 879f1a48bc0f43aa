import assert from 'node:assert/strict'
import type { Environment } from '../src/config.ts'
import type { OutgoingMail } from '../src/mail/deliver.ts'
import { GOOD_PASSWORD, type HardenedApp, startHardenedApp } from './hardened-app.ts'
import { codeIn, tokenIn } from './mail-links.ts'
import { assertPageRefused } from './refusals.ts'
import { deviceCookieOf } from './set-cookie.ts'
import { sessionOf, type TestAppOptions, type TestResponse } from './test-app.ts'

/** A value that stands for somebody, and what its place asks for beside it. */
export interface Issued {
  readonly value: string
  readonly email: string
  /** Of a form. */
  readonly formId: string
  readonly formToken: string
}

export interface TokenKind {
  readonly issue: (app: HardenedApp, email: string) => Promise<string>
  /** Names of {@link PLACES}, the ones where it belongs. */
  readonly at: readonly string[]
  /** The first second at which it is dead; `null`: it lives as long as its session or browser. */
  readonly seconds: number | null
  /** It is consumed by its use. */
  readonly once: boolean
}

/** Present a value at this place. True: it was taken for what belongs there. */
export type Place = (app: HardenedApp, issued: Issued, value: string) => Promise<boolean>

const NEW_PASSWORD = 'another long passphrase'

/** A hardened service that sees every request come from another address, so that what is counted by address refuses nothing. */
export async function startForManyClients(env: Environment = {}, options: Omit<TestAppOptions, 'env'> = {}): Promise<HardenedApp> {
  const app = await startHardenedApp({ BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8', ...env }, options)
  const { request } = app
  let last = 0
  return Object.assign(app, {
    request(method: string, path: string, more: Parameters<HardenedApp['request']>[2] = {}) {
      last++
      const client = `10.${last >> 16}.${(last >> 8) & 255}.${last & 255}`
      return request(method, path, { ...more, headers: { 'x-forwarded-for': client, ...more.headers } })
    },
  })
}

let hash: string | undefined

/** A user with {@link GOOD_PASSWORD}, without the time that a hash takes for each. */
export async function addUser(app: HardenedApp, email: string, { verified = true } = {}): Promise<string> {
  hash ??= await app.auth.hashPassword(GOOD_PASSWORD)
  const { id } = await app.auth.addUser(email, hash)
  const email_verified_at = verified ? app.clock.now() : null
  await app.auth.deps.database.inTransaction((tx) => tx.updateTable('users').set({ email_verified_at }).where('id', '=', id).execute())
  return id
}

async function mailTo(app: HardenedApp, email: string): Promise<OutgoingMail | undefined> {
  return (await app.newMails()).findLast(({ to }) => to === email)
}

async function loginMail(app: HardenedApp, email: string) {
  await addUser(app, email)
  await app.request('POST', '/login_codes', { json: { email } })
  return mailTo(app, email)
}

/** Begin a change to `new.EMAIL`. @returns the token of each side */
async function changeTokens(app: HardenedApp, email: string) {
  await addUser(app, email)
  const session = await app.logIn(email, GOOD_PASSWORD)
  await app.request('POST', '/account/email', { session, json: { email: `new.${email}` } })
  const mails = await app.newMails()
  const tokenTo = (address: string) => tokenIn(mails.find(({ to }) => to === address))
  return { old: tokenTo(email), new: tokenTo(`new.${email}`) }
}

const useAddressToken = (app: HardenedApp, token: string) => app.request('PUT', '/account/email', { json: { token } })

const ADDRESS = ['PUT /account/email', 'POST /forms/address']
const VERIFICATION = ['PUT /email_verification', 'POST /forms/verify', 'POST /forms/refuse-verification']

/** Every kind of token that there is. Each is issued to a user of its own. */
export const TOKEN_KINDS: Readonly<Record<string, TokenKind>> = {
  session: {
    async issue(app, email) {
      await addUser(app, email)
      return app.logIn(email, GOOD_PASSWORD)
    },
    at: ['session cookie'],
    seconds: 7 * 86_400,
    once: false,
  },
  device: {
    async issue(app, email) {
      await addUser(app, email)
      return deviceCookieOf(await app.logInAnswer(email, GOOD_PASSWORD))?.value ?? ''
    },
    at: ['device cookie'],
    seconds: 400 * 86_400,
    once: false,
  },
  'reset link': {
    async issue(app, email) {
      await addUser(app, email)
      await app.request('POST', '/reset_password', { json: { email } })
      return tokenIn(await mailTo(app, email))
    },
    at: ['PUT /reset_password', 'POST /forms/reset'],
    seconds: 3_600,
    once: true,
  },
  'link of a registration': {
    async issue(app, email) {
      await app.register(email, GOOD_PASSWORD)
      return tokenIn(await mailTo(app, email))
    },
    at: VERIFICATION,
    seconds: 86_400,
    once: true,
  },
  'verification of an account': {
    async issue(app, email) {
      await addUser(app, email, { verified: false })
      await app.request('POST', '/email_verification', { json: { email } })
      return tokenIn(await mailTo(app, email))
    },
    at: VERIFICATION,
    seconds: 86_400,
    once: true,
  },
  'login link': {
    issue: async (app, email) => tokenIn(await loginMail(app, email)),
    at: ['POST /sessions, token', 'POST /forms/login-link'],
    seconds: 600,
    once: true,
  },
  'login code': {
    issue: async (app, email) => codeIn(await loginMail(app, email)),
    at: ['POST /sessions, code'],
    seconds: 600,
    once: true,
  },
  'change, old address': { issue: async (app, email) => (await changeTokens(app, email)).old, at: ADDRESS, seconds: 86_400, once: true },
  'change, new address': { issue: async (app, email) => (await changeTokens(app, email)).new, at: ADDRESS, seconds: 86_400, once: true },
  'undo of a change': {
    async issue(app, email) {
      const tokens = await changeTokens(app, email)
      for (const token of [tokens.old, tokens.new]) assert.equal((await useAddressToken(app, token)).status, 200)
      return tokenIn(await mailTo(app, email))
    },
    at: ADDRESS,
    seconds: 7 * 86_400,
    once: true,
  },
  'form token': { issue: async (app) => (await openForm(app)).formToken, at: ['form token'], seconds: null, once: false },
  'form id': { issue: async (app) => (await openForm(app)).formId, at: ['form cookie'], seconds: null, once: false },
}

/** Every place where such a value is presented. */
export const PLACES: Readonly<Record<string, Place>> = {
  'session cookie': async (app, _issued, session) => wasTaken(await app.request('GET', '/account', { session })),
  async 'device cookie'(app, { email }, device) {
    const answer = await app.logInAnswer(email, GOOD_PASSWORD, `device_id=${device}`)
    return wasTaken(answer) && deviceCookieOf(answer) === null
  },
  'PUT /reset_password': async (app, { email }, reset_token) =>
    wasTaken(await app.request('PUT', '/reset_password', { json: { email, reset_token, new_password: NEW_PASSWORD } })),
  'POST /forms/reset': (app, _issued, token) => submit(app, 'reset', { token, password: NEW_PASSWORD }),
  'PUT /email_verification': async (app, _issued, token) => wasTaken(await app.request('PUT', '/email_verification', { json: { token } })),
  'POST /forms/verify': (app, _issued, token) => submit(app, 'verify', { token, password: GOOD_PASSWORD }),
  'POST /forms/refuse-verification': (app, _issued, token) => submit(app, 'refuse-verification', { token }),
  'POST /sessions, token': async (app, _issued, token) => wasTaken(await app.request('POST', '/sessions', { json: { token } })),
  'POST /forms/login-link': (app, _issued, token) => submit(app, 'login-link', { token }),
  'POST /sessions, code': async (app, { email }, code) => wasTaken(await app.request('POST', '/sessions', { json: { email, code } })),
  'PUT /account/email': async (app, _issued, token) => wasTaken(await useAddressToken(app, token)),
  'POST /forms/address': (app, _issued, token) => submit(app, 'address', { token }),
  'form token': (app, { formId }, formToken) => formPasses(app, formId, formToken),
  'form cookie': (app, { formToken }, formId) => formPasses(app, formId, formToken),
}

/** One of each kind, by the kind's name. */
export async function issueEvery(app: HardenedApp, names = Object.keys(TOKEN_KINDS)): Promise<Map<string, Issued>> {
  const issued = new Map<string, Issued>()
  for (const [at, name] of names.entries()) issued.set(name, await issueOne(app, name, `user${at}@example.com`))
  return issued
}

export async function issueOne(app: HardenedApp, name: string, email: string): Promise<Issued> {
  const kind = kindOf(name)
  const form = await openForm(app)
  const value = await kind.issue(app, email)
  if (name === 'form token') return { ...form, formToken: value, email, value: form.formToken }
  return { ...form, email, value: name === 'form id' ? form.formId : value }
}

export function kindOf(name: string): TokenKind {
  const kind = TOKEN_KINDS[name]
  assert.ok(kind, name)
  return kind
}

/** Present it at the first place where it belongs. */
export function useOf(app: HardenedApp, name: string, issued: Issued, value = issued.value): Promise<boolean> {
  return present(app, kindOf(name).at[0] ?? '', issued, value)
}

export function present(app: HardenedApp, place: string, issued: Issued, value: string): Promise<boolean> {
  const use = PLACES[place]
  assert.ok(use, place)
  return use(app, issued, value)
}

/** Taken or refused; nothing else is an answer, and a throttle would prove nothing. */
function wasTaken({ status, text }: Pick<TestResponse, 'status' | 'text'>): boolean {
  assert.ok([200, 400, 401, 403].includes(status), `${status} ${text}`)
  return status === 200
}

/** A form's answer: what was done, as a page, or after a login the way to the account; or the page again, with the refusal's status. */
function wasFormTaken(answer: TestResponse): boolean {
  if (answer.status !== 303) return wasTaken(answer)
  assert.equal(answer.headers.get('location'), '/account')
  return sessionOf(answer) !== null
}

/** A form's page, as a browser without cookies or with these gets it. */
export async function openForm(app: HardenedApp, cookie = ''): Promise<{ formId: string; formToken: string }> {
  const page = await app.request('GET', '/reset', { headers: { cookie } })
  const formId = /form_id=([^;]+)/.exec(page.headers.getSetCookie().join('\n') || cookie)?.[1] ?? ''
  const formToken = /name="form_token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  return { formId, formToken }
}

async function submit(app: HardenedApp, action: string, fields: Record<string, string>): Promise<boolean> {
  const { formId, formToken } = await openForm(app)
  const form = { form_token: formToken, ...fields }
  return wasFormTaken(await app.request('POST', `/forms/${action}`, { form, headers: { cookie: `form_id=${formId}` } }))
}

async function formPasses(app: HardenedApp, formId: string, formToken: string, token = 'a'.repeat(43)): Promise<boolean> {
  const form = { form_token: formToken, token }
  const answer = await app.request('POST', '/forms/login-link', { form, headers: { cookie: `form_id=${formId}` } })
  // Past the form's own check, the token is refused.
  if (answer.status === 401) return true
  assertPageRefused(answer, 403, 'cross_site_refused')
  return false
}
