import type { Language } from '../../config.ts'
import { account as enAccount } from './en/account.ts'
import { common as enCommon } from './en/common.ts'
import * as enErrors from './en/errors.ts'
import * as enWelcome from './en/welcome.ts'
import { account as frAccount } from './fr/account.ts'
import { common as frCommon } from './fr/common.ts'
import * as frErrors from './fr/errors.ts'
import * as frWelcome from './fr/welcome.ts'

/** Everything that pages say, in one language. */
export type Texts = { readonly common: typeof enCommon; readonly account: typeof enAccount } & typeof enErrors & typeof enWelcome

export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: { common: enCommon, account: enAccount, ...enErrors, ...enWelcome },
  fr: { common: frCommon, account: frAccount, ...frErrors, ...frWelcome },
}
