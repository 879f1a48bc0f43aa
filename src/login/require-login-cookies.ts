import type { AnswerHeaders } from '../http/answer.ts'
import { originOf, type RouteContext } from '../http/route.ts'
import type { SessionCookie } from '../sessions/session-cookie.ts'
import type { DeviceCookie } from '../throttles/device-cookie.ts'
import type { Browser, CompletedLogin } from './complete-login.ts'

/** What a browser presents to a login, and gets from one. */
export interface LoginCookies {
  browserOf(c: Pick<RouteContext, 'ask' | 'exchange'>): Browser
  headersOf(login: CompletedLogin): AnswerHeaders
}

export function makeLoginCookies(session: SessionCookie, device: DeviceCookie): LoginCookies {
  return {
    browserOf(c) {
      const cookies = c.ask.header('cookie')
      return { ...originOf(c), presentedToken: session.read(cookies), presentedDevice: device.read(cookies) }
    },
    headersOf({ sessionToken, newDeviceToken }) {
      return { 'set-cookie': [session.set(sessionToken), ...(newDeviceToken === null ? [] : [device.set(newDeviceToken)])] }
    },
  }
}
