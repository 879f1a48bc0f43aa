import { html, raw } from 'hono/html'
import { oneLine } from '../clean-text.ts'

/** A paragraph, a link, or what somebody is to copy. */
export type Part = string | { readonly link: string; readonly label: string } | { readonly copy: string }

/** What the file of a message returns. Values in it are escaped here. */
export interface MessageText {
  readonly subject: string
  readonly parts: readonly Part[]
}

/** What a message may know of its service: nothing of a request. */
export interface Service {
  readonly name: string
  /** The public URL; every link begins with it (CHECKLIST R097). */
  readonly url: string
  /** Until when the token works, where there is one. */
  readonly until: string | null
}

/** The three parts of a mail that people see. */
export interface MailContent {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export function link({ url }: Service, path: string, token: string, label: string): Part {
  return { link: `${url}${path}?token=${encodeURIComponent(token)}`, label }
}

/** `It works once, until 2026-01-01 10:00 UTC.` */
export function once({ until }: Service): string {
  return until === null ? 'It works once.' : `It works once, until ${until}.`
}

/** `2026-01-01 10:00 UTC` */
export function timeText(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

export async function layOut(service: Service, message: MessageText): Promise<MailContent> {
  const footer = `${service.name}, ${service.url}`
  const text = [...message.parts.map(textOf), `-- \n${footer}`].join('\n\n')
  const page = html`${raw('<!doctype html>')}
<html lang="en">
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

function textOf(part: Part): string {
  if (typeof part === 'string') return part
  return 'link' in part ? `${part.label}:\n\n  ${part.link}` : `  ${part.copy}`
}

function htmlOf(part: Part) {
  if (typeof part === 'string') return html`<p>${part}</p>\n`
  return 'link' in part ? html`<p><a href="${part.link}">${part.label}</a></p>\n` : html`<p><code>${part.copy}</code></p>\n`
}
