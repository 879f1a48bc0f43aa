// For `node --import`: a process in which nothing is recorded, to measure against. In the product there is no such switch.
import { registerHooks } from 'node:module'

const NOTHING = 'async () => {}'
const SOURCE = `
export const recordEvent = ${NOTHING}
export const recordFailure = ${NOTHING}
export const recordAlone = ${NOTHING}
export const recordThrottled = ${NOTHING}
export const identifierDetail = () => ({})
`

registerHooks({
  load: (url, context, next) =>
    url.endsWith('/src/audit/record.ts') ? { format: 'module', source: SOURCE, shortCircuit: true } : next(url, context),
})
