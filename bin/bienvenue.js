#!/usr/bin/env node
// The program: in a published package the compiled form, in a clone the source, after installing what is missing.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NEEDED = 24
const isClone = existsSync(new URL('../src/main.ts', import.meta.url))

if (isClone) {
  const { runInClone } = await import('../scripts/in-clone.js')
  await runInClone(fileURLToPath(new URL('../src/main.ts', import.meta.url)), process.argv.slice(2))
} else if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  console.error(`Bienvenue needs Node.js ${NEEDED} or newer; this is ${process.version}.`)
  process.exitCode = 1
} else {
  await import('../dist/main.js')
}
