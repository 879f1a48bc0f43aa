import { accountDeleted } from './fr/account-deleted.ts'
import { addressChangeRequested } from './fr/address-change-requested.ts'
import { addressChanged } from './fr/address-changed.ts'
import { addressRestored } from './fr/address-restored.ts'
import { alreadyRegistered } from './fr/already-registered.ts'
import { confirmNewAddress } from './fr/confirm-new-address.ts'
import { factorAdded } from './fr/factor-added.ts'
import { factorRemoved } from './fr/factor-removed.ts'
import { loginCode } from './fr/login-code.ts'
import { manyFailures } from './fr/many-failures.ts'
import { newDevice } from './fr/new-device.ts'
import { passwordChanged } from './fr/password-changed.ts'
import { recoveryCodeUsed } from './fr/recovery-code-used.ts'
import { resetPassword } from './fr/reset-password.ts'
import { secondFactorFailed } from './fr/second-factor-failed.ts'
import { verifyAddress } from './fr/verify-address.ts'
import type { MessageTexts } from './layout.ts'

export const FRENCH: MessageTexts = {
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
