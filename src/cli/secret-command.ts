import { Command } from 'commander'
import { type Config, type Environment, isInMemory, parseConfig } from '../config.ts'
import { versionNumber } from '../crypto/keyring.ts'
import type { Random } from '../crypto/random.ts'
import { countReferences, type SecretKind } from '../db/referenced-versions.ts'
import { recordedVersions } from '../db/service-state.ts'
import type { Deps } from '../deps.ts'
import { AuthError } from '../errors.ts'
import { replaceSecretFile } from '../replace-file.ts'
import { type Rotation, rotateSecret, secretText } from '../rotate-secret.ts'
import { fingerprintsOf, resolveRootSecret, secretFileOf } from '../service-secret.ts'
import { parseSecret, type SecretVersion } from '../setting-parsers.ts'
import { print, printJson, printTable, withDeps } from './output.ts'

const SETTINGS = { secret: 'BIENVENUE_SECRET', pepper: 'BIENVENUE_PASSWORD_PEPPER' } as const
/** Enough to tell versions apart; the rest helps nobody. */
const SHORT = 8

interface RotateOptions {
  readonly stage?: boolean
  readonly pepper?: boolean
  readonly print?: boolean
}

export function secretCommand(env: Environment): Command {
  const secret = new Command('secret').description('rotate the root secret or the pepper, and show which version is still needed')
  const command = (name: string, description: string) => secret.command(name).description(description).exitOverride()
  command('rotate', 'make the next version; rewrites the file that the secret is in, or prints the new value')
    .option('--stage', 'only make the new version known: the step before, where several processes share a database')
    .option('--pepper', 'the pepper of password hashes, in place of the root secret')
    .option('--print', 'print the new value, and rewrite no file')
    .action((options: RotateOptions) => {
      const config = parseConfig(env)
      return withDeps(config, (deps) => rotate(deps, env, options), { readOnly: true })
    })
  command('status', 'which versions there are, and what refers to each')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => withDeps(parseConfig(env), (deps) => status(deps, options.json === true), { readOnly: true }))
  return secret
}

async function rotate({ config, database, random }: Deps, env: Environment, options: RotateOptions): Promise<void> {
  const kind = options.pepper ? 'pepper' : 'secret'
  const recorded = (await recordedVersions(database)).filter((one) => one.kind === kind)
  const names = recorded.map(({ version }) => version)
  const versions = configuredVersions(config, random, kind, names.length > 0)
  const rotateFrom = (present: readonly SecretVersion[]) => rotateSecret(present, { random, names, stage: options.stage === true })
  const path = options.print ? null : fileOf(config, env, kind)
  if (path === null) {
    const rotation = rotateFrom(versions)
    // The value alone goes to standard output, for whoever captures it.
    print(secretText(rotation.versions))
    process.stderr.write(`\n${nextSteps(rotation, kind, { place: SETTINGS[kind], done: `Set ${SETTINGS[kind]} to the line above` })}\n`)
    return
  }
  let rotation: Rotation | undefined
  replaceSecretFile(path, (present) => {
    rotation = rotateFrom(parseSecret(present.trim()))
    return `${secretText(rotation.versions)}\n`
  })
  if (rotation) print(nextSteps(rotation, kind, { place: path, done: `${path} is rewritten` }))
}

function configuredVersions(config: Config, random: Random, kind: SecretKind, used: boolean): readonly SecretVersion[] {
  if (kind === 'pepper') return config.secrets.pepper
  if (!used) throw new AuthError('configuration_invalid', { sentence: 'No secret is in use yet. Start the service once, then rotate.' })
  return resolveRootSecret(config, random, '')
}

/** `null`: the value stands in the environment itself, or nowhere yet. */
function fileOf(config: Config, env: Environment, kind: SecretKind): string | null {
  const named = env[`${SETTINGS[kind]}_FILE`]
  if (named) return named
  return kind === 'secret' && config.secrets.root.length === 0 && !isInMemory(config.database) ? secretFileOf(config.database) : null
}

function nextSteps(
  { step, version, versions }: Rotation,
  kind: SecretKind,
  { place, done }: { readonly place: string; readonly done: string },
): string {
  if (step === 'staged') {
    const next = `bienvenue secret rotate${kind === 'pepper' ? ' --pepper' : ''}`
    return `${done}. Version ${version} is known and not in use yet. Restart every process, one after the other; then "${next}" puts it first.`
  }
  const before = versions.slice(1).map((one) => one.version)
  const inUse = `${done}. Restart every process: version ${version} is in use from then on.`
  if (before.length === 0) return `${inUse} Keep it apart from backups of the database, and do not lose it.`
  const careful = ' If several processes share the database, all must know a version before one writes with it: begin with --stage instead.'
  return `${inUse} Keep ${before.join(', ')} in ${place} until "bienvenue secret status" says that nothing refers to it.${step === 'added' ? careful : ''}`
}

async function status({ config, database, random }: Deps, json: boolean): Promise<void> {
  const recorded = await recordedVersions(database)
  const used = recorded.some(({ kind }) => kind === 'secret')
  const configured = {
    secret: fingerprintsOf(used ? configuredVersions(config, random, 'secret', true) : []),
    pepper: fingerprintsOf(config.secrets.pepper),
  }
  const rows = []
  for (const kind of ['secret', 'pepper'] as const) {
    const forgotten = recorded.filter((one) => one.kind === kind && !configured[kind].some(({ version }) => version === one.version))
    for (const { version, fingerprint } of [...configured[kind], ...forgotten]) {
      const references = await countReferences(database, { kind, version })
      rows.push({ kind, version, fingerprint: fingerprint.slice(0, SHORT), state: stateOf(version, configured[kind]), references })
    }
  }
  if (json) return printJson({ versions: rows })
  printTable(
    ['SETTING', 'VERSION', 'FINGERPRINT', 'STATE', 'REFERRED TO BY'],
    rows.map(({ kind, version, fingerprint, state, references }) => [
      SETTINGS[kind],
      version,
      fingerprint,
      state,
      references.map(({ where, rows: count }) => `${where} (${count})`).join(', ') || 'nothing',
    ]),
  )
  print('\nA version that reads, and that nothing refers to, can be removed from its setting.')
}

function stateOf(version: string, configured: readonly { readonly version: string }[]): 'writes' | 'staged' | 'reads' | 'removed' {
  const [first] = configured
  if (!first || !configured.some((one) => one.version === version)) return 'removed'
  if (first.version === version) return 'writes'
  return versionNumber(version) > versionNumber(first.version) ? 'staged' : 'reads'
}
