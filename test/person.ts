import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { totpCode } from './second-factors.ts'
import type { TestApp } from './test-app.ts'

/** What somebody does on the pages, in the words that they read there. */
export interface Person {
  readonly page: Page
  /** A heading tells where one is. */
  sees(heading: string): Promise<void>
  reads(text: string | RegExp): Promise<void>
  fills(label: string, value: string): Promise<void>
  presses(button: string): Promise<void>
  /** The same, until the page that answers is there: who leaves earlier has sent nothing. */
  sends(button: string): Promise<void>
  follows(link: string): Promise<void>
}

export function personAt(page: Page): Person {
  return {
    page,
    sees: (heading) => page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor(),
    reads: (text) => page.getByText(text).first().waitFor(),
    fills: (label, value) => page.getByLabel(label, { exact: true }).fill(value),
    presses: (button) => page.getByRole('button', { name: button, exact: true }).click(),
    async sends(button) {
      const loaded = page.waitForEvent('load')
      await page.getByRole('button', { name: button, exact: true }).click()
      await loaded
    },
    follows: (link) => page.getByRole('link', { name: link, exact: true }).first().click(),
  }
}

/** Sends what is due, and opens the link of the newest mail of this kind to the address: in classic where it is kept, in hardened as a person with a mailbox does. */
export async function followsMail(app: TestApp, person: Person, subject: RegExp, to: string): Promise<void> {
  await app.sendMails()
  if (app.config.posture === 'hardened') {
    const mail = app.mails.findLast((one) => one.to === to && subject.test(one.subject))
    const link = /https?:\/\/\S+\?token=\S+/.exec(mail?.text ?? '')?.[0]
    assert.ok(link, `no link in a mail ${subject} to ${to}; there are ${app.mails.map((one) => `${one.to}: ${one.subject}`).join(', ')}`)
    await person.page.goto(link)
    return
  }
  await person.page.goto('/dev/mailbox')
  const mail = person.page
    .getByRole('main')
    .locator('section', {
      has: person.page.getByRole('heading', { name: subject }),
      hasText: new RegExp(`To ${to.replaceAll('.', '\\.')},`),
    })
    .first()
  await mail.getByRole('link').first().click()
}

export async function logsIn(person: Person, email: string, password: string): Promise<void> {
  await person.page.goto('/login')
  await person.fills('Email address', email)
  await person.fills('Password', password)
  await person.presses('Log in')
}

/** Where a proof is asked for again. */
export async function confirmsWithPassword(person: Person, password: string): Promise<void> {
  await person.sees('Is it you?')
  await person.fills('Your password', password)
  await person.presses('Confirm')
}

/** Sets an authenticator app up, as one types the key into it. @returns the secret and the recovery codes */
export async function setsUpApp(app: TestApp, person: Person): Promise<{ secret: string; codes: string[] }> {
  const { page } = person
  await person.presses('Show the QR code')
  const secret = (await page.getByRole('main').locator('code').innerText()).replaceAll(' ', '')
  assert.ok(await page.getByLabel('The key for the authenticator app, as a QR code').isVisible())
  await person.fills('Code of the app', totpCode(app, secret))
  await person.presses('Turn it on')
  return { secret, codes: await keepsCodes(person) }
}

export async function keepsCodes(person: Person): Promise<string[]> {
  await person.sees('Keep your recovery codes')
  const codes = await person.page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem').allInnerTexts()
  assert.equal(codes.length, 10)
  await person.follows('I have kept them')
  return codes
}
