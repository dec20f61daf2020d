/** What a tick reads while many operations wait and few are due: behind the first of their target, for a retry, blocked. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withLimits } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { Outbox, RecordingTransport, SyncWorker } from '../../src/delivery/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk } from '../../src/disk/index.js'

const DUE = 100
/** Callers that enqueue at a time. */
const AT_ONCE = 2_000
const BEGIN_MS = 1_000_000

/** Keys that were read, by calls and by entries of walks. */
export interface Reads {
  readonly gets: number
  readonly walked: number
}

export interface TickCost {
  /** Of a tick that sends a hundred operations. */
  readonly busy: Reads & { readonly sent: number }
  /** Of one that finds nothing due. */
  readonly idle: Reads & { readonly sent: number }
}

/** The disk, with its reads counted. */
function counting(disk: Disk): { disk: Disk; take: () => Reads } {
  let counts = { gets: 0, walked: 0 }
  const counted: Disk = Object.create(disk, {
    get: {
      value: (...args: Parameters<Disk['get']>) => {
        counts.gets++
        return disk.get(...args)
      }
    },
    getMany: {
      value: (...args: Parameters<Disk['getMany']>) => {
        counts.gets += args[0].length
        return disk.getMany(...args)
      }
    },
    iterate: {
      value: (...args: Parameters<Disk['iterate']>) => {
        const walk = disk.iterate(...args)
        const next = walk.next.bind(walk)
        walk.next = async count => {
          const entries = await next(count)
          counts.walked += entries.length
          return entries
        }
        return walk
      }
    },
    state: { get: () => disk.state },
    reason: { get: () => disk.reason },
    write: { value: () => disk.write() },
    commit: { value: (...args: Parameters<Disk['commit']>) => disk.commit(...args) },
    onReopen: { value: (...args: Parameters<Disk['onReopen']>) => disk.onReopen(...args) },
    onState: { value: (...args: Parameters<Disk['onState']>) => disk.onState(...args) }
  })
  return {
    disk: counted,
    take: () => {
      const taken = counts
      counts = { gets: 0, walked: 0 }
      return taken
    }
  }
}

/** Lets `waiting` operations wait in several ways and a hundred be due; answers what ticks read. */
export async function costOfTicks(waiting: number): Promise<TickCost> {
  const folder = await mkdtemp(join(tmpdir(), 'natter-scale-'))
  const location = join(folder, 'db')
  await createDatabase(location)
  const real = await openLevelDisk({ location, durability: 'os', limits: withLimits(), clock: systemClock })
  const { disk, take } = counting(real)
  const retry = { baseDelayMs: 100_000, maxDelayMs: 100_000, jitterRatio: 0 }
  const outbox = await Outbox.over({ disk, owner: 'one', retry })
  try {
    await fill(outbox, waiting)
    const transport = new RecordingTransport()
    const worker = new SyncWorker({ outbox, transport, batchLimit: 1_000, inflightTimeoutMs: 1_000_000 })
    await worker.tick(BEGIN_MS + 1) // the marks at the fronts of the indexes are in memory from the first tick on
    const many = Array.from({ length: DUE }, (_, n) =>
      outbox.enqueue({ kind: 'k', target: `due/${n}` }, BEGIN_MS + 2)
    )
    await Promise.all(many)
    take()
    const sent = await worker.tick(BEGIN_MS + 3)
    const busy = { ...take(), sent }
    const idleSent = await worker.tick(BEGIN_MS + 4)
    return { busy, idle: { ...take(), sent: idleSent } }
  } finally {
    await outbox.close()
    await real.close()
    await rm(folder, { recursive: true })
  }
}

/** Half stand behind one operation in flight, a quarter behind one that failed; the others wait for a retry of their own. */
async function fill(outbox: Outbox, waiting: number): Promise<void> {
  const heads = ['held', 'failed']
  for (const id of heads) await outbox.enqueue({ kind: 'k', target: id, id }, BEGIN_MS)
  await outbox.claim('held', BEGIN_MS)
  await outbox.claim('failed', BEGIN_MS)
  await outbox.fail('failed', 'away', { nowMs: BEGIN_MS })
  for (let n = 0; n < waiting; n += AT_ONCE) {
    const count = Math.min(AT_ONCE, waiting - n)
    await Promise.all(Array.from({ length: count }, (_, i) => wait(outbox, n + i)))
  }
}

async function wait(outbox: Outbox, n: number): Promise<void> {
  if (n % 4 < 3) {
    await outbox.enqueue({ kind: 'k', target: n % 4 === 2 ? 'failed' : 'held' }, BEGIN_MS)
    return
  }
  const id = `retried-${n}`
  await outbox.enqueue({ kind: 'k', target: `own/${n}`, id }, BEGIN_MS)
  await outbox.claim(id, BEGIN_MS)
  await outbox.fail(id, 'away', { nowMs: BEGIN_MS })
}
