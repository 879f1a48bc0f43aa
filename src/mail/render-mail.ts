import type { Config, Language } from '../config.ts'
import { cleanAddress, cleanText, cleanUserAgent, oneLine } from './clean-text.ts'
import type { Message, MessageKind, MessageOf } from './message.ts'
import { ENGLISH } from './messages/english.ts'
import { FRENCH } from './messages/french.ts'
import { layOut, type MailContent, type MessageText, type MessageTexts, type Service } from './messages/layout.ts'

export type { MailContent } from './messages/layout.ts'

const TEXTS: Readonly<Record<Language, MessageTexts>> = { en: ENGLISH, fr: FRENCH }

/**
 * Subject, text and HTML of one message, in the language of the setting: a mail is written when nobody's browser is there to ask. Links come from the
 * public URL and from nowhere else (CHECKLIST R097); what users and strangers chose is cleaned before a message sees it (R131), and escaped by the layout.
 */
export function renderMail(
  config: Pick<Config, 'name' | 'publicUrl' | 'language'>,
  message: Message,
  until: Date | null,
): Promise<MailContent> {
  const { origin, pathPrefix } = config.publicUrl
  const service: Service = { language: config.language ?? 'en', name: oneLine(config.name), url: `${origin}${pathPrefix}`, until }
  return layOut(service, textOf(service, message.kind, cleanValues(message)))
}

function textOf<K extends MessageKind>(service: Service, kind: K, message: MessageOf<K>): MessageText {
  return TEXTS[service.language][kind](service, message)
}

/** By the values and not by the kind, so that a new kind with such values is cleaned too. */
function cleanValues(message: Message): Message {
  if ('newAddress' in message) return { ...message, newAddress: cleanAddress(message.newAddress) }
  if (!('userAgent' in message)) return message
  const { userAgent, address } = message
  return { ...message, userAgent: userAgent && cleanUserAgent(userAgent), address: address && cleanText(address) }
}
