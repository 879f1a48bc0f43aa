import assert from 'node:assert/strict'
import type { TestApp, TestResponse } from './test-app.ts'

/** What a browser does with our pages: it keeps cookies, asks for HTML, and sends a form with what is hidden in it. */
export interface PageBrowser {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<TestResponse>
  /** Open a page, fill its form that posts to this action, and send it. */
  submit(path: string, action: string, fields: Record<string, string>): Promise<TestResponse>
  /** Send the form of a page that is open already. */
  submitOn(page: TestResponse, action: string, fields: Record<string, string>): Promise<TestResponse>
}

export function openBrowser(app: TestApp, language = 'en'): PageBrowser {
  const cookies = new Map<string, string>()
  async function ask(method: string, path: string, more: Parameters<TestApp['request']>[2] = {}): Promise<TestResponse> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html,*/*;q=0.8', 'accept-language': language, cookie, ...more.headers }
    const answer = await app.request(method, path, { ...more, headers })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/; Max-Age=0\b/.test(line)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  async function submitOn(page: TestResponse, action: string, fields: Record<string, string>): Promise<TestResponse> {
    const prefix = app.config.publicUrl.pathPrefix
    const form = page.text.split('<form ').find((one) => one.startsWith(`method="post" action="${prefix}/forms/${action}"`))
    assert.ok(form, `no form for ${action} on the page`)
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name = '', value = '']) => [
      name,
      unescaped(value),
    ])
    return ask('POST', `${prefix}/forms/${action}`, { form: { ...Object.fromEntries(hidden), ...fields } })
  }
  return {
    cookies,
    get: (path, headers = {}) => ask('GET', path, { headers }),
    submitOn,
    submit: async (path, action, fields) => submitOn(await ask('GET', path), action, fields),
  }
}

function unescaped(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
