import type { Page } from 'playwright-core'

/** A passkey as its device knows it. */
export interface DevicePasskey {
  /** As WebAuthn writes it: base64url. */
  readonly id: string
  readonly rpId: string | null
  readonly userName: string | null
  /** base64url */
  readonly userHandle: string | null
  readonly signCount: number
}

export interface VirtualAuthenticator extends AsyncDisposable {
  passkeys(): Promise<DevicePasskey[]>
  /** As in the device's own settings, of which no service hears. */
  removePasskey(id: string): Promise<void>
  removeAllPasskeys(): Promise<void>
  /** `false`: from now on the finger is the wrong one. */
  setUserVerified(isVerified: boolean): Promise<void>
}

/**
 * Chromium's own software authenticator in place of a device: built in, asks for a finger and is shown one at once, keeps discoverable passkeys and
 * syncs them. It is the page's alone, and with it `navigator.credentials` works as it does for people.
 */
export async function virtualAuthenticator(page: Page): Promise<VirtualAuthenticator> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      defaultBackupEligibility: true,
      defaultBackupState: true,
    },
  })
  return {
    async passkeys() {
      const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
      return credentials.map(({ credentialId, rpId, userName, userHandle, signCount }) => ({
        id: toBase64Url(credentialId),
        rpId: rpId ?? null,
        userName: userName ?? null,
        userHandle: userHandle === undefined ? null : toBase64Url(userHandle),
        signCount,
      }))
    },
    async removePasskey(id) {
      const credentialId = Buffer.from(id, 'base64url').toString('base64')
      await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId })
    },
    async removeAllPasskeys() {
      await cdp.send('WebAuthn.clearCredentials', { authenticatorId })
    },
    async setUserVerified(isUserVerified) {
      await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
    async [Symbol.asyncDispose]() {
      await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
      await cdp.detach()
    },
  }
}

function toBase64Url(base64: string): string {
  return Buffer.from(base64, 'base64').toString('base64url')
}
