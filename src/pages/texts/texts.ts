import type { Language } from '../../config.ts'
import { common as enCommon } from './en/common.ts'
import { common as frCommon } from './fr/common.ts'

/** Everything that pages say, in one language. */
export interface Texts {
  readonly common: typeof enCommon
}

export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: { common: enCommon },
  fr: { common: frCommon },
}
