import { availableParallelism } from 'node:os'
import type { TestApp } from './test-app.ts'

/** docs: hashing in one slot a core, 32 waiting per core. */
const PLACES = availableParallelism() * 33

/** Occupy the hash queue, but for `free` places, until this is disposed of. */
export function occupyHashQueue(app: TestApp, free = 0): Disposable {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let place = 0; place < PLACES - free; place++) void app.auth.deps.hashQueue.run(() => promise)
  return { [Symbol.dispose]: resolve }
}
