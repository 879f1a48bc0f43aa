import { type Environment, parseConfig } from '../config.ts'
import { AuthError } from '../errors.ts'
import { publicSentence } from '../http/error-response.ts'
import { serve } from './serve.ts'

/**
 * The command line. Exit codes: 0 done; 1 refused or failed; 2 wrong usage or settings; 3 nothing found.
 * Output for people goes to standard output, problems to standard error.
 */
export async function run(args: readonly string[], env: Environment): Promise<void> {
  try {
    if (args.length === 0 || (args.length === 1 && args[0] === 'serve')) return await serve(parseConfig(env, { toStart: true }))
    // Whoever reads has seen enough: `bienvenue users list | head`.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(0)
    })
    // The other commands are loaded when one is called: the service starts without them.
    const { runCommand } = await import('./commands.ts')
    process.exitCode = await runCommand(args, env)
  } catch (error) {
    if (!(error instanceof AuthError)) throw error
    console.error(publicSentence(error))
    process.exitCode = EXIT_CODES[error.code] ?? 1
    // Its channel to the primary would keep a worker that could not start.
    process.channel?.unref()
  }
}

const EXIT_CODES: Partial<Record<AuthError['code'], number>> = { configuration_invalid: 2, user_not_found: 3, session_not_found: 3 }
