import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { resolveAddressChange } from './address-change/address-change.ts'
import { makeApp } from './app.ts'
import { APPLICATION, SERVICE } from './audit/audit-event.ts'
import { recordAlone, recordEvent } from './audit/record.ts'
import { makeSealer, SEAL_MILLISECONDS, type Sealer } from './audit/sealer.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Config, describeDatabase } from './config.ts'
import { type Keyring, makeKeyring } from './crypto/keyring.ts'
import { type Random, systemRandom } from './crypto/random.ts'
import { type Db, openDatabase } from './db/database.ts'
import { isNew } from './db/is-new.ts'
import { isMigrated, migrate } from './db/migrate.ts'
import { type ClaimChange, claimDatabase, recordedFingerprint, requireClaimable } from './db/service-state.ts'
import type { Deps } from './deps.ts'
import { AuthError } from './errors.ts'
import { hashSlots } from './hash-slots.ts'
import type { Answer } from './http/answer.ts'
import type { Ask } from './http/ask.ts'
import { makeFetch, type RequestInfo } from './http/fetch-shell.ts'
import { makeRequestCounts } from './http/request-counts.ts'
import { type Log, makeLog } from './log.ts'
import { createSession, validLogin } from './login/application-login.ts'
import { resolveLoginCode } from './login-codes/login-code.ts'
import type { SendMail } from './mail/deliver.ts'
import type { MailResolvers } from './mail/mail-requests.ts'
import { type Mailer, makeMailer } from './mail/mailer.ts'
import { type Metrics, makeMetrics } from './metrics/metrics.ts'
import { requestReset, resolveReset, updatePassword } from './password-reset/password-reset.ts'
import { makeHashQueue } from './passwords/hash-queue.ts'
import { hashPassword } from './passwords/password.ts'
import { registerUser, resolveRegistration } from './registration/registration.ts'
import { resolveVerification } from './registration/verification.ts'
import { sweep } from './service/sweeper.ts'
import { fingerprintsOf, resolveRootSecret } from './service-secret.ts'
import { makeLastSeenWriter } from './sessions/last-seen.ts'
import { endSessionsOfUser, verifySession } from './sessions/session.ts'
import { makeSessionCookie } from './sessions/session-cookie.ts'
import { createUser, findUserBy, isStorable, requireEmailAddress, requireStoredText, type User, updateUser } from './users/user.ts'
import { VERSION } from './version.ts'

/** What `updateUser` can change. `null` clears. */
export interface UserAttributes {
  readonly email?: string
  readonly hashedPassword?: string
  readonly name?: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
}

export interface Auth {
  /**
   * Answer a request. `clientAddress` is what the log and sessions know the client by.
   * It never throws: a bug of ours is a 500 with a request id.
   */
  fetch(request: Request, info?: RequestInfo): Promise<Response>
  /** The same without `Request` and `Response`: what `toNodeHandler` stands on. Applications have no need of it. */
  answer(ask: Ask): Promise<Answer>

  /** Store a user with a hash made before. @throws AuthError `email_already_registered`, `field_invalid` */
  addUser(email: string, hashedPassword: string): Promise<User>
  /** The first user that matches all of `id`, `email`, `externalId` given. @throws AuthError `user_not_found`, `unknown_attribute` */
  findUserBy(attributes: { readonly id?: string; readonly email?: string; readonly externalId?: string }): Promise<User>
  /** Change `email`, `hashedPassword`, `name`, `metadata`: all or nothing. @throws AuthError `unknown_attribute`, `user_not_found` */
  updateUser(userId: string, attributes: UserAttributes): Promise<void>
  /** A salted Argon2id hash, different at each call. @throws AuthError `field_required`, `field_invalid`, `busy` */
  hashPassword(password: string): Promise<string>
  /** Register without the policy. @throws AuthError `email_already_registered`: `User me@me.com already exists` */
  registerUser(email: string, password: string): Promise<User>
  /** True only for the right password of a known, enabled user. Never throws. */
  validLogin(email: string, password: string): Promise<boolean>
  /** A new UUID. */
  generateUuid(): string
  /** A session's token, the cookie's value; `null` for an unknown address. */
  createSession(email: string): Promise<string | null>
  /** The user of a live session, or `null`, also for `null`, `undefined` and `''`. */
  getUserFromSessionId(sessionId: string | null | undefined): Promise<User | null>
  /**
   * The user whose session cookie a request carries, or `null`. It knows the cookie's one name (`session_id`, on https `__Host-session_id`);
   * reading it by another way invites a cookie that somebody else planted.
   */
  getUserFromRequest(request: Pick<Request, 'headers'> | Pick<IncomingMessage, 'headers'>): Promise<User | null>
  /** End all of a user's sessions; an unknown id changes nothing. */
  destroySession(userId: string): Promise<void>
  /** A reset token, superseding an earlier one. @throws AuthError `user_not_found` */
  getResetPasswordToken(email: string): Promise<string>
  /** Set the password, consume the token, end every session. @throws AuthError `reset_token_invalid` */
  updatePassword(resetToken: string, password: string): Promise<void>

