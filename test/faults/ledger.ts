import { type Answer, type Asked, type Client, makeClient } from './client.ts'

/** What the service has acknowledged of one user. One client at a time writes to a user, so that the ledger knows the order. */
export interface LedgerUser {
  readonly email: string
  password: string
  /** Names it may have: one where the last change was acknowledged, more where an unanswered one may have been made. */
  names: (string | null)[]
  /** The newest token, if it is certain that no newer one was made. */
  resetToken: string | null
  resetsUncertain: boolean
  readonly live: string[]
  readonly ended: string[]
  /** A write that was not acknowledged, and must have been made wholly or not at all. */
  doubt: Doubt | null
}

export type Doubt =
  | { readonly kind: 'registration' }
  /** A change or a reset: the new password, and the sessions that would have ended with the old one. */
  | { readonly kind: 'password'; readonly next: string; readonly ends: readonly string[] }

export interface Tally {
  acknowledged: number
  /** Acknowledged, and not there at the end. */
  lost: number
  /** A 5xx other than 503, a 503 without Retry-After, a yes to an ended session, a no to a good login, a write half-done. */
  wrong: number
  /** 503 with Retry-After. */
  refused: number
  /** Connections that broke without an answer. */
  unanswered: number
  slowestMilliseconds: number
  longestOutageMilliseconds: number
  /** The first few losses and wrong answers, in words. */
  readonly problems: string[]
}

export type Verdict = 'good' | 'refused' | 'unanswered' | 'wrong'

export interface Ledger {
  readonly tally: Tally
  readonly users: LedgerUser[]
  readonly client: Client
  /** Ask, and judge the answer: good, not now, none, or wrong. */
  ask(method: string, path: string, asked: Asked, isGood: (answer: Answer) => boolean): Promise<{ answer: Answer; verdict: Verdict }>
  acknowledge(): void
  lose(what: string): void
  blame(what: string): void
  /** Outages are counted from here. */
  beginOutageCount(): void
}

const MAX_PROBLEMS = 10

/** @param mayBreak connections may break without an answer, because it is the service that is killed */
export function makeLedger(url: string, { mayBreak = false } = {}): Ledger {
  const client = makeClient(url, { keepAlive: mayBreak })
  const tally: Tally = {
    ...{ acknowledged: 0, lost: 0, wrong: 0, refused: 0, unanswered: 0, slowestMilliseconds: 0, longestOutageMilliseconds: 0 },
    problems: [],
  }
  let lastGoodAt = performance.now()
  const noteGood = () => {
    const now = performance.now()
    tally.longestOutageMilliseconds = Math.max(tally.longestOutageMilliseconds, now - lastGoodAt)
    lastGoodAt = now
  }
  const note = (what: string) => void (tally.problems.length < MAX_PROBLEMS && tally.problems.push(what))
  const blame = (what: string) => {
    tally.wrong++
    note(`wrong: ${what}`)
  }
  return {
    tally,
    users: [],
    client,
    async ask(method, path, asked, isGood) {
      const answer = await client.request(method, path, asked)
      tally.slowestMilliseconds = Math.max(tally.slowestMilliseconds, answer.milliseconds)
      const verdict = judge(answer, isGood, mayBreak)
      if (verdict === 'good') noteGood()
      if (verdict === 'refused') tally.refused++
      if (verdict === 'unanswered') tally.unanswered++
      if (verdict === 'wrong') blame(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`)
      return { answer, verdict }
    },
    acknowledge: () => void tally.acknowledged++,
    lose(what) {
      tally.lost++
      note(`lost: ${what}`)
    },
    blame,
    beginOutageCount() {
      lastGoodAt = performance.now()
    },
  }
}

function judge(answer: Answer, isGood: (answer: Answer) => boolean, mayBreak: boolean): Verdict {
  if (answer.status === 0) return mayBreak && !answer.hung ? 'unanswered' : 'wrong'
  // 429 where attempts that were counted died with the service before they were answered.
  if (answer.status === 503 || answer.status === 429) return answer.headers['retry-after'] ? 'refused' : 'wrong'
  return isGood(answer) ? 'good' : 'wrong'
}
