import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshPlace } from '../../test/service-process.ts'
import { hardenedEnv, startTestApp } from '../../test/test-app.ts'
import { type Language, parseConfig } from '../config.ts'
import { cleanUserAgent } from './clean-text.ts'
import type { Factor, Message } from './message.ts'
import { ENGLISH } from './messages/english.ts'
import { FRENCH } from './messages/french.ts'
import { renderMail } from './render-mail.ts'
import { SAMPLE_MESSAGES, SAMPLE_UNTIL } from './sample-messages.ts'

const LANGUAGES: readonly Language[] = ['en', 'fr']
const UNTIL: Readonly<Record<Language, string>> = { en: 'until 2026-01-01 11:00 UTC', fr: 'jusqu’au 01/01/2026 à 11:00 UTC' }
const SEEN_AT: Readonly<Record<Language, string>> = { en: '2026-01-01 10:00 UTC', fr: '01/01/2026 à 10:00 UTC' }

function render(language: Language | null, message: Message, until: Date | null = SAMPLE_UNTIL) {
  const { name, publicUrl } = parseConfig({ BIENVENUE_NAME: 'Example' })
  return renderMail({ name, publicUrl, language }, message, until)
}

/** What a reader has to find in the mail, as it stands there. */
function valuesOf(message: Message, language: Language): string[] {
  const token = 'token' in message ? message.token : 'undoToken' in message ? message.undoToken : null
  const values = token === null ? [] : [`?token=${token}`, `  ${token}\n`, UNTIL[language]]
  if ('code' in message) values.push(`  ${message.code}\n`)
  if ('newAddress' in message) values.push(message.newAddress)
  if ('failures' in message) values.push(`${message.failures}`)
  if ('remaining' in message) values.push(`${message.remaining}`)
  if ('userAgent' in message) values.push(cleanUserAgent(message.userAgent ?? ''), message.address ?? '', SEEN_AT[language])
  return ['Example', 'http://localhost:5000', ...values]
}

/** The sentences of a mail, without the lines that are a link, a token or the footer. */
const sentencesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !/^( {2}|-- |Example, http)/.test(line))

test('there is no kind of mail without a sample, and none that is missing in a language', () => {
  const kinds = SAMPLE_MESSAGES.map(({ kind }) => kind).toSorted()
  assert.deepEqual(Object.keys(ENGLISH).toSorted(), kinds)
  assert.deepEqual(Object.keys(FRENCH).toSorted(), kinds)
})

