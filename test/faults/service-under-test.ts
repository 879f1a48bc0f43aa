import { fileURLToPath } from 'node:url'
import type { Program } from '../service-process.ts'

const file = fileURLToPath(new URL('./service-with-clock.ts', import.meta.url))

/** The service with a clock that we move. */
export const SERVICE_WITH_CLOCK: Program = { run: [file], messages: true }

/** The same, with its clock and its sweeper as many times faster. */
export const fasterService = (speed: number): Program => ({ run: [file, String(speed)], messages: true })
