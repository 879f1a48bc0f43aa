import { Hono } from 'hono'
import { accountRoutes } from './account/account-routes.ts'
import type { Deps } from './deps.ts'
import { AuthError } from './errors.ts'
import { makeAnswers, toResponse } from './http/answer.ts'
import { errorAnswer } from './http/error-response.ts'
import type { Exchange } from './http/exchange.ts'
import { makeFrontDoor } from './http/front-door.ts'
import type { Route } from './http/route.ts'
import { loginRoutes } from './login/login-routes.ts'
import { passwordResetRoutes } from './password-reset/password-reset-routes.ts'
import { registrationRoutes } from './registration/registration-routes.ts'
import { serviceRoutes } from './service/service-routes.ts'
import type { LastSeenWriter } from './sessions/last-seen.ts'
import { makeSessionGuard } from './sessions/require-session.ts'
import { makeSessionCookie } from './sessions/session-cookie.ts'
import { sessionRoutes } from './sessions/session-routes.ts'

export interface AppOptions {
  readonly form: 'service' | 'library'
  readonly version: string
  readonly lastSeen: LastSeenWriter
}

/** The only wiring of HTTP: every feature's routes, mounted from one list behind one front door. */
export function makeApp(deps: Deps, options: AppOptions) {
  const answers = makeAnswers(deps.config, options.form)
  const cookie = makeSessionCookie(deps.config)
  const guard = makeSessionGuard(deps, cookie, options.lastSeen)
  const routes: Route[] = [
    ...sessionRoutes(deps, answers, guard),
    ...loginRoutes(deps, answers, cookie),
    ...registrationRoutes(deps, answers),
    ...passwordResetRoutes(deps, answers),
    ...accountRoutes(deps, answers, guard),
    ...serviceRoutes(deps, answers, { version: options.version, cookieName: cookie.name, routes: () => routes }),
  ]

  // The front door has read the path already: below the public URL's prefix, without a trailing slash.
  const app = new Hono<{ Bindings: Exchange }>({ getPath: (_, hono) => hono?.env?.path ?? '/' })
  for (const route of routes) {
    app.on(route.method, route.path, async (c) => {
      c.env.route = route.path
      return toResponse(await route.handle(c))
    })
  }
  app.notFound((c) => {
    const allow = allowedMethods(routes, c.env.path)
    if (allow === null) return toResponse(errorAnswer(answers, deps.log, c.env, new AuthError('not_found')))
    if (c.req.method === 'OPTIONS') return toResponse(answers.empty(c.env, 204, { allow, ...preflight(c.env, allow) }))
    return toResponse(errorAnswer(answers, deps.log, c.env, new AuthError('method_not_allowed', { allow })))
  })
  app.onError((error, c) => toResponse(errorAnswer(answers, deps.log, c.env, error)))
  return { fetch: makeFrontDoor({ ...deps, answers, route: (request, exchange) => app.fetch(request, exchange) }), routes }
}

/** The methods of a path for `Allow`, or `null` where no route has it. */
function allowedMethods(routes: readonly Route[], path: string): string | null {
  const segments = path.split('/')
  const methods = routes
    .filter((route) => {
      const pattern = route.path.split('/')
      return (
        pattern.length === segments.length &&
        pattern.every((part, at) => part === segments[at] || (part.startsWith(':') && segments[at] !== ''))
      )
    })
    .map((route) => route.method as string)
  if (methods.length === 0) return null
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])].join(', ')
}

/** What a browser asks before it sends another origin's request: real methods, the headers we read, ten minutes (CHECKLIST R090). */
function preflight(exchange: Exchange, allow: string): Record<string, string> {
  if (exchange.corsOrigin === null) return {}
  return { 'access-control-allow-methods': allow, 'access-control-allow-headers': 'Content-Type, Accept', 'access-control-max-age': '600' }
}
