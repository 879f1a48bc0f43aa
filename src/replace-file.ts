import {
  closeSync,
  constants,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { AuthError } from './errors.ts'

/**
 * Put a new content in a secret file's place: whole or not at all, also at a power cut, with the same owner and for that owner only (CHECKLIST R238).
 * Nobody else rewrites it meanwhile: the file aside is created exclusively, and `content` sees what stands there then.
 *
 * @throws AuthError `file_refused`
 */
export function replaceSecretFile(path: string, content: (present: string) => string): void {
  let aside: string | null = null
  try {
    // A link stays a link.
    const target = realpathSync(path)
    const { uid, gid } = statSync(target)
    const name = `${target}.new`
    const descriptor = openSync(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    aside = name
    try {
      fchownSync(descriptor, uid, gid)
      writeFileSync(descriptor, content(readFileSync(target, 'utf8')))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(name, target)
    aside = null
    syncFolder(dirname(target))
  } catch (error) {
    if (error instanceof AuthError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const sentence =
      code === 'EEXIST'
        ? `${path}.new is there: somebody is rewriting the secret at this moment, or was interrupted. If nobody is, remove it and try again. ${path} is unchanged.`
        : `${path} cannot be rewritten: ${message}. With --print the new value is printed, and the file stays as it is.`
    throw new AuthError('file_refused', { sentence }, { cause: error })
  } finally {
    if (aside !== null) rmSync(aside, { force: true })
  }
}

/** The new name is on the disk. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
