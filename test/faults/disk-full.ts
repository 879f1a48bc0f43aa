import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { startService } from '../service-process.ts'
import { checkLive, logIn, register } from './actions.ts'
import { makeLedger } from './ledger.ts'
import { seed, startLoad, waitUntil } from './load.ts'
import { reportOf, type Scenario } from './scenario.ts'
import { SERVICE_WITH_CLOCK } from './service-under-test.ts'
import { openStage } from './stage.ts'
import { verify } from './verify.ts'

/** Room for the database and its log, and little enough to be filled in an instant. */
const DISK_MEGABYTES = 16
const CLIENTS = 4
const FULL_MILLISECONDS = 700
const CALM_MILLISECONDS = 300
const LEAST_REFUSED = 10

export const diskFull: Scenario = {
  number: 3,
  title: 'disk full',
  engines: ['sqlite'],
  async run({ engine, short, progress }) {
    const rounds = short ? 2 : 20
    using disk = mountSmallDisk()
    await using stage = await openStage(engine, null, disk?.folder)
    // Where nothing can be mounted, SQLite is told that its file may grow no more.
    await using service = await startService(stage.folder, stage.env, disk ? undefined : SERVICE_WITH_CLOCK)
    const ledger = makeLedger(service.url)
    await seed(ledger, CLIENTS)
    const { user: watcher } = await register(ledger)
    await logIn(ledger, watcher)
    let checksOnFullDisk = 0
    let slowestRecovery = 0
    try {
      for (let round = 1; round <= rounds; round++) {
        // The log of the last round has room that was paid for; writes would go on in it for a long time.
        emptyLog(stage.env.DATABASE_URL ?? '')
        if (disk) disk.fill()
        else await service.tell({ growth: 'off' })
        const refusedBefore = ledger.tally.refused
        await using load = startLoad(ledger, { clients: CLIENTS, pauseMilliseconds: 2, without: watcher })
        const fullUntil = performance.now() + FULL_MILLISECONDS
        while (performance.now() < fullUntil) {
          if ((await checkLive(ledger, watcher)) === 'good') checksOnFullDisk++
          else ledger.blame('a session check on a full disk')
          await delay(5)
        }
        await waitUntil(() => ledger.tally.refused >= refusedBefore + LEAST_REFUSED, 'writes are refused on a full disk')
        await load.stop()
        const emptiedAt = performance.now()
        if (disk) disk.empty()
        else await service.tell({ growth: 'on' })
        await using calm = startLoad(ledger, { clients: CLIENTS, pauseMilliseconds: 2, without: watcher })
        const { acknowledged } = ledger.tally
        await waitUntil(() => ledger.tally.acknowledged > acknowledged, 'writes when there is room again')
        slowestRecovery = Math.max(slowestRecovery, performance.now() - emptiedAt)
        await delay(CALM_MILLISECONDS)
        await calm.stop()
        await verify(ledger, stage, { logins: false })
        progress(`filled ${round} times of ${rounds}`)
      }
      await verify(ledger, stage, { logins: true })
    } finally {
      ledger.client.close()
    }
    const damage = await stage.damage()
    for (const one of damage) ledger.blame(one)
    return reportOf(ledger, {
      'filled by': disk ? `${rounds} ballast files on a tmpfs of ${DISK_MEGABYTES} MB` : `${rounds} times max_page_count`,
      'writes refused': ledger.tally.refused,
      'session checks on a full disk': checksOnFullDisk,
      'writes again after': `${Math.round(slowestRecovery)} ms`,
      integrity_check: damage.length === 0 ? 'ok' : 'damaged',
    })
  },
}

function emptyLog(url: string): void {
  using file = new DatabaseSync(url.replace(/^file:/, ''), { timeout: 5_000 })
  file.exec('pragma wal_checkpoint(truncate)')
}

/** A file system of a few megabytes of memory; `null` without the right to mount one. */
function mountSmallDisk(): (Disposable & { readonly folder: string; fill(): void; empty(): void }) | null {
  const folder = mkdtempSync(join(tmpdir(), 'bienvenue-disk-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m`, 'tmpfs', folder]).status !== 0) {
    rmdirSync(folder)
    return null
  }
  const ballast = join(folder, 'ballast')
  const unmount = () => {
    if (spawnSync('umount', ['-l', folder]).status === 0) rmdirSync(folder)
  }
  process.once('exit', unmount)
  return {
    folder,
    fill: () => fillDisk(ballast),
    empty: () => rmSync(ballast),
    [Symbol.dispose]() {
      process.off('exit', unmount)
      unmount()
    },
  }
}

function fillDisk(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  } finally {
    closeSync(file)
  }
}
