import type { Language } from '../config.ts'

/** Day before month and 24 hours: `01/02/2026, 7:00` would be read in two ways. */
const LOCALES = { en: 'en-GB', fr: 'fr' } as const satisfies Record<Language, string>

/** Everybody sees the same hour: the service does not know in which zone somebody is. */
const DAY = { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' } as const
const MINUTE = { ...DAY, hour: '2-digit', minute: '2-digit', timeZoneName: 'short' } as const

/** Made once: each costs as much as a page. */
const formats = new Map<string, Intl.DateTimeFormat>()

export function dateText(language: Language, at: Date, precision: 'day' | 'minute'): string {
  const key = `${language} ${precision}`
  const known = formats.get(key) ?? new Intl.DateTimeFormat(LOCALES[language], precision === 'day' ? DAY : MINUTE)
  formats.set(key, known)
  return known.format(at)
}
