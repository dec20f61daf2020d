/** Real parts that count what is asked of them: LevelDB by its handle, cryptography by its port, frames by the log. */
import { join } from 'node:path'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Crypto, Signer } from '../../src/base/index.js'
import { utf8 } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { classicLevel, createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk } from '../../src/disk/index.js'
import type { BytesLevel } from '../../src/disk/level-reads.js'
import { OP_KIND } from '../../src/log/index.js'
import type { LocalOp } from '../../src/store/index.js'

/** Counts by name. */
export class Counts<Name extends string> {
  readonly #counts: Record<Name, number>

  constructor(names: readonly Name[]) {
    this.#counts = Object.fromEntries(names.map(name => [name, 0])) as Record<Name, number>
  }

  add(name: Name, count = 1): void {
    this.#counts[name] += count
  }

  of(name: Name): number {
    return this.#counts[name]
  }

  /** What `run` adds to each. */
  async during(run: () => Promise<unknown>): Promise<Record<Name, number>> {
    const before = { ...this.#counts }
    await run()
    const added = { ...this.#counts }
    for (const name of Object.keys(added) as Name[]) added[name] -= before[name]
    return added
  }
}

/**
 * `write`: batches of LevelDB with ops in them, `upkeep`: those of a single entry, as an account of a peer that is kept once
 * a second. `synced`: how many of both are. `record`: entries in them. `read`: keys, `walk`: pages of iterators.
 */
const DISK_CALLS = ['write', 'upkeep', 'synced', 'record', 'read', 'walk'] as const
export type DiskCall = (typeof DISK_CALLS)[number]

/** `hash`: calls of SHA-256, `hashed`: the bytes that it took in. */
const CRYPTO_CALLS = ['hash', 'hashed', 'verify', 'sign'] as const
export type CryptoCall = (typeof CRYPTO_CALLS)[number]

/** Frames that were sent; `batches` that came by streams, and `gossiped` ones. */
const FRAME_NAMES = [
  'HELLO',
  'HEADS',
  'WANT',
  'RUN',
  'ACK',
  'PING',
  'CREDIT',
  'ERR',
  'batches',
  'gossiped'
] as const
export type FrameName = (typeof FRAME_NAMES)[number]

type Call = (...args: unknown[]) => unknown

export class CountedDisk extends Counts<DiskCall> {
  constructor() {
    super(DISK_CALLS)
  }

  /** A LevelDB of its own in a folder that holds none yet. */
  async open(folder: string): Promise<Disk> {
    const location = join(folder, 'db')
    await createDatabase(location)
    const limits = { freeBytes: 1 }
    const level = (at: string) => this.#counted(at)
    return openLevelDisk({ location, durability: 'fsync', limits, clock: systemClock, level })
  }

  #counted(location: string): BytesLevel {
    const level = classicLevel(location) as BytesLevel & Record<string, Call>
    const watch = (name: string, before: (...args: unknown[]) => void): void => {
      const call = (level[name] as Call).bind(level)
      Object.assign(level, {
        [name]: (...args: unknown[]) => {
          before(...args)
          return call(...args)
        }
      })
    }
    watch('get', () => this.add('read'))
    watch('getSync', () => this.add('read'))
    watch('getMany', keys => this.add('read', (keys as unknown[]).length))
    const [batch, iterator] = [(level['batch'] as Call).bind(level), (level['iterator'] as Call).bind(level)]
    return Object.assign(level, {
      batch: () => {
        const made = batch() as { length: number; write(options: { sync?: boolean }): Promise<void> }
        const write = made.write.bind(made)
        made.write = options => {
          this.add(made.length > 1 ? 'write' : 'upkeep')
          this.add('record', made.length)
          if (options.sync === true) this.add('synced')
          return write(options)
        }
        return made
      },
      iterator: (...args: unknown[]) => {
        const made = iterator(...args) as { nextv: Call }
        const nextv = made.nextv.bind(made)
        made.nextv = (...count: unknown[]) => {
          this.add('walk')
          return nextv(...count)
        }
        return made
      }
    }) as BytesLevel
  }
}

export class CountedCrypto extends Counts<CryptoCall> {
  constructor() {
    super(CRYPTO_CALLS)
  }

  readonly crypto: Crypto = {
    crc32: nodeCrypto.crc32,
    sha256: (data, into) => {
      this.add('hash')
      this.add('hashed', data.length)
      return nodeCrypto.sha256(data, into)
    },
    verify: (...given) => {
      this.add('verify')
      return nodeCrypto.verify(...given)
    }
  }

  signer(seed: number): Signer {
    const signer = nodeSigner(new Uint8Array(32).fill(seed))
    return {
      publicKey: signer.publicKey,
      sign: message => {
        this.add('sign')
        return signer.sign(message)
      }
    }
  }
}

/** Frames that one node sent and batches that it got, by what its engine says of them. */
export class CountedFrames extends Counts<FrameName> {
  constructor() {
    super(FRAME_NAMES)
  }

  readonly log = (scope: string, line: string): void => {
    const sent = scope === 'sync' ? / → ([A-Z]+)/.exec(line) : null
    if (sent !== null) this.add(sent[1] as FrameName)
    const run = scope === 'sync' ? /← RUN (\d+) batches/.exec(line) : null
    if (run !== null) this.add('batches', Number(run[1]))
    if (scope === 'gossip' && line.includes('← batch')) this.add('gossiped')
  }
}

/** The part of new keys that is taken for known ones at most, and looked for on disk. */
export const LOOKED_FOR = 0.01

/** Bytes of a key and a value of the tripwires. */
export const KEY_BYTES = 16
export const VALUE_BYTES = 100

/** The n-th put: keys of one length, spread as real ones lie. */
export function putOf(n: number, prefix = 'k'): LocalOp {
  const key = prefix + String((n * 736_338_717) % 1_000_000_000).padStart(KEY_BYTES - prefix.length, '0')
  return { kind: OP_KIND.put, key: utf8(key), value: utf8(String(n).padStart(VALUE_BYTES, 'v')) }
}

export function putsOf(from: number, count: number, prefix?: string): LocalOp[] {
  return Array.from({ length: count }, (_, i) => putOf(from + i, prefix))
}
