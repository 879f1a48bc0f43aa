import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { assertAccessible } from '../accessibility.ts'
import { launchBrowser } from '../browser.ts'
import { virtualAuthenticator } from '../browser-passkeys.ts'
import { confirmsWithPassword, followsMail, keepsCodes, logsIn, personAt, setsUpApp } from '../person.ts'
import { totpCode } from '../second-factors.ts'
import { hardenedEnv, startTestApp } from '../test-app.ts'

const browser = await launchBrowser()
after(() => browser[Symbol.asyncDispose]())

const EMAIL = 'ann@example.com'
const FIRST = 'correct horse battery staple'
const SECOND = 'a whole new sentence for me'
const POSTURES = { classic: {}, hardened: hardenedEnv() }

for (const [posture, env] of Object.entries(POSTURES)) {
  for (const javaScript of [true, false]) {
    test(`${posture}, scripts ${javaScript ? 'on' : 'off'}: a person gets through everything with the pages alone`, async () => {
      await using app = await startTestApp({ env, forBrowsers: true })
      await using visitor = await browser.newVisitor({ origin: app.url, javaScript })
      const { page, problems } = visitor
      const ann = personAt(page)

      await page.goto('/login')
      await ann.follows('Create an account')
      await ann.fills('Email address', EMAIL)
      await ann.fills('Password', FIRST)
      await ann.sends('Create my account')
      await followsMail(app, ann, /^Confirm your address/, EMAIL)
      await ann.sees('Verify your address')
      await ann.fills('Password', FIRST)
      await ann.presses('Verify my address')
      await ann.sees('Your address is verified')
      await ann.follows('Log in')

      await ann.fills('Email address', EMAIL)
      await ann.fills('Password', 'this is not the password')
      await ann.presses('Log in')
      await ann.reads('The email address or the password is wrong.')
      assert.equal(await page.getByLabel('Email address').inputValue(), EMAIL)
      await ann.follows('Forgot your password?')
      await ann.fills('Email address', EMAIL)
      await ann.sends('Mail me a link')
      await followsMail(app, ann, /^Choose a new password/, EMAIL)
      await ann.sees('Choose a new password')
      await ann.fills('New password', SECOND)
      await ann.presses('Set my password')
      await ann.sees('Your password is set')

      await logsIn(ann, EMAIL, SECOND)
      await ann.sees('Profile')
      await ann.fills('Display name', 'Ann')
      await ann.presses('Save my name')
      await ann.reads('Your name is saved.')

      // Another browser, seen and thrown out.
      await using elsewhere = await browser.newVisitor({ origin: app.url, javaScript })
      const other = personAt(elsewhere.page)
      await logsIn(other, EMAIL, SECOND)
      await other.sees('Profile')
      await ann.follows('Sessions')
      await ann.reads('this browser')
      await ann.presses('Log out Chrome on Linux')
      await ann.reads('That browser is logged out.')
      await elsewhere.page.goto('/account')
      await other.sees('Log in')

      app.clock.advance(660)
      await page.goto('/account/security/app')
      await confirmsWithPassword(ann, SECOND)
      const { secret, codes } = await setsUpApp(app, ann)
      await ann.reads('10 codes are left.')

      await ann.sends('Log out')
      await logsIn(ann, EMAIL, SECOND)
      await ann.sees('One more step')
      await ann.fills('Code of your authenticator app', '000000')
      await ann.presses('Log in')
      await ann.reads('This is wrong, expired or used already.')
      app.clock.advance(30)
      await ann.fills('Code of your authenticator app', totpCode(app, secret))
      await page.getByRole('button', { name: 'Log in' }).first().click()
      await ann.sees('Profile')

      await ann.sends('Log out')
      await logsIn(ann, EMAIL, SECOND)
      await page.getByText('Use a recovery code').click()
      await ann.fills('Recovery code', codes[3]?.toLowerCase() ?? '')
      await page.getByRole('button', { name: 'Log in' }).last().click()
      await ann.sees('Profile')
      await ann.follows('Security')
      await ann.reads('9 codes are left.')
      await ann.presses('Remove the app')
      await ann.reads('The authenticator app is removed.')

      await ann.follows('Profile')
      await ann.fills('New email address', 'ann@new.example')
      await ann.presses('Change my address')
      await ann.reads(/We have mailed a link to both addresses/)
      for (const to of [EMAIL, 'ann@new.example']) {
        await followsMail(app, ann, /^Confirm (the change of your|your new) address/, to)
        await ann.presses('Confirm')
        await ann.sees(to === EMAIL ? 'Confirmed' : 'Your address is changed')
      }

      await page.goto('/account/data')
      const download = page.waitForEvent('download')
      await ann.presses('Download my data')
      const file = JSON.parse(readFileSync(await (await download).path(), 'utf8'))
      assert.equal(file.account.email, 'ann@new.example')
      await ann.fills('To confirm, type your address: ann@new.example', 'ann@new.example')
      await ann.presses('Delete my account for good')
      await ann.reads('Your account is deleted.')
      await logsIn(ann, 'ann@new.example', SECOND)
      await ann.reads('The email address or the password is wrong.')

      assert.deepEqual(problems, [])
      assert.deepEqual(elsewhere.problems, [])
    })
  }

  test(`${posture}: a person adds a passkey, and gets back in with it, with nothing typed`, async () => {
    await using app = await startTestApp({ env, forBrowsers: true })
    await app.addVerified(EMAIL, FIRST)
    await using visitor = await browser.newVisitor({ origin: app.url })
    const { page, problems } = visitor
    const ann = personAt(page)
    await using device = await virtualAuthenticator(page)
    await logsIn(ann, EMAIL, FIRST)
    await ann.follows('Security')
    await ann.follows('Add a passkey')
    await assertAccessible(page)
    await ann.fills('Name', 'My laptop')
    await ann.presses('Create the passkey')
    await keepsCodes(ann)
    await ann.reads('My laptop')

    // The wrong finger: nothing happens, and it can be tried again.
    await device.setUserVerified(false)
    await ann.sends('Log out')
    await ann.sees('Log in')
    await ann.presses('Log in with a passkey')
    await ann.reads('That did not work, or it was cancelled. Try again.')
    await device.setUserVerified(true)
    await ann.presses('Log in with a passkey')
    await ann.sees('Profile')
    const [passkey] = await device.passkeys()
    assert.equal(passkey?.userName, EMAIL)

    // The browser offers it in the address field: this authenticator takes it up at once.
    await ann.sends('Log out')
    await ann.sees('Profile')

    // As second factor, and as a fresh proof.
    await device.setUserVerified(false)
    await ann.sends('Log out')
    await logsIn(ann, EMAIL, FIRST)
    await ann.sees('One more step')
    await device.setUserVerified(true)
    await ann.presses('Use a passkey')
    await ann.sees('Profile')
    app.clock.advance(660)
    await page.goto('/account/security/app')
    await ann.sees('Is it you?')
    await ann.presses('Use a passkey')
    await ann.sees('Set up an authenticator app')
    await page.goto('/account/security')
    await ann.presses('Remove My laptop')
    await ann.reads('The passkey is removed.')
    assert.deepEqual(problems, [])
  })
}

test('where a second factor is required of everyone, a person adds one and goes on to where they wanted', async () => {
  await using app = await startTestApp({ env: hardenedEnv({ BIENVENUE_SECOND_FACTOR: 'required' }), forBrowsers: true })
  await app.addVerified(EMAIL, FIRST)
  await using visitor = await browser.newVisitor({ origin: app.url })
  const { page, problems } = visitor
  const ann = personAt(page)
  await page.goto('/account/sessions')
  await ann.sees('Log in')
  await ann.fills('Email address', EMAIL)
  await ann.fills('Password', FIRST)
  await ann.presses('Log in')
  await ann.sees('Add a second factor')
  await assertAccessible(page)
  await using device = await virtualAuthenticator(page)
  await ann.presses('Add a passkey')
  await keepsCodes(ann)
  await ann.sees('Sessions')
  assert.equal((await device.passkeys()).length, 1)
  assert.deepEqual(problems, [])
})
