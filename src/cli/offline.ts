/**
 * A data directory whose node does not run, opened without a network: for `verify`, `doctor`, `export` and `id` with `--data`.
 * Never makes a directory: a mistyped path is told, not turned into an empty database.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CellInfo, DoctorReport, Limits } from '../base/index.js'
import { isNatterError, NatterError, withLimits } from '../base/index.js'
import { peerIdOf } from '../log/index.js'
import { hasOutbox, outboxFolder } from '../node/delivery/folder.js'
import { CHECKS, Doctor } from '../node/doctor/index.js'
import type { Ground } from '../node/ground.js'
import { openGround } from '../node/ground.js'
import { cellInfo } from '../node/values.js'
import type { Store } from '../store/index.js'
import { openOutbox } from './offline-delivery.js'

/** Keys read at a time. */
const PAGE = 1000

export interface Offline extends AsyncDisposable {
  readonly store: Store
  identity(): { ok: true; peerId: string; network: string; location: string }
  doctor(): Promise<DoctorReport>
  /** Present keys with a prefix, in byte order, a page at a time, as of one moment. */
  cells(prefix: string): AsyncIterable<CellInfo[]>
}

/** @throws NatterError `DIRECTORY_UNUSABLE`, `DIRECTORY_IN_USE`, `STORE_DAMAGED`, … */
export async function openOffline(dataDir: string): Promise<Offline> {
  requireDirectory(dataDir)
  const limits = withLimits()
  const ground = await openGround({ dataDir }, limits)
  const { store } = ground
  return {
    store,
    doctor: () => examine(ground, limits, dataDir),
    identity: () => ({
      ok: true,
      peerId: peerIdOf(store.author),
      network: ground.network,
      location: dataDir
    }),
    async *cells(prefix) {
      const from = new TextEncoder().encode(prefix)
      const walk = store.iterate({ gte: from })
      try {
        for (;;) {
          const page = await walk.next(PAGE)
          const within = page.filter(({ key }) => from.every((byte, i) => key[i] === byte))
          if (within.length > 0) yield within.map(({ key, cell }) => cellInfo(key, cell))
          if (within.length < PAGE) return
        }
      } finally {
        await walk.close()
      }
    },
    [Symbol.asyncDispose]: () => ground.close()
  }
}

/** The checks on an open directory, and on the delivery outbox in it, which may be damaged by itself. */
async function examine(ground: Ground, limits: Limits, dataDir: string): Promise<DoctorReport> {
  const opening = hasOutbox(dataDir) ? openOutbox(outboxFolder(dataDir)) : undefined
  const delivery = opening?.then(({ desk }) => desk)
  delivery?.catch(() => undefined) // told by the check that looks at it
  const doctor = new Doctor({ ...ground, limits, delivery })
  try {
    return await doctor.examine()
  } finally {
    doctor.close()
    await (await opening?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }
}

/** Throws `DIRECTORY_UNUSABLE` where no node has its data. */
export function requireDirectory(dataDir: string): void {
  // One of the two may be lost: that is damage, and told as such by whoever opens the directory.
  if (['identity.key', 'natter.json'].some(name => existsSync(join(dataDir, name)))) return
  throw new NatterError('DIRECTORY_UNUSABLE', `no node has its data in ${dataDir}`, {
    remedy: `Name the directory of a node, or make one: natter up --data ${dataDir}`
  })
}

/** The checks that need no network. A directory that is too damaged to be opened is a report that says so. */
export async function examineDirectory(dataDir: string): Promise<DoctorReport> {
  const startedAtMs = Date.now()
  try {
    await using offline = await openOffline(dataDir)
    return await offline.doctor()
  } catch (error) {
    if (!isNatterError(error, 'STORE_DAMAGED')) throw error
    const found = { name: 'integrity', status: 'fail', evidence: error.message } as const
    const others = CHECKS.filter(({ name }) => name !== found.name)
    return {
      status: 'fail',
      at: new Date(startedAtMs).toISOString(),
      peerId: null,
      network: null,
      running: false,
      checks: [error.remedy === undefined ? found : { ...found, remedy: error.remedy }],
      leftOut: others.map(({ name }) => ({ name, reason: 'the directory cannot be opened' })),
      durationMs: Date.now() - startedAtMs
    }
  }
}
