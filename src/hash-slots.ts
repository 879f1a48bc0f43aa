import { availableParallelism } from 'node:os'

/** How many passwords one process hashes at once: the cores, divided among the processes that serve this machine (CHECKLIST R018). */
export function hashSlots(workers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / workers))
}
