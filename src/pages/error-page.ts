import { html } from 'hono/html'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer } from '../http/answer.ts'
import type { Pages, View } from './pages.ts'
import { sentenceOf } from './sentence.ts'

/**
 * A refusal as a person sees it, in place of the JSON. What can be mended elsewhere leads there: without a session to the login, without a fresh proof to where
 * one proves it, and back from there.
 */
export function makeErrorPage(deps: Pick<Deps, 'config'>, pages: Pages) {
  return async function errorPage(c: View['c'], thrown: unknown, given: Answer): Promise<Answer> {
    const code = thrown instanceof AuthError ? thrown.code : 'internal_error'
    const back = encodeURIComponent(pages.sectionOf(c) ?? backTo(c, deps.config.publicUrl.pathPrefix))
    if (code === 'session_required') return pages.redirect(c, `/login?return_to=${back}`)
    if (code === 'step_up_required') return pages.redirect(c, `/account/confirm?return_to=${back}`)
    // There is no form on it, so no cookie goes with it.
    const view = { ...pages.open(c), headers: {} }
    const { common } = view.texts
    const isMissing = code === 'not_found'
    const title = isMissing ? common.notFound : common.somethingWrong
    const sentence = isMissing
      ? common.notFoundText
      : sentenceOf(view.texts, view.config, thrown instanceof AuthError ? thrown : new AuthError(code))
    const { 'content-type': _, ...headers } = given.headers
    return pages.show(view, {
      title,
      script: false,
      status: given.status,
      headers: {
        ...(headers['retry-after'] !== undefined && { 'retry-after': headers['retry-after'] }),
        ...(headers.allow !== undefined && { allow: headers.allow }),
      },
      content: html`<h1>${title}</h1>
<p class="lead">${sentence}</p>
<p class="note">${common.requestId(c.exchange.requestId)}</p>
<p class="links"><a href="${deps.config.publicUrl.pathPrefix}/login">${common.backToLogin}</a></p>`,
    })
  }
}

/** The page that was asked for, as return-to.ts reads it: below the origin. A form's own address is no page. */
function backTo({ ask }: View['c'], prefix: string): string {
  return ask.method === 'GET' ? ask.target : `${prefix}/account`
}