  /** Write what is pending and close the database; a second call waits for the first. */
  close(): Promise<void>
}

export interface AuthParts {
  readonly form: 'service' | 'library'
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  /** Where the metrics of all processes come from; without it, this process is all there is. */
  readonly metricsText?: () => Promise<string>
  /** Sends mails in SMTP's place. */
  readonly sendMail?: SendMail
  /** False: mails go when `mailer.runDue` is called, and not by themselves. */
  readonly mailLoop?: boolean
}

type DepsParts = Pick<AuthParts, 'clock' | 'random' | 'log'> & {
  /** Change nothing in opening: no migration, no claim, no secret file. */
  readonly readOnly?: boolean
}

/** Ten minutes: sooner serves nobody, much later and tables grow. */
const SWEEP_MILLISECONDS = 600_000

/**
 * Open, migrate and claim the database, and put together what the rules need. What `openAuth` and the command line begin with.
 *
 * @throws AuthError `database_refused`, `configuration_invalid`, `unavailable`
 */
export async function openDeps(config: Config, parts: DepsParts = {}): Promise<Deps> {
  const log = parts.log ?? makeLog(config.logLevel)
  const random = parts.random ?? systemRandom
  const clock = parts.clock ?? systemClock
  const place = { location: config.database, name: describeDatabase(config.database) }
  if (parts.readOnly && (await isNew(place))) throw notMigrated(place.name)
  const database = await openDatabase(config.database)
  let keys: Keyring
  try {
    if (!parts.readOnly) {
      const applied = await migrate(database, clock)
      if (applied.length > 0) log.info({ event: 'migrated', migrations: applied })
    } else if (!(await isMigrated(database))) throw notMigrated(place.name)
    const known = await recordedFingerprint(database)
    // Where no secret was used yet, none is made in order to read.
    const secrets = parts.readOnly && known === null ? [] : resolveRootSecret(config, random, known)
    const versions = { secret: fingerprintsOf(secrets), pepper: fingerprintsOf(config.secrets.pepper) }
    const claim = { posture: config.posture, versions }
    keys = makeKeyring(secrets)
    const recording = { clock, random, keys }
    await (parts.readOnly
      ? requireClaimable(database, claim)
      : claimDatabase(database, claim, (tx, changed) => recordClaim(recording, tx, { ...changed, config })))
  } catch (error) {
    await database.close()
    throw error
  }
  return { config, database, clock, random, keys, log, hashQueue: makeHashQueue(hashSlots(config.workers)) }
}

/** CHECKLIST R226: another secret writes from now on, or the posture is another one. */
async function recordClaim(
  deps: Pick<Deps, 'clock' | 'random' | 'keys'>,
  tx: Db,
  { secret, posture, config }: ClaimChange & { readonly config: Config },
): Promise<void> {
  const event = { ...SERVICE, outcome: 'success', subject: null } as const
  if (secret) await recordEvent(deps, tx, { ...event, name: 'key_rotated', detail: `secret=${deps.keys.newest}` })
  if (posture) await recordEvent(deps, tx, { ...event, name: 'config_changed', detail: `posture=${config.posture}` })
}

