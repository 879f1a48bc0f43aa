import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { startSmtpSink } from '../../test/smtp-sink.ts'
import { hardenedEnv, startTestApp, type TestApp } from '../../test/test-app.ts'
import { type Language, parseConfig } from '../config.ts'
import { deferMail, queueMail } from './mail.ts'
import { makeMailer } from './mailer.ts'
import type { Message } from './message.ts'
import { renderMail } from './render-mail.ts'
import { SAMPLE_MESSAGES, SAMPLE_UNTIL } from './sample-messages.ts'

const LANGUAGES: readonly Language[] = ['en', 'fr']

function queue({ auth: { deps } }: TestApp, { message }: { readonly message: Message }): Promise<void> {
  return deps.database.inTransaction((tx) => queueMail(deps, tx, { to: 'bob@example.com', userId: null, message }))
}

function defer({ auth: { deps } }: TestApp, subject: string): Promise<void> {
  return deps.database.inTransaction((tx) => deferMail(deps, tx, { kind: 'reset_password', subject }))
}

/** What strangers put into names, user agents and addresses; none of it may be seen as a link or as HTML. */
const CORPUS = [
  '<a href=//evil.example>click</a>',
  'http://evil.example/login',
  'HTTPS://EVIL.EXAMPLE',
  'www.evil.example',
  'evil.example/path',
  '//evil.example',
  'javascript://evil.example/%0aalert(1)',
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  'x\r\nBcc: e@evil.example',
  'x\u2028y\u202ez\u0000\u001b[31m',
  'a'.repeat(300),
  '&lt;b&gt;',
]

const IF_IT_WAS_NOT_YOU: Readonly<Record<Language, RegExp>> = {
  en: /If (it was not you|not|you did not)|do nothing/,
  fr: /Si (ce n’était pas vous|ce n’est pas vous|vous ne l’avez pas demandé)|Sinon, /,
}
const UNTIL: Readonly<Record<Language, RegExp>> = { en: /until 2026-01-01 11:00 UTC/, fr: /jusqu’au 01\/01\/2026 à 11:00 UTC/ }

for (const language of LANGUAGES) {
  test(`what a stranger chose is text in a mail: escaped, without links, one line, at most 64 characters (R129, R131), in ${language}`, async () => {
    // No configuration takes such a name; the messages do not rely on it.
    const name = '</title><script>alert(1)</script>\r\nBcc: x'
    const { publicUrl } = parseConfig({})
    for (const nasty of CORPUS) {
      const seen = { userAgent: nasty, address: nasty, at: SAMPLE_UNTIL }
      const messages: Message[] = [
        { kind: 'new_device', ...seen },
        { kind: 'many_failures', failures: 5, ...seen },
        { kind: 'second_factor_failed', ...seen },
        { kind: 'confirm_new_address', token: 't', newAddress: `${nasty}@example.com` },
        { kind: 'address_change_requested', token: 't', newAddress: `${nasty}@example.com` },
        { kind: 'address_changed', undoToken: 't', newAddress: `${nasty}@example.com` },
      ]
      for (const message of messages) {
        const { subject, text, html } = await renderMail({ name, publicUrl, language }, message, null)
        const what = `${message.kind} ${JSON.stringify(nasty)}`
        assert.doesNotMatch(subject, /[\x00-\x1f]|evil/, what)
        assert.doesNotMatch(text.replaceAll('\n', ''), /[\x00-\x1f\u2028\u202e]/, what)
        assert.doesNotMatch(html, /<script|<img|javascript:/i, what)
        for (const part of [text, html]) assert.doesNotMatch(part, /evil\.example\/|\/\/evil|www\.|https?:\/\/(?!localhost:5000)/i, what)
        const anchors = [...html.matchAll(/<a [^>]*>/g)].map(([tag]) => tag)
        assert.ok(
          anchors.every((tag) => tag.startsWith('<a href="http://localhost:5000/')),
          what,
        )
        assert.doesNotMatch(text, /a{65}/, what)
      }
    }
  })
}

