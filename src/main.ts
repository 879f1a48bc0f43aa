#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { hashSlots } from './hash-slots.ts'

// Compiled code, and TypeScript without its types, are kept from one start to the next; the writing thread finds the folder in its environment.
// Beside our own code, not in the shared temporary folder: whoever can write there could plant code.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../.compile-cache', import.meta.url))
enableCompileCache()
// The pool hashes passwords; libuv reads its size at its first use, so this comes before everything else. What is no number is refused with the other settings.
process.env.UV_THREADPOOL_SIZE ??= String(hashSlots(Number(process.env.BIENVENUE_WORKERS) || 1) + 4)

const { run } = await import('./cli/main.ts')
await run(process.argv.slice(2), process.env)
