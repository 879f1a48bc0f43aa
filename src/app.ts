import { accountRoutes } from './account/account-routes.ts'
import { ownDataRoutes } from './account/own-data-routes.ts'
import { addressChangeRoutes } from './address-change/address-change-routes.ts'
import type { Deps } from './deps.ts'
import { makeAnswers } from './http/answer.ts'
import { makeFrontDoor } from './http/front-door.ts'
import type { RequestCounts } from './http/request-counts.ts'
import type { Route } from './http/route.ts'
import { loginRoutes } from './login/login-routes.ts'
import { makeFactorRights } from './login/require-factor-rights.ts'
import { makeLoginCookies } from './login/require-login-cookies.ts'
import { loginCodeRoutes } from './login-codes/login-code-routes.ts'
import { mailRoutes } from './mail/mail-routes.ts'
import { accountPageRoutes } from './pages/account-page-routes.ts'
import { assetRoutes } from './pages/asset-routes.ts'
import { makeErrorPage } from './pages/error-page.ts'
import { linkRoutes } from './pages/link-routes.ts'
import { makeLoginPages } from './pages/login-page-routes.ts'
import { mailboxPageRoutes } from './pages/mailbox-page-routes.ts'
import { makePages } from './pages/pages.ts'
import { makeRegisterPages } from './pages/register-page-routes.ts'
import { welcomePageRoutes } from './pages/welcome-page-routes.ts'
import { passkeyRoutes } from './passkeys/passkey-routes.ts'
import { passwordResetRoutes } from './password-reset/password-reset-routes.ts'
import { reauthenticationRoutes } from './reauthentication/reauthentication-routes.ts'
import { recoveryCodeRoutes } from './recovery-codes/recovery-code-routes.ts'
import { makeRefusalRecorder } from './refusal-recorder.ts'
import { registrationRoutes } from './registration/registration-routes.ts'
import { verificationRoutes } from './registration/verification-routes.ts'
import { serviceRoutes } from './service/service-routes.ts'
import type { LastSeenWriter } from './sessions/last-seen.ts'
import { makeSessionGuard } from './sessions/require-session.ts'
import type { SessionCookie } from './sessions/session-cookie.ts'
import { sessionRoutes } from './sessions/session-routes.ts'
import { makeDeviceCookie } from './throttles/device-cookie.ts'
import { totpRoutes } from './totp/totp-routes.ts'

export interface AppOptions {
  readonly form: 'service' | 'library'
  readonly version: string
  readonly lastSeen: LastSeenWriter
  readonly cookie: SessionCookie
  readonly counts: RequestCounts
  /** What `GET /metrics` answers; `null`: there is no such route. */
  readonly metricsText: (() => Promise<string>) | null
}

/** The only wiring of HTTP: every feature's routes, in one list, behind one front door. */
export function makeApp(deps: Deps, { form, version, lastSeen, cookie, counts, metricsText }: AppOptions) {
  const answers = makeAnswers(deps.config, form)
  const guard = makeSessionGuard(deps, cookie, lastSeen)
  const device = makeDeviceCookie(deps.config)
  const cookies = makeLoginCookies(cookie, device)
  const rights = makeFactorRights(deps, guard, cookies)
  const recordRefusal = makeRefusalRecorder(deps)
  const pages = makePages(deps, answers, cookie, recordRefusal)
  const loginPages = makeLoginPages(deps, answers, pages, { session: cookie, cookies })
  const registerPages = makeRegisterPages(deps, pages)
  const routes: Route[] = [
    ...registrationRoutes(deps, answers),
    ...loginRoutes(deps, answers, cookies),
    ...sessionRoutes(deps, answers, guard),
    ...passwordResetRoutes(deps, answers),
    ...verificationRoutes(deps, answers),
    ...loginCodeRoutes(deps, answers),
    ...reauthenticationRoutes(deps, answers, guard, device),
    ...totpRoutes(deps, answers, { guard, rights, device }),
    ...recoveryCodeRoutes(deps, answers, guard),
    ...passkeyRoutes(deps, answers, { guard, rights }),
    ...addressChangeRoutes(deps, answers, guard),
    ...accountRoutes(deps, answers, guard),
    ...ownDataRoutes(deps, answers, guard, device),
    ...accountPageRoutes(deps, answers, { pages, guard, rights, device }),
    ...loginPages.routes,
    ...registerPages.routes,
    ...linkRoutes(deps, pages, loginPages, registerPages),
    ...welcomePageRoutes(deps, pages),
    ...mailRoutes(deps, answers),
    ...mailboxPageRoutes(deps, pages),
    ...assetRoutes(deps, answers),
    ...serviceRoutes(deps, answers, { version, cookieName: cookie.name, routes: () => routes, metricsText }),
  ]
  return makeFrontDoor({ ...deps, answers, routes, counts, onRefusal: recordRefusal, errorPage: makeErrorPage(deps, pages) })
}
