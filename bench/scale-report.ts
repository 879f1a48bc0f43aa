import type { Engine } from '../src/db/database.ts'
import { type Machine, machineLine } from './machine.ts'
import { median, ratio, section } from './report.ts'
import { growthPerTen, type Point, short, sizeText } from './scale-numbers.ts'
import { CHECK, SERVICE_CHECK } from './scale-operations.ts'

export interface Filled {
  readonly engine: Engine
  readonly users: number
  readonly seconds: number
  /** On the disk, indexes included. */
  readonly bytes: number
}

export interface ScaleResult {
  readonly engine: Engine
  readonly users: number
  readonly operation: string
  readonly unit: string
  /** One value a round. */
  readonly rounds: number[]
}

export interface ScaleReport {
  readonly at: string
  readonly machine: Machine
  readonly quick: boolean
  readonly filled: readonly Filled[]
  readonly results: readonly ScaleResult[]
}

/** One operation on one engine, by size. */
export interface Line {
  readonly engine: Engine
  readonly operation: string
  readonly unit: string
  readonly points: readonly Point[]
  /** The largest size over the smallest: the median of the rounds' own ratios, since a round's sizes were measured side by side. */
  readonly overall: number
}

export const ENGINE_NAMES: Record<Engine, string> = { sqlite: 'SQLite', postgres: 'PostgreSQL' }

export function linesOf(results: readonly ScaleResult[]): Line[] {
  const lines = new Map<string, ScaleResult[]>()
  for (const one of results) {
    const key = `${one.engine} ${one.operation}`
    lines.set(key, [...(lines.get(key) ?? []), one])
  }
  return [...lines.values()].map((ofLine) => {
    const { engine, operation, unit } = ofLine[0] as ScaleResult
    const points = ofLine.map(({ users, rounds }) => ({ users, value: median(rounds) }))
    return { engine, operation, unit, points, overall: ratio(ofLine.at(-1)?.rounds ?? [], ofLine[0]?.rounds ?? []) }
  })
}

/** A session check among ten million users costs at most this many times one among a thousand. */
const TARGET = 1.5

export function renderScale({ machine, filled, results }: ScaleReport): string {
  const sizes = [...new Set(filled.map(({ users }) => users))]
  const lines = linesOf(results)
  const [smallest = 0, largest = 0] = [sizes[0], sizes.at(-1)]
  const span = `${sizeText(largest)} : ${sizeText(smallest)}`
  const sections = [
    machineLine(machine),
    section('On the disk', [
      ['engine', 'users', 'MB', 'bytes per user', 'seconds to fill'],
      ...filled.map(({ engine, users, bytes, seconds }) => [
        ENGINE_NAMES[engine],
        sizeText(users),
        (bytes / 1e6).toFixed(1),
        (bytes / users).toFixed(0),
        seconds.toFixed(1),
      ]),
    ]),
    section('What grows (medians of the rounds)', [
      ['engine', 'operation', 'unit', ...sizes.map(sizeText), 'x per ten times the users', span],
      ...lines.map((line) => [
        ENGINE_NAMES[line.engine],
        line.operation,
        line.unit,
        ...line.points.map(({ value }) => short(value)),
        growthPerTen([
          { users: smallest, value: 1 },
          { users: largest, value: line.overall },
        ]).toFixed(2),
        line.overall.toFixed(2),
      ]),
    ]),
    section(`Target: session check, ${span}`, [
      ['engine', 'measured as', 'ratio', 'target', ''],
      ...lines
        .filter(({ operation }) => operation === SERVICE_CHECK || operation === CHECK)
        .map((line) => [
          ENGINE_NAMES[line.engine],
          line.operation,
          line.overall.toFixed(2),
          `at most ${TARGET}`,
          line.overall <= TARGET ? 'met' : 'MISSED',
        ]),
    ]),
  ]
  return `${sections.join('\n\n')}\n`
}
