#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

// Compiled code, and TypeScript without its types, are kept from one start to the next; the writing thread finds the folder in its environment.
// Beside our own code, not in the shared temporary folder: whoever can write there could plant code.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../.compile-cache', import.meta.url))
enableCompileCache()
// The pool hashes passwords; libuv reads its size at its first use, so this comes before everything else.
process.env.UV_THREADPOOL_SIZE ??= String(availableParallelism() + 4)

const { run } = await import('./cli/main.ts')
await run(process.argv.slice(2), process.env)