test('every mail says in both languages what its reader needs: link, token, code, address, times and counts', async () => {
  for (const message of SAMPLE_MESSAGES) {
    for (const language of LANGUAGES) {
      const { subject, text, html } = await render(language, message)
      const what = `${message.kind} ${language}`
      assert.match(subject, /Example/, what)
      for (const value of valuesOf(message, language)) {
        assert.ok(text.includes(value), `${what}: ${value} in the text`)
        assert.ok(html.includes(value.trim()), `${what}: ${value} in the HTML`)
      }
      assert.ok(html.includes(`<html lang="${language}">`), what)
      assert.doesNotMatch(`${subject}${text}${html}`, /undefined|null|\[object/, what)
    }
  }
})

test('a French mail has no English sentence, and is written as French is: ’ and a space that does not break before : ; ! ?', async () => {
  for (const message of SAMPLE_MESSAGES) {
    const [english, french] = await Promise.all([render('en', message), render('fr', message)])
    assert.notEqual(french.subject, english.subject, message.kind)
    const known = new Set(sentencesOf(english.text))
    for (const sentence of [french.subject, ...sentencesOf(french.text)]) {
      assert.ok(!known.has(sentence), `${message.kind}: ${sentence}`)
      assert.doesNotMatch(sentence, /\b(the|your|you|this|that|with|was|not|if|it|of|to|and|from|when|once|until|or)\b/i, message.kind)
      assert.doesNotMatch(sentence, /'| [:;!?]|\p{L}[:;!?](\s|$)/u, message.kind)
    }
    for (const sentence of [english.subject, ...sentencesOf(english.text)])
      assert.doesNotMatch(sentence, /[’àâçéèêîôûœ\u202f]/i, message.kind)
  }
})

test('what is not known of a login is named as such, and a link without an end names none', async () => {
  const unseen = { userAgent: null, address: null, at: SAMPLE_UNTIL }
  const unknown: Readonly<Record<Language, RegExp>> = {
    en: /With: an unknown program\n\nFrom: an unknown address\n/,
    fr: /Appareil\u202f: inconnu\n\nAdresse IP\u202f: inconnue\n/,
  }
  const once: Readonly<Record<Language, RegExp>> = { en: /\nIt works once\.\n/, fr: /\nValable une seule fois\.\n/ }
  for (const language of LANGUAGES) {
    const seen: Message[] = [
      { kind: 'new_device', ...unseen },
      { kind: 'many_failures', failures: 5, ...unseen },
      { kind: 'second_factor_failed', ...unseen },
    ]
    for (const message of seen) assert.match((await render(language, message)).text, unknown[language], message.kind)
    assert.match((await render(language, { kind: 'verify_address', token: 't' }, null)).text, once[language])
  }
})

test('each second factor has its name, and recovery codes are counted as people count: none, one, several', async () => {
  const names: Readonly<Record<Language, Readonly<Record<Factor, string>>>> = {
    en: { totp: 'an authenticator app', passkey: 'a passkey', recovery_codes: 'a set of recovery codes' },
    fr: { totp: 'une application d’authentification', passkey: 'une clé d’accès', recovery_codes: 'un jeu de codes de récupération' },
  }
  const left: Readonly<Record<Language, readonly string[]>> = {
    en: ['No recovery code is left.', 'One recovery code is left.', '2 recovery codes are left.'],
    fr: ['Il ne reste aucun code de récupération.', 'Il reste un code de récupération.', 'Il reste 2 codes de récupération.'],
  }
  for (const language of LANGUAGES) {
    for (const factor of ['totp', 'passkey', 'recovery_codes'] as const) {
      for (const kind of ['factor_added', 'factor_removed'] as const)
        assert.ok((await render(language, { kind, factor })).text.includes(names[language][factor]), `${kind} ${factor}`)
    }
    for (const [remaining, sentence] of left[language].entries())
      assert.ok((await render(language, { kind: 'recovery_code_used', remaining })).text.includes(sentence), sentence)
  }
})

test('mails speak the language of the setting, and English without one, whatever the browser asks for', async () => {
  const subjects = { '': /^Choose a new password/, en: /^Choose a new password/, fr: /^Choisissez un nouveau mot de passe/ }
  for (const [language, subject] of Object.entries(subjects)) {
    await using app = await startTestApp({ env: hardenedEnv(language === '' ? {} : { BIENVENUE_LANGUAGE: language }) })
    await app.addVerified('bob@example.com', 'correct horse battery staple')
    const headers = { 'accept-language': language === 'fr' ? 'en' : 'fr' }
    await app.request('POST', '/reset_password', { form: { email: 'bob@example.com' }, headers })
    const [mail, ...more] = await app.sendMails()
    assert.match(mail?.subject ?? '', subject, language)
    assert.equal(more.length, 0)
  }
})

test('the preview of the command line is in the language of the setting', async () => {
  await using place = await freshPlace()
  const preview = (language?: string) =>
    place.run(['mail', 'preview', 'reset_password'], language === undefined ? {} : { env: { BIENVENUE_LANGUAGE: language } })
  const [unset, english, french] = await Promise.all([preview(), preview('en'), preview('fr')])
  assert.deepEqual([unset.code, french.code], [0, 0])
  assert.equal(unset.stdout, english.stdout)
  assert.match(unset.stdout, /^=== reset_password\nSubject: Choose a new password for /)
  assert.match(unset.stdout, /<html lang="en">/)
  assert.match(french.stdout, /^=== reset_password\nSubject: Choisissez un nouveau mot de passe pour /)
  assert.match(french.stdout, /<html lang="fr">/)
})
