import { type Machine, machineLine } from './machine.ts'
import type { CheckResult, LatencyResult, MemoryResult, RateResult, StartResult } from './measure.ts'
import { CEILING, SATURATED } from './measure.ts'
import { BARE, PEER } from './subjects.ts'

export interface Report {
  readonly at: string
  readonly machine: Machine
  readonly quick: boolean
  readonly seconds: number
  readonly checks: readonly CheckResult[]
  readonly logins: readonly RateResult[]
  readonly latency: readonly LatencyResult[]
  readonly starts: readonly StartResult[]
  readonly memory: readonly MemoryResult[]
  readonly targets: readonly Target[]
}

/** What the service is built to reach; the README says what it does. */
export interface Target {
  readonly what: string
  readonly server: string
  readonly value: number
  readonly bound: number
  readonly direction: 'at most' | 'at least'
  readonly unit: string
  readonly met: boolean
}

export type Measured = Pick<Report, 'checks' | 'logins' | 'latency' | 'starts' | 'memory'>

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2
}

/** The median of the rounds' own ratios: what disturbs one round disturbs both of its sides. */
export function ratio(above: readonly number[], below: readonly number[]): number {
  return median(above.map((value, round) => value / (below[round] ?? Number.NaN)))
}

function overBare(checks: readonly CheckResult[], one: CheckResult): number {
  const bare = checks.find(({ name, path }) => name === BARE && path === one.path)
  return ratio(one.cpuMicroseconds, bare?.cpuMicroseconds ?? [])
}

function peerOver(checks: readonly CheckResult[], one: CheckResult): number {
  const peer = checks.find(({ name }) => name === PEER)
  return ratio(peer?.cpuMicroseconds ?? [], one.cpuMicroseconds)
}

function ofCeiling(logins: readonly RateResult[], one: RateResult): number {
  const ceiling = logins.find(({ name }) => name === CEILING)
  return 100 * ratio(one.perSecond, ceiling?.perSecond ?? [])
}

const isOurs = ({ name }: { readonly name: string }) => name.startsWith('Bienvenue')

/** Each target for each form of ours that was measured. */
export function judge({ checks, logins, latency, starts, memory }: Measured): Target[] {
  const targets: Target[] = []
  const add = (what: string, server: string, value: number, direction: Target['direction'], bound: number, unit: string) =>
    targets.push({ what, server, value, bound, direction, unit, met: direction === 'at most' ? value <= bound : value >= bound })
  for (const one of checks.filter(isOurs)) {
    for (const bound of [2.5, 1.5]) add(`CPU of GET ${one.path}`, one.name, overBare(checks, one), 'at most', bound, 'x bare')
    for (const bound of [12, 20])
      add(`CPU of GET ${one.path}`, one.name, peerOver(checks, one), 'at least', bound, 'x less than Better Auth')
  }
  for (const one of logins.filter(isOurs)) add('logins', one.name, ofCeiling(logins, one), 'at least', 90, '% of the ceiling')
  for (const one of latency.filter(({ name }) => name === SATURATED))
    add('p99 of a session check among logins', 'Bienvenue', median(one.rounds.map(({ p99 }) => p99)), 'at most', 25, 'ms')
  for (const one of starts.filter(isOurs)) add('start to first answer', one.name, median(one.milliseconds), 'at most', 350, 'ms')
  for (const one of memory.filter(isOurs)) {
    add('memory at rest', one.name, one.atRest, 'at most', 90, 'MB')
    add('memory under session checks', one.name, one.underLoad, 'at most', 160, 'MB')
  }
  return targets
}

export function render(report: Report): string {
  const { machine, checks, logins, latency, starts, memory, targets } = report
  const number = (value: number) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
  const spread = (values: readonly number[]) => `${number(Math.min(...values))}..${number(Math.max(...values))}`
  const sections = [
    machineLine(machine),
    section('Session check (medians; spread of the rounds)', [
      ['server', 'route', 'CPU µs', 'spread', 'requests/s', 'x bare', 'Better Auth / it'],
      ...checks.map((one) => [
        one.name,
        one.path,
        number(median(one.cpuMicroseconds)),
        spread(one.cpuMicroseconds),
        number(median(one.perSecond)),
        one.name === PEER ? '' : number(overBare(checks, one)),
        one.name === PEER ? '' : number(peerOver(checks, one)),
      ]),
    ]),
    section('Logins', [
      ['server', 'a second', 'spread', '% of the ceiling'],
      ...logins.map((one) => [one.name, number(median(one.perSecond)), spread(one.perSecond), number(ofCeiling(logins, one))]),
    ]),
    section('Latency of GET /profile, Bienvenue from source', [
      ['while', 'p50 ms', 'p99 ms', 'spread of p99', 'worst ms'],
      ...latency.map(({ name, rounds }) => [
        name,
        number(median(rounds.map(({ p50 }) => p50))),
        number(median(rounds.map(({ p99 }) => p99))),
        spread(rounds.map(({ p99 }) => p99)),
        number(Math.max(...rounds.map(({ max }) => max))),
      ]),
    ]),
    section('Start to first answer, existing database', [
      ['server', 'median ms', 'spread'],
      ...starts.map((one) => [one.name, number(median(one.milliseconds)), spread(one.milliseconds)]),
    ]),
    section('Resident memory, MB', [
      ['server', 'at rest', 'under session checks', 'highest ever (VmHWM)'],
      ...memory.map((one) => [one.name, number(one.atRest), number(one.underLoad), number(one.peak)]),
    ]),
    section('Targets', [
      ['what', 'server', 'measured', 'target', ''],
      ...targets.map((target) => [
        target.what,
        target.server,
        number(target.value),
        `${target.direction} ${target.bound} ${target.unit}`,
        target.met ? 'met' : `MISSED by ${number((100 * Math.abs(target.value - target.bound)) / target.bound)} %`,
      ]),
    ]),
  ]
  return `${sections.join('\n\n')}\n`
}

/** A table in aligned columns; a column of numbers is aligned right. */
export function section(title: string, rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const isNumeric = head.map((_, column) => body.length > 0 && body.every((row) => /^[\d.]*(%|x)?$/.test(row[column] ?? '')))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [title, '', line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(line)].join('\n')
}
