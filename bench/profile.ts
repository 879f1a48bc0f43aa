// `npm run bench:profile`: the service from source under session checks with V8's CPU profiler; prints where the time of its main thread goes.
//   --path /sessions/current  another route than /profile      --seconds 5      --keep FILE  keep the profile, for Chrome's developer tools
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { ensureInstalled } from './install.ts'
import { load } from './load.ts'
import { runSubject } from './measure.ts'
import { section } from './report.ts'
import { SOURCE, subjectsIn } from './subjects.ts'

const SHOWN = 25
const SAMPLING_MICROSECONDS = 200

/** The file that V8 writes: a tree of functions, and for each sample the one that ran and the time since the last. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Microseconds by function and place. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url
        .replace(/^file:\/\//, '')
        .replace(/^.*\/node_modules\//, '')
        .replace(/^.*\/(src|dist)\//, '$1/')
      return [id, `${functionName || '(anonymous)'}\t${place === '' ? '' : `${place}:${lineNumber + 1}`}`]
    }),
  )
  const times = new Map<string, number>()
  for (const [at, id] of samples.entries()) {
    const name = names.get(id) ?? '?'
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[at] ?? 0))
  }
  return times
}

const { values: options } = parseArgs({
  options: { path: { type: 'string', default: '/profile' }, seconds: { type: 'string', default: '5' }, keep: { type: 'string' } },
})
ensureInstalled()
const folder = mkdtempSync(`${tmpdir()}/bienvenue-profile-`)
try {
  const subject = subjectsIn(folder).find(({ name }) => name === SOURCE)
  if (!subject) throw new Error('nothing to profile')
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${folder}/profiles`, `--cpu-prof-interval=${SAMPLING_MICROSECONDS}`]
  const { server, cookie } = await runSubject({ ...subject, program: { ...subject.program, nodeOptions } })
  const { requests, perSecond } = await load(
    { url: `${server.origin}${options.path}`, headers: { cookie } },
    { connections: 16, seconds: Number(options.seconds) },
  )
  await server.stop()

  // The writing thread leaves a profile of its own; the main thread's is the larger one by far.
  const [largest = ''] = readdirSync(`${folder}/profiles`)
    .map((name) => `${folder}/profiles/${name}`)
    .sort((a, b) => readFileSync(b).length - readFileSync(a).length)
  if (options.keep !== undefined) copyFileSync(largest, options.keep)
  const times = selfTimes(JSON.parse(readFileSync(largest, 'utf8')))
  const busy = [...times].filter(([name]) => !name.startsWith('(idle)'))
  const total = busy.reduce((sum, [, time]) => sum + time, 0)
  const rows = busy
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, time]) => {
      const [functionName = '', place = ''] = name.split('\t')
      return [((100 * time) / total).toFixed(1), (time / requests).toFixed(2), functionName, place]
    })
  console.log(
    section(`GET ${options.path}: ${requests} requests, ${perSecond.toFixed(0)}/s while profiled; start and logins are in it`, [
      ['% of busy', 'µs/request', 'function', 'where'],
      ...rows,
    ]),
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
