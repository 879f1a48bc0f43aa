import type { Environment } from '../src/config.ts'
import type { OutgoingMail } from '../src/mail/deliver.ts'
import { tokenIn } from './mail-links.ts'
import { hardenedEnv, startTestApp, type TestApp, type TestAppOptions, type TestResponse } from './test-app.ts'

export const GOOD_PASSWORD = 'correct horse battery staple'

export interface HardenedApp extends TestApp {
  /** Send what is due. @returns the mails that came with it, oldest first */
  newMails(): Promise<OutgoingMail[]>
  /** Register, open the mail, and confirm with the password. */
  registerVerified(email: string, password?: string): Promise<void>
  logInAnswer(email: string, password: string, cookies?: string): Promise<TestResponse>
}

/** A hardened service with its mails at hand. */
export async function startHardenedApp(env: Environment = {}, options: Omit<TestAppOptions, 'env'> = {}): Promise<HardenedApp> {
  const app = await startTestApp({ ...options, env: hardenedEnv(env) })
  const newMails = async () => {
    const before = app.mails.length
    await app.sendMails()
    return app.mails.slice(before)
  }
  return Object.assign(app, {
    newMails,
    async registerVerified(email: string, password = GOOD_PASSWORD) {
      await app.register(email, password)
      const [mail] = await newMails()
      const answer = await app.request('PUT', '/email_verification', { json: { token: tokenIn(mail), password } })
      if (answer.status !== 200) throw new Error(`verification answered ${answer.status} ${answer.text}`)
    },
    logInAnswer(email: string, password: string, cookies?: string) {
      return app.request('POST', '/sessions', { form: { email, password }, ...(cookies && { headers: { cookie: cookies } }) })
    },
  })
}
