// The ceiling of logins: nothing but Argon2id verifications, one for each core at a time, until it is told to stop.
// Each line of standard input, a number of milliseconds, is answered by a line with the verifications per second.
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { hash, verify } from '@node-rs/argon2'

const stored = await hash('correct horse battery staple', { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 })

async function verifyUntil(end: number): Promise<number> {
  let done = 0
  while (performance.now() < end) {
    if (!(await verify(stored, 'correct horse battery staple'))) throw new Error('a right password was refused')
    done++
  }
  return done
}

console.log(JSON.stringify({ port: 0 }))
for await (const line of createInterface({ input: process.stdin })) {
  const startedAt = performance.now()
  const counts = await Promise.all(Array.from({ length: availableParallelism() }, () => verifyUntil(startedAt + Number(line))))
  const seconds = (performance.now() - startedAt) / 1_000
  console.log(JSON.stringify({ perSecond: counts.reduce((sum, count) => sum + count, 0) / seconds }))
}
