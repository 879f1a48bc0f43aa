import { availableParallelism } from 'node:os'
import type { TestApp } from './test-app.ts'

/** One slot a core that hashes, 32 places a core to wait (passwords/hash-queue.ts). */
const PLACES = availableParallelism() * 33

/** Occupy the hash queue, but for `free` places, until this is disposed of. */
export function occupyHashQueue(app: TestApp, free = 0): Disposable {
  const { hashQueue } = app.auth.deps
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let place = 0; place < PLACES - free; place++) void hashQueue.run(() => promise)
  if (free === 0) {
    const waiting = hashQueue.waiting
    hashQueue.run(async () => {}).catch(() => 'the refusal that shows that it is full')
    if (hashQueue.waiting > waiting) {
      resolve()
      throw new Error('the hash queue lets more wait than it promises')
    }
  }
  return { [Symbol.dispose]: resolve }
}
