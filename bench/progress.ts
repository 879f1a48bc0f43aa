/** What is being done, on standard error. An empty text clears the line. */
export type Progress = (text: string) => void

/** Where nobody watches, a line now and then is enough to see that it goes on. */
const LOG_MILLISECONDS = 5_000

export function makeProgress(): Progress {
  let loggedAt = Number.NEGATIVE_INFINITY
  return (text) => {
    if (process.stderr.isTTY) return void process.stderr.write(`\r\x1b[K${text}`)
    const now = performance.now()
    if (text === '' || now - loggedAt < LOG_MILLISECONDS) return
    loggedAt = now
    process.stderr.write(`${Math.round(now / 1_000)} s: ${text}\n`)
  }
}