for (const language of LANGUAGES) {
  test(`no value adds a header or a recipient to what arrives (R129), in ${language}`, async () => {
    await using sink = await startSmtpSink()
    const env = { SMTP_URL: sink.url, BIENVENUE_NAME: 'Evil, "e" (e@evil.example), =?utf-8?q?x?=', BIENVENUE_MAIL_FROM: 'a@example.com' }
    await using app = await startTestApp({ env: hardenedEnv({ ...env, BIENVENUE_LANGUAGE: language }) })
    for (const nasty of CORPUS) await queue(app, { message: { kind: 'new_device', userAgent: nasty, address: nasty, at: SAMPLE_UNTIL } })
    await app.sendMails()
    assert.equal(sink.mails.length, CORPUS.length)
    const known = ['from', 'to', 'subject', 'date', 'message-id', 'auto-submitted', 'mime-version', 'content-type']
    for (const { recipients, parsed } of sink.mails) {
      assert.deepEqual(recipients, ['bob@example.com'])
      assert.deepEqual([...parsed.headers.keys()].toSorted(), known.toSorted())
      assert.equal(parsed.from?.value[0]?.address, 'a@example.com')
    }
  })
}

for (const language of LANGUAGES) {
  test(`every link begins with the public URL, whatever a request says of hosts (R097), in ${language}`, async () => {
    const url = 'https://app.example.com/auth'
    const env = hardenedEnv({ BIENVENUE_PUBLIC_URL: url, BIENVENUE_LANGUAGE: language, BIENVENUE_TRUSTED_PROXIES: '127.0.0.0/8' })
    await using app = await startTestApp({ env })
    const { deps } = app.auth
    const mailer = makeMailer(deps, {
      resolvers: { reset_password: (tx, to) => queueMail(deps, tx, { to, userId: null, message: { kind: 'reset_password', token: 't' } }) },
      sendMail: async (mail) => void app.mails.push(mail),
    })
    const evil = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=evil.example',
      referer: 'https://evil.example/',
    }
    await app.request('GET', '/auth/', { headers: evil })
    await defer(app, 'bob@example.com')
    for (const message of SAMPLE_MESSAGES) await queue(app, { message })
    await mailer.runDue()
    assert.equal(app.mails.length, SAMPLE_MESSAGES.length + 1)
    for (const { text, html, kind } of app.mails) {
      for (const part of [text, html]) {
        const links = part.match(/\bhttps?:\/\/[^\s"<]+/g) ?? []
        assert.ok(links.length > 0, kind)
        for (const link of links) assert.ok(link.startsWith(url), `${kind}: ${link}`)
      }
    }
    const paths = app.mails.flatMap(({ html }) => [...html.matchAll(/href="([^"?]+)\?token=/g)].map(([, path]) => path?.slice(url.length)))
    assert.deepEqual([...new Set(paths)].toSorted(), ['/account/email', '/account/email/undo', '/login', '/reset', '/verify'])
  })
}

for (const language of LANGUAGES) {
  test(`text and HTML say the same, with the token for those without a browser; a notice says what to do if it was not you (R106, R173), in ${language}`, async () => {
    const config = parseConfig({ BIENVENUE_LANGUAGE: language })
    for (const message of SAMPLE_MESSAGES) {
      const { subject, text, html } = await renderMail(config, message, SAMPLE_UNTIL)
      assert.ok(subject.length > 10 && subject.length < 80, subject)
      const parsed = await simpleParser(`Content-Type: text/html; charset=utf-8\r\n\r\n${html}`)
      const words = (content: string) =>
        content
          .replaceAll(/https?:\/\/\S+|[^\p{L}\p{N}]+/gu, ' ')
          .trim()
          .split(/\s+/)
      for (const word of words(text)) assert.ok(words(parsed.text ?? '').includes(word), `${message.kind}: ${word}`)
      assert.match(text, IF_IT_WAS_NOT_YOU[language], message.kind)
      const token = 'token' in message ? message.token : 'undoToken' in message ? message.undoToken : null
      if (token === null) assert.doesNotMatch(html, /token=/, message.kind)
      else assert.ok(text.includes(`\n  ${token}\n`) && text.includes(`?token=${token}`), message.kind)
      if (token !== null) assert.match(text, UNTIL[language])
    }
  })
}
