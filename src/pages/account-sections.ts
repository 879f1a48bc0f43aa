import type { AuthError } from '../errors.ts'
import type { Texts } from './texts/texts.ts'

export type SectionName = keyof Texts['account']['nav']

/** The sections of an account, in the order of its navigation. */
export const SECTION_PATHS = {
  profile: '/account',
  security: '/account/security',
  sessions: '/account/sessions',
  events: '/account/events',
  data: '/account/data',
} as const satisfies Record<SectionName, string>

/** What a form has done, as `?done=` says it to the page that is shown next. */
export type DoneWord = keyof Texts['account']['done']

/** One of a section's forms that was refused: which, why, and what was typed into it. */
export interface Tried {
  readonly action: string
  readonly refusal: AuthError
  readonly fields: Readonly<Record<string, string | undefined>>
}
