import type { Config } from '../config.ts'
import { cleanAddress, cleanText, cleanUserAgent, oneLine } from './clean-text.ts'
import type { Message, Sighting } from './message.ts'
import { accountDeleted } from './messages/account-deleted.ts'
import { addressChangeRequested } from './messages/address-change-requested.ts'
import { addressChanged } from './messages/address-changed.ts'
import { addressRestored } from './messages/address-restored.ts'
import { alreadyRegistered } from './messages/already-registered.ts'
import { confirmNewAddress } from './messages/confirm-new-address.ts'
import { factorAdded } from './messages/factor-added.ts'
import { factorRemoved } from './messages/factor-removed.ts'
import { layOut, type MailContent, type MessageText, type Service, timeText } from './messages/layout.ts'
import { loginCode } from './messages/login-code.ts'
import { manyFailures } from './messages/many-failures.ts'
import { newDevice } from './messages/new-device.ts'
import { passwordChanged } from './messages/password-changed.ts'
import { recoveryCodeUsed } from './messages/recovery-code-used.ts'
import { resetPassword } from './messages/reset-password.ts'
import { secondFactorFailed } from './messages/second-factor-failed.ts'
import { verifyAddress } from './messages/verify-address.ts'

export type { MailContent } from './messages/layout.ts'

/**
 * Subject, text and HTML of one message. Links come from the public URL and from nowhere else (CHECKLIST R097); what users and strangers chose is
 * cleaned before a message sees it (R131), and escaped by the layout.
 */
export function renderMail(config: Pick<Config, 'name' | 'publicUrl'>, message: Message, until: Date | null): Promise<MailContent> {
  const { origin, pathPrefix } = config.publicUrl
  const service: Service = { name: oneLine(config.name), url: `${origin}${pathPrefix}`, until: until && timeText(until) }
  return layOut(service, textOf(service, message))
}

function textOf(service: Service, message: Message): MessageText {
  switch (message.kind) {
    case 'verify_address':
      return verifyAddress(service, message)
    case 'reset_password':
      return resetPassword(service, message)
    case 'already_registered':
      return alreadyRegistered(service)
    case 'login_code':
      return loginCode(service, message)
    case 'confirm_new_address':
      return confirmNewAddress(service, { ...message, newAddress: cleanAddress(message.newAddress) })
    case 'address_change_requested':
      return addressChangeRequested(service, { ...message, newAddress: cleanAddress(message.newAddress) })
    case 'address_changed':
      return addressChanged(service, { ...message, newAddress: cleanAddress(message.newAddress) })
    case 'address_restored':
      return addressRestored(service)
    case 'password_changed':
      return passwordChanged(service)
    case 'new_device':
      return newDevice(service, { ...message, ...cleanSighting(message) })
    case 'many_failures':
      return manyFailures(service, { ...message, ...cleanSighting(message) })
    case 'factor_added':
      return factorAdded(service, message)
    case 'factor_removed':
      return factorRemoved(service, message)
    case 'recovery_code_used':
      return recoveryCodeUsed(service, message)
    case 'second_factor_failed':
      return secondFactorFailed(service, { ...message, ...cleanSighting(message) })
    case 'account_deleted':
      return accountDeleted(service)
  }
}

function cleanSighting({ userAgent, address, at }: Sighting): Sighting {
  return { userAgent: userAgent && cleanUserAgent(userAgent), address: address && cleanText(address), at }
}
