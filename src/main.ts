#!/usr/bin/env node
import { availableParallelism } from 'node:os'

// The pool hashes passwords; libuv reads its size at its first use, so this comes before everything else.
process.env.UV_THREADPOOL_SIZE ??= String(availableParallelism() + 4)

const { run } = await import('./cli/main.ts')
await run(process.argv.slice(2), process.env)
