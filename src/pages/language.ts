import type { Config, Language } from '../config.ts'
import { TEXTS } from './texts/texts.ts'

/** The setting's language, else the first of the browser's that we have (RFC 9110 section 12.5.4), else English. */
export function languageOf(config: Pick<Config, 'language'>, acceptLanguage: string | null): Language {
  if (config.language !== null) return config.language
  const wanted = (acceptLanguage ?? '').slice(0, 500).split(',').map(readRange)
  const known = wanted
    .filter((range): range is { language: Language; quality: number } => Object.hasOwn(TEXTS, range.language) && range.quality > 0)
    .sort((a, b) => b.quality - a.quality)
  return known[0]?.language ?? 'en'
}

/** `fr-CA;q=0.8` is French, wanted by 0.8. */
function readRange(range: string): { language: string; quality: number } {
  const [tag = '', ...parameters] = range.trim().toLowerCase().split(';')
  const quality = parameters.map((one) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(one)?.[1]).find((one) => one !== undefined)
  return { language: tag.trim().split('-')[0] ?? '', quality: Number(quality ?? 1) }
}
