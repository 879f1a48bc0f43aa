import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What figures come from; without it they mean nothing. */
export interface Machine {
  readonly cores: number
  readonly cpu: string
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    memoryGigabytes: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

export function machineLine({ cores, cpu, memoryGigabytes, system, node }: Machine): string {
  return `${cores} cores, ${cpu}, ${memoryGigabytes} GB, ${system}, Node ${node}`
}
