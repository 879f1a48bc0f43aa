import type { Language } from '../../config.ts'
import { account as enAccount } from './en/account.ts'
import { common as enCommon } from './en/common.ts'
import * as enErrors from './en/errors.ts'
import * as enFactors from './en/factors.ts'
import { links as enLinks } from './en/links.ts'
import * as enLogin from './en/login.ts'
import * as enWelcome from './en/welcome.ts'
import { account as frAccount } from './fr/account.ts'
import { common as frCommon } from './fr/common.ts'
import * as frErrors from './fr/errors.ts'
import * as frFactors from './fr/factors.ts'
import { links as frLinks } from './fr/links.ts'
import * as frLogin from './fr/login.ts'
import * as frWelcome from './fr/welcome.ts'

/** Everything that pages say, in one language. */
export type Texts = {
  readonly common: typeof enCommon
  readonly account: typeof enAccount
  readonly links: typeof enLinks
} & typeof enErrors &
  typeof enFactors &
  typeof enLogin &
  typeof enWelcome

export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: { common: enCommon, account: enAccount, links: enLinks, ...enErrors, ...enFactors, ...enLogin, ...enWelcome },
  fr: { common: frCommon, account: frAccount, links: frLinks, ...frErrors, ...frFactors, ...frLogin, ...frWelcome },
}
