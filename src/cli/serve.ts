import type { Config } from '../config.ts'

/** Run the service until SIGTERM or SIGINT: in this process, or in as many workers as the configuration says. */
export async function serve(config: Config): Promise<void> {
  if (config.workers === 1) return (await import('./serve-process.ts')).serveProcess(config)
  const { default: cluster } = await import('node:cluster')
  // The primary loads nothing of what a service is made of.
  if (cluster.isPrimary) return (await import('./serve-primary.ts')).servePrimary(config)
  await (await import('./serve-process.ts')).serveProcess(config, cluster.worker?.id)
}
