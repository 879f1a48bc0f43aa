import { accountDeleted } from './en/account-deleted.ts'
import { addressChangeRequested } from './en/address-change-requested.ts'
import { addressChanged } from './en/address-changed.ts'
import { addressRestored } from './en/address-restored.ts'
import { alreadyRegistered } from './en/already-registered.ts'
import { confirmNewAddress } from './en/confirm-new-address.ts'
import { factorAdded } from './en/factor-added.ts'
import { factorRemoved } from './en/factor-removed.ts'
import { loginCode } from './en/login-code.ts'
import { manyFailures } from './en/many-failures.ts'
import { newDevice } from './en/new-device.ts'
import { passwordChanged } from './en/password-changed.ts'
import { recoveryCodeUsed } from './en/recovery-code-used.ts'
import { resetPassword } from './en/reset-password.ts'
import { secondFactorFailed } from './en/second-factor-failed.ts'
import { verifyAddress } from './en/verify-address.ts'
import type { MessageTexts } from './layout.ts'

export const ENGLISH: MessageTexts = {
  verify_address: verifyAddress,
  reset_password: resetPassword,
  already_registered: alreadyRegistered,
  login_code: loginCode,
  confirm_new_address: confirmNewAddress,
  address_change_requested: addressChangeRequested,
  address_changed: addressChanged,
  address_restored: addressRestored,
  password_changed: passwordChanged,
  new_device: newDevice,
  many_failures: manyFailures,
  factor_added: factorAdded,
  factor_removed: factorRemoved,
  recovery_code_used: recoveryCodeUsed,
  second_factor_failed: secondFactorFailed,
  account_deleted: accountDeleted,
}
