import { html, raw } from 'hono/html'
import type { Language } from '../../config.ts'
import { oneLine } from '../clean-text.ts'
import type { MessageKind, MessageOf } from '../message.ts'

/** A paragraph, a link, or what somebody is to copy. */
export type Part = string | { readonly link: string; readonly label: string } | { readonly copy: string }

/** What the file of a message returns. Values in it are escaped here. */
export interface MessageText {
  readonly subject: string
  readonly parts: readonly Part[]
}

/** Every message in one language. */
export type MessageTexts = { readonly [K in MessageKind]: (service: Service, message: MessageOf<K>) => MessageText }

/** What a message may know of its service: nothing of a request. */
export interface Service {
  readonly language: Language
  readonly name: string
  /** The public URL; every link begins with it (CHECKLIST R097). */
  readonly url: string
  /** Until when the token works, where there is one. */
  readonly until: Date | null
}

/** The three parts of a mail that people see. */
export interface MailContent {
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** What the layout itself says. */
interface Words {
  readonly once: string
  readonly onceUntil: (time: string) => string
  /** Of `2026-01-01` and `10:00`. */
  readonly time: (date: string, clock: string) => string
  /** What stands before a colon. */
  readonly beforeColon: string
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    once: 'It works once.',
    onceUntil: (time) => `It works once, until ${time}.`,
    time: (date, clock) => `${date} ${clock} UTC`,
    beforeColon: '',
  },
  fr: {
    once: 'Valable une seule fois.',
    onceUntil: (time) => `Valable une seule fois, jusqu’au ${time}.`,
    time: (date, clock) => `${date.split('-').toReversed().join('/')} à ${clock} UTC`,
    beforeColon: '\u202f',
  },
}

export function link({ url }: Service, path: string, token: string, label: string): Part {
  return { link: `${url}${path}?token=${encodeURIComponent(token)}`, label }
}

/** `It works once, until 2026-01-01 10:00 UTC.` In French it names nothing, so that it may stand after a link and after a code. */
export function once(service: Service): string {
  const { once: always, onceUntil } = WORDS[service.language]
  return service.until === null ? always : onceUntil(timeText(service, service.until))
}

/** `2026-01-01 10:00 UTC`, `01/01/2026 à 10:00 UTC` */
export function timeText({ language }: Service, at: Date): string {
  const iso = at.toISOString()
  return WORDS[language].time(iso.slice(0, 10), iso.slice(11, 16))
}

export async function layOut(service: Service, message: MessageText): Promise<MailContent> {
  const footer = `${service.name}, ${service.url}`
  const text = [...message.parts.map((part) => textOf(service, part)), `-- \n${footer}`].join('\n\n')
  const page = html`${raw('<!doctype html>')}
<html lang="${service.language}">
<head><meta charset="utf-8"><title>${message.subject}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">
${message.parts.map(htmlOf)}
<hr>
<p><small>${footer}</small></p>
</body>
</html>
`
  return { subject: oneLine(message.subject), text: `${text}\n`, html: String(await page) }
}

function textOf({ language }: Service, part: Part): string {
  if (typeof part === 'string') return part
  return 'link' in part ? `${part.label}${WORDS[language].beforeColon}:\n\n  ${part.link}` : `  ${part.copy}`
}

function htmlOf(part: Part) {
  if (typeof part === 'string') return html`<p>${part}</p>\n`
  return 'link' in part ? html`<p><a href="${part.link}">${part.label}</a></p>\n` : html`<p><code>${part.copy}</code></p>\n`
}
