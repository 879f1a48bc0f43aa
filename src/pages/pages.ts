import type { z } from 'zod'
import type { Config, Language } from '../config.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import type { Answer, AnswerHeaders, Answers } from '../http/answer.ts'
import { PUBLIC_ERRORS } from '../http/error-response.ts'
import { type Html, type Layout, renderPage } from '../http/page.ts'
import { type Route, type RouteContext, readInput } from '../http/route.ts'
import { text } from '../http/schemas.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import { makeFormTokens } from './form-token.ts'
import { languageOf } from './language.ts'
import { TEXTS, type Texts } from './texts/texts.ts'

/** One page in the making: who asks, in which language, and the token that its forms carry. */
export interface View {
  readonly c: Pick<RouteContext, 'ask' | 'exchange'>
  readonly config: Config
  readonly language: Language
  readonly texts: Texts
  readonly formToken: string
  /** The cookie that goes with the token, where the browser has none yet. */
  readonly headers: AnswerHeaders
}

/** The narrow card, unless another layout is named. */
export type Page = (Layout | { readonly layout?: undefined }) & {
  readonly title: string
  readonly content: Html
  readonly status?: number
  /** What the page shows; the answer has its status, and says when to try again. */
  readonly refusal?: AuthError | null
  readonly headers?: AnswerHeaders
  /** Without our script: a page that has nothing to fill in or press. */
  readonly script?: false
}

interface Form<T extends z.ZodObject> {
  /** It posts to `/forms/<action>`. */
  readonly action: string
  readonly summary: string
  readonly access: Route['access']
  readonly checksSecret?: true
  /** The path of the page that it stands on: where a person comes back to from the login or from a fresh proof. */
  readonly section?: string
  /** Where its fields may be longer than 16 KiB in all. */
  readonly maxBytes?: number
  /** Its fields, without the form's token. */
  readonly input: T
  readonly submit: (c: RouteContext, fields: z.infer<T>) => Promise<Answer>
  /** The page once more, with the refusal and what was typed; what could not be read is not there. */
  readonly refused: (c: RouteContext, refusal: AuthError, fields: Partial<z.infer<T>>) => Promise<Answer>
}

/** What every page of ours is made with. */
export interface Pages {
  open(c: View['c']): View
  show(view: View, page: Page): Promise<Answer>
  /** 303 to a path of ours, below the public URL's prefix, or to a whole URL that return-to.ts let through. */
  redirect(c: View['c'], location: string, headers?: AnswerHeaders): Answer
  /** The route that a form posts to. A refusal that a person can mend shows the page again; a step-up, a login and a bug are everybody's (error-page.ts). */
  form<T extends z.ZodObject>(form: Form<T>): Route
  /** Where the form that this request posts to stands, below the origin; `null`: it did not say, or it is no form. */
  sectionOf(c: View['c']): string | null
}

/** Refusals that no form can show beside a field: they lead elsewhere. */
const LEADS_ELSEWHERE = new Set<string>(['session_required', 'step_up_required', 'cross_site_refused'])

export function makePages(
  deps: Deps,
  answers: Answers,
  session: SessionCookie,
  onRefusal: (refusal: AuthError, c: View['c']) => Promise<void>,
): Pages {
  const tokens = makeFormTokens(deps, session)
  const sections = new Map<string, string>()

  function open(c: View['c']): View {
    const language = languageOf(deps.config, c.ask.header('accept-language'))
    const { token, headers } = tokens.issue(c)
    return { c, config: deps.config, language, texts: TEXTS[language], formToken: token, headers }
  }

  function form<T extends z.ZodObject>({ submit, refused, section, maxBytes, ...form }: Form<T>): Route {
    const path = `/forms/${form.action}`
    if (section !== undefined) sections.set(path, `${deps.config.publicUrl.pathPrefix}${section}`)
    const input: z.ZodObject = form.input.extend({ form_token: text })
    return {
      method: 'POST',
      path,
      summary: form.summary,
      access: form.access,
      isPage: true,
      ...(form.checksSecret && { checksSecret: true }),
      input,
      answers: { 303: { description: 'Done' }, 200: { description: 'What happened, as a page', contentType: 'text/html' } },
      async handle(c) {
        let fields: Partial<z.infer<T>> = {}
        try {
          const { form_token: formToken, ...given } = await readInput(c, input, {
            unknownFields: 'refuse',
            ...(maxBytes !== undefined && { maxBytes }),
          })
          tokens.require(c, String(formToken))
          // Validated by form.input's own shape just now.
          fields = given as z.infer<T>
          return await submit(c, fields as z.infer<T>)
        } catch (error) {
          if (!(error instanceof AuthError) || PUBLIC_ERRORS[error.code].status >= 500 || LEADS_ELSEWHERE.has(error.code)) throw error
          await onRefusal(error, c)
          c.exchange.refusal = { code: error.code, reason: error.details.logged ?? error.details.reason }
          return refused(c, error, fields)
        }
      },
    }
  }

  return {
    open,
    async show(view, { refusal = null, status = refusal ? PUBLIC_ERRORS[refusal.code].status : 200, headers, script = true, ...page }) {
      const { language } = view
      const layout = page.layout === undefined ? ({ layout: 'card' } as const) : page
      const html = await renderPage(deps.config, { ...page, ...layout, language, script, skipToContent: view.texts.common.skipToContent })
      return answers.page(view.c.exchange, status, html, { ...view.headers, vary: 'Accept-Language', ...retryAfter(refusal), ...headers })
    },
    redirect(c, location, headers) {
      const target = location.startsWith('/') ? `${deps.config.publicUrl.pathPrefix}${location}` : location
      return answers.empty(c.exchange, 303, { ...headers, location: target })
    },
    form,
    sectionOf: ({ exchange }) => sections.get(exchange.route ?? '') ?? null,
  }
}

function retryAfter(refusal: AuthError | null): AnswerHeaders {
  const seconds = refusal?.details.retryAfterSeconds
  return seconds === undefined ? {} : { 'retry-after': String(seconds) }
}
