import type { PostgresServer } from '../postgres-server.ts'
import type { Ledger } from './ledger.ts'
import type { Engine } from './stage.ts'

export interface Scenario {
  readonly number: number
  readonly title: string
  readonly engines: readonly Engine[]
  /** Where the short form tries fewer. */
  readonly shortEngines?: readonly Engine[]
  run(setting: Setting): Promise<Report>
}

export interface Setting {
  readonly engine: Engine
  /** Shared by scenarios that leave it alone; `null` where no scenario of this run needs one. */
  readonly postgres: PostgresServer | null
  readonly short: boolean
  readonly soakMinutes: number
  progress(text: string): void
}

export interface Report {
  readonly acknowledged: number
  readonly lost: number
  readonly wrong: number
  readonly longestOutageMilliseconds: number
  /** The scenario's own figures, in words. */
  readonly figures: Readonly<Record<string, string | number>>
  /** Losses and wrong answers in words, the first few. */
  readonly problems: readonly string[]
}

export function reportOf({ tally }: Ledger, figures: Report['figures']): Report {
  const { acknowledged, lost, wrong, problems } = tally
  return { acknowledged, lost, wrong, longestOutageMilliseconds: Math.round(tally.longestOutageMilliseconds), figures, problems }
}
