import type { EventEmitter } from 'node:events'
import { AuthError } from '../errors.ts'

/** One end of the channel between the primary and a worker: `process` in the worker, a `Worker` of node:cluster in the primary. */
interface Channel extends EventEmitter {
  send?(message: object, callback: (error: Error | null) => void): unknown
}

type Question = 'metrics' | 'turn'
type Message = { readonly ready: number } | { readonly ask: number; readonly what: Question } | Answer
type Answer = { readonly answer: number; readonly value?: unknown; readonly error?: string }

export interface ProcessChannel {
  /** A worker says that it serves, and on which port. */
  sayReady(port: number): void
  /**
   * Ask the other end for its metrics, and wait so long for them.
   *
   * @returns `null` when it is gone
   * @throws AuthError `unavailable`
   */
  askMetrics(withinMilliseconds?: number): Promise<unknown>
  /** A worker that has answered its last request asks to close the database, one after the other. */
  askTurn(): Promise<void>
}

/** Whoever does not get to answer within this time has other troubles; Prometheus itself waits for ten seconds. */
const ANSWER_MILLISECONDS = 5_000

/** What this end answers to the other's questions. */
interface OwnEnd {
  metrics(): Promise<unknown>
  turn?(): Promise<unknown>
  ready?(port: number): void
}

export function openChannel(channel: Channel, own: OwnEnd): ProcessChannel {
  const waiting = new Map<number, (answer: Answer | null) => void>()
  let asked = 0
  // A message that cannot be sent has nobody to reach, and the other end's exit is seen by itself.
  const send = (message: Message) => void channel.send?.(message, () => {})
  const answer = (number: number, what: Question) =>
    Promise.resolve(own[what]?.()).then(
      (value) => send({ answer: number, value }),
      (error: Error) => send({ answer: number, error: error.message }),
    )
  channel.on('message', (message: Message) => {
    if ('ready' in message) own.ready?.(message.ready)
    else if ('ask' in message) void answer(message.ask, message.what)
    else waiting.get(message.answer)?.(message)
  })
  channel.on('disconnect', () => {
    for (const resolve of waiting.values()) resolve(null)
  })
  async function ask(what: Question, withinMilliseconds = ANSWER_MILLISECONDS): Promise<Answer | null> {
    const number = ++asked
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve) => {
        waiting.set(number, resolve)
        timer = setTimeout(() => resolve({ answer: number, error: 'no answer in time' }), withinMilliseconds)
        send({ ask: number, what })
      })
    } finally {
      clearTimeout(timer)
      waiting.delete(number)
    }
  }

  return {
    sayReady: (port) => send({ ready: port }),
    async askMetrics(withinMilliseconds) {
      const given = await ask('metrics', withinMilliseconds)
      if (given?.error !== undefined)
        throw new AuthError('unavailable', { sentence: 'The metrics of all processes cannot be had right now.', logged: given.error })
      return given === null ? null : given.value
    },
    // Without an answer it closes all the same.
    askTurn: async () => void (await ask('turn')),
  }
}