function notMigrated(name: string): AuthError {
  return new AuthError('database_refused', {
    sentence: `${name} is not migrated to this version, and this command changes nothing. Run "bienvenue migrate" first.`,
  })
}

/** What the service and the tests see beside the library's door. */
export type Opened = Auth & {
  readonly deps: Deps
  readonly metrics: Metrics
  readonly mailer: Mailer
  readonly sealer: Sealer
  settled(): Promise<void>
}

/** The same from a finished configuration; the service and the tests come in here. */
export async function openAuth(config: Config, parts: AuthParts): Promise<Opened> {
  const deps = await openDeps(config, parts)
  const { database, log } = deps
  const lastSeen = makeLastSeenWriter(deps)
  const cookie = makeSessionCookie(config)
  const counts = makeRequestCounts()
  const resolvers: MailResolvers = {
    registration: (tx, id) => resolveRegistration(deps, tx, id),
    verify_address: (tx, address) => resolveVerification(deps, tx, address),
    reset_password: (tx, address) => resolveReset(deps, tx, address),
    login_code: (tx, address) => resolveLoginCode(deps, tx, address),
    change_address: (tx, id) => resolveAddressChange(deps, tx, id),
  }
  const mailer = makeMailer(deps, { resolvers, ...(parts.sendMail && { sendMail: parts.sendMail }) })
  const metrics = makeMetrics(deps, counts, mailer.counts)
  // Hardened answers strangers; they have no business with it (CHECKLIST R269). An application has metrics of its own.
  const servesMetrics = parts.form === 'service' && config.posture === 'classic' && config.metrics === null
  const metricsText = servesMetrics ? (parts.metricsText ?? metrics.text) : null
  const answer = makeApp(deps, { form: parts.form, version: VERSION, lastSeen, cookie, counts, metricsText })
  const sweeping = setInterval(() => {
    sweep(deps).catch((error: unknown) => log.warn({ event: 'sweep_failed', err: error }))
  }, SWEEP_MILLISECONDS)
  sweeping.unref()

  const detail = `version=${VERSION} posture=${config.posture} form=${parts.form}`
  await recordAlone(deps, { ...SERVICE, name: 'sys_startup', outcome: 'success', subject: null, detail })
  const sealer = makeSealer(deps)
  const sealing = setInterval(() => void sealer.runDue(), SEAL_MILLISECONDS)
  sealing.unref()
  if (parts.mailLoop !== false) mailer.start()

  let closing: Promise<void> | null = null
  async function close(): Promise<void> {
    clearInterval(sweeping)
    clearInterval(sealing)
    await mailer.stop()
    await lastSeen.settled()
    await sealer.stop()
    await database.close()
    log.flush()
  }

  return {
    deps,
    metrics,
    sealer,
    mailer,
    fetch: makeFetch(answer),
    answer,
    addUser: async (email, hashedPassword) =>
      createUser(deps, { email: requireEmailAddress(email), passwordHash: requireStoredText(hashedPassword) }, APPLICATION),
    findUserBy: (attributes) => findUserBy(deps, { ...attributes }),
    updateUser: (userId, attributes) => updateUser(deps, userId, { ...attributes }, APPLICATION),
    hashPassword: (password) => hashPassword(deps, password),
    registerUser: (email, password) => registerUser(deps, email, password),
    validLogin: (email, password) => validLogin(deps, email, password),
    generateUuid: () => randomUUID(),
    createSession: (email) => createSession(deps, email),
    getUserFromSessionId: async (sessionId) => (await verifySession(deps, sessionId))?.user ?? null,
    async getUserFromRequest({ headers }) {
      const header = typeof headers.get === 'function' ? headers.get('cookie') : ((headers as IncomingHttpHeaders).cookie ?? null)
      return (await verifySession(deps, cookie.read(header)))?.user ?? null
    },
    destroySession: async (userId) => void (isStorable(userId) && (await endSessionsOfUser(deps, { userId }, APPLICATION))),
    getResetPasswordToken: (email) => requestReset(deps, email, APPLICATION),
    updatePassword: (resetToken, password) => updatePassword(deps, { token: resetToken, password, by: APPLICATION }),
    settled: () => lastSeen.settled(),
    close() {
      closing ??= close()
      return closing
    },
  }
}
