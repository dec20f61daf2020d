/** Stores for tests: real disks, a clock that is set by hand, seeds in place of randomness. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Clock, KeyFilterBounds, Limits, Random, VerifyReport } from '../../src/base/index.js'
import { utf8, withLimits } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk, DiskWrite } from '../../src/disk/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { OP_KIND } from '../../src/log/index.js'
import type { Strategy } from '../../src/merge/index.js'
import type { LocalOp, Store, StoreInit } from '../../src/store/index.js'
import { openStore, repairClosedStore } from '../../src/store/index.js'
import { spaceRange } from '../../src/store/keys.js'

export const START_MS = 1_760_000_000_000

/** A clock that stands still until it is moved. */
export class HandClock implements Clock {
  ms = START_MS

  now(): number {
    return this.ms
  }

  schedule(): { cancel(): void } {
    return { cancel: () => undefined }
  }
}

/** Random bytes from a seed (mulberry32), so that a run can be repeated. */
export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }

  shuffle<T>(items: readonly T[]): T[] {
    const list = [...items]
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const item = list[i]!
      list[i] = list[j]!
      list[j] = item
    }
    return list
  }
}

export function seedOf(name: number): Uint8Array {
  const seed = new Uint8Array(32).fill(name)
  seed[1] = name >> 8
  return seed
}

export interface StoreOptions {
  disk?: Disk
  clock?: Clock
  random?: Random
  network?: string
  limits?: Partial<Limits>
  strategy?: Strategy
  storeId?: string
  keyFilter?: KeyFilterBounds
}

/** A store of the author with the number `name`, in memory unless a disk is given. */
export async function storeOf(name: number, options: StoreOptions = {}): Promise<Store> {
  return openStore(await initOf(name, options))
}

/** Repairs a store that is not open, as `natter verify --repair --data` does. */
export async function repairOf(name: number, options: StoreOptions): Promise<VerifyReport> {
  return repairClosedStore(await initOf(name, options))
}

async function initOf(name: number, options: StoreOptions): Promise<StoreInit> {
  return {
    disk: options.disk ?? (await openMemoryDisk()),
    network: options.network ?? 'test',
    signer: nodeSigner(seedOf(name)),
    crypto: nodeCrypto,
    clock: options.clock ?? new HandClock(),
    random: options.random ?? new SeededRandom(1000 + name),
    limits: withLimits(options.limits),
    strategy: () => options.strategy ?? 'latest',
    storeId: options.storeId,
    ...(options.keyFilter !== undefined && { keyFilter: options.keyFilter })
  }
}

export async function closeStore(store: Store): Promise<void> {
  await store.close()
  await store.disk.close()
}

/** A fresh folder, and the removal of it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'natter-store-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** A disk on LevelDB in a folder, made when it is not there. */
export async function levelDisk(path: string): Promise<Disk> {
  const location = join(path, 'db')
  if (!existsSync(location)) await createDatabase(location)
  return openLevelDisk({ location, durability: 'fsync', limits: { freeBytes: 1 }, clock: systemClock })
}

export function key(text: string): Uint8Array {
  return utf8(text)
}

export function put(name: string, value: unknown): LocalOp {
  return { kind: OP_KIND.put, key: utf8(name), value: utf8(JSON.stringify(value)) }
}

export function del(name: string): LocalOp {
  return { kind: OP_KIND.del, key: utf8(name) }
}

/** What a read of the key shows, parsed; undefined when it is absent. */
export async function read(store: Store, name: string): Promise<unknown> {
  const value = (await store.get(utf8(name)))?.winner?.value
  return value === undefined ? undefined : JSON.parse(new TextDecoder().decode(value))
}

export type Entry = [key: Uint8Array, value: Uint8Array]

/** What stands on the disk, of one space or of all. */
export async function entriesOf(disk: Disk, space?: number): Promise<Entry[]> {
  const iterator = disk.iterate(space === undefined ? {} : spaceRange(space))
  const entries: Entry[] = []
  for (let page = await iterator.next(100); page.length > 0; page = await iterator.next(100))
    entries.push(...page.map(([at, value]): Entry => [at.slice(), value.slice()]))
  await iterator.close()
  return entries
}

/** Changes what stands on the disk, behind the back of the store. */
export async function commit(disk: Disk, change: (write: DiskWrite) => void): Promise<void> {
  const write = disk.write()
  change(write)
  await disk.commit(write)
}

export function flipped(value: Uint8Array, bit: number): Uint8Array {
  const changed = value.slice()
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return changed
}
