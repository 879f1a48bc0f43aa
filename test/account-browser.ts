import assert from 'node:assert/strict'
import { GOOD_PASSWORD } from './hardened-app.ts'
import { sessionOf, type TestApp, type TestResponse } from './test-app.ts'

export const ANN = 'ann@example.com'

/** Somebody at a browser without scripts: it keeps cookies, opens pages, and sends the forms that it finds on them. */
export interface AccountBrowser {
  readonly cookies: Map<string, string>
  open(path: string): Promise<TestResponse>
  /** Fill in and send the form of this action on the page; `fields` take the place of what is there. */
  send(path: string, action: string, fields?: Record<string, string>): Promise<TestResponse>
  /** Post as it is, with nothing but the cookies. */
  post(action: string, form: Record<string, string>): Promise<TestResponse>
}

export function openBrowser(app: TestApp, language = 'en', userAgent = 'Mozilla/5.0 (X11; Linux) Firefox/1.0'): AccountBrowser {
  const cookies = new Map<string, string>()
  async function ask(method: string, path: string, form?: Record<string, string>): Promise<TestResponse> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html', 'accept-language': language, 'user-agent': userAgent, ...(cookie !== '' && { cookie }) }
    const answer = await app.request(method, belowPrefix(app, path), { headers, ...(form && { form }) })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  const browser: AccountBrowser = {
    cookies,
    open: (path) => ask('GET', path),
    async send(path, action, fields = {}) {
      const page = await browser.open(path)
      assert.equal(page.status, 200, page.text)
      return browser.post(action, { ...hiddenOf(page, action), ...fields })
    },
    post: (action, form) => ask('POST', `/forms/${action}`, form),
  }
  return browser
}

/** A path of a page, as it is or as the page names it. */
function belowPrefix({ config }: TestApp, path: string): string {
  const { pathPrefix } = config.publicUrl
  return path.startsWith(`${pathPrefix}/`) ? path : `${pathPrefix}${path}`
}

/** The values that the form of this action carries unseen; of several forms the first. */
export function hiddenOf(page: TestResponse, action: string): Record<string, string> {
  const form = new RegExp(`<form[^>]* action="[^"]*/forms/${action}"[^]*?</form>`).exec(page.text)?.[0]
  assert.ok(form !== undefined, `there is no form ${action} on the page`)
  return Object.fromEntries([...form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]))
}

/** A browser in which Ann is logged in; she is registered unless she is already. */
export async function annsBrowser(app: TestApp, language = 'en', userAgent?: string): Promise<AccountBrowser> {
  const isThere = await app.auth.findUserBy({ email: ANN }).then(
    () => true,
    () => false,
  )
  if (!isThere) await app.addVerified(ANN, GOOD_PASSWORD)
  const browser = openBrowser(app, language, userAgent)
  const headers = userAgent === undefined ? undefined : { 'user-agent': userAgent }
  const login = await app.request('POST', belowPrefix(app, '/sessions'), {
    form: { email: ANN, password: GOOD_PASSWORD },
    ...(headers && { headers }),
  })
  const token = sessionOf(login)
  assert.ok(token !== null, login.text)
  browser.cookies.set('session_id', token)
  return browser
}

/** The text of a page between its tags, as it is read. */
export function readable(page: TestResponse): string {
  return page.text
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** The answer leads to this path of ours. */
export function assertLeadsTo(answer: TestResponse, location: string): void {
  assert.equal(answer.status, 303, answer.text)
  assert.equal(answer.headers.get('location'), location)
}

/** The page says it beside this field, which describes itself by it and gets the focus. */
export function assertProblem(page: TestResponse, status: number, field: string, sentence: RegExp): void {
  assert.equal(page.status, status, page.text)
  const input = new RegExp(`<input id="${field}"[^>]*>`).exec(page.text)?.[0] ?? ''
  assert.match(input, /aria-invalid="true"/)
  assert.match(input, / autofocus/)
  assert.match(input, new RegExp(`aria-describedby="${field}-error`))
  assert.match(new RegExp(`id="${field}-error">([^<]*)<`).exec(page.text)?.[1] ?? '', sentence)
}
