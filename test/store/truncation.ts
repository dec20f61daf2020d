/** The write-ahead log of a store cut off at one length after the other. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isNatterError } from '../../src/base/index.js'
import type { Disk } from '../../src/disk/index.js'
import { closeStore, levelDisk, put, read, storeOf } from './harness.js'
import { newestLog, sizeOf } from './power-cut.js'
import { openAt } from './power-cut-cases.js'

/** A commit that was acknowledged: how long the log was then, and everything that the database held. */
interface Acked {
  readonly bytes: number
  readonly content: string
}

/** A store whose log is a little more than `bytes` long, as a crash leaves it. */
export class TruncatedLog {
  readonly #copy: string
  readonly #log: string
  readonly #files: ReadonlyMap<string, Uint8Array>
  readonly #acked: readonly Acked[]

  private constructor(copy: string, log: string, files: ReadonlyMap<string, Uint8Array>, acked: Acked[]) {
    this.#copy = copy
    this.#log = log
    this.#files = files
    this.#acked = acked
  }

  static async make(folder: string, bytes: number): Promise<TruncatedLog> {
    const live = join(folder, 'live')
    mkdirSync(live)
    const disk = await levelDisk(live)
    const log = newestLog(join(live, 'db'))
    const acked = [{ bytes: 0, content: await contentOf(disk) }]
    const store = await storeOf(1, { disk })
    for (let n = 0; n === 0 || sizeOf(log) < bytes; n++) {
      if (n > 0) await store.write({ ops: [put(`key ${n}`, n), put('newest', n)], id: `id ${n}` })
      acked.push({ bytes: sizeOf(log), content: await contentOf(disk) })
    }
    const files = new Map<string, Uint8Array>()
    for (const name of readdirSync(join(live, 'db')))
      if (!/^LO/.test(name)) files.set(name, readFileSync(join(live, 'db', name)))
    await closeStore(store)
    return new TruncatedLog(join(folder, 'copy'), basename(log), files, acked)
  }

  get bytes(): number {
    return this.#files.get(this.#log)!.length
  }

  /** The database on the log cut to `length` bytes holds exactly what was acknowledged at that length. */
  async holdsAt(length: number): Promise<void> {
    this.#cut(length)
    const disk = await levelDisk(this.#copy)
    try {
      assert.equal(await contentOf(disk), this.#acked[this.#count(length)]!.content, `${length} bytes`)
    } finally {
      await disk.close()
    }
  }

  /** The store on it opens, shows its newest write, takes another, and verifies. */
  async worksAt(length: number): Promise<void> {
    this.#cut(length)
    const store = await storeOf(1, { disk: await levelDisk(this.#copy) })
    try {
      const what = `${length} bytes`
      const writes = Math.max(0, this.#count(length) - 1) // before the first write comes the store's own record
      assert.equal(await read(store, 'newest'), writes === 0 ? undefined : writes, what)
      await store.write({ ops: [put('newest', 'after')] })
      assert.deepEqual((await store.verify()).damage, [], what)
    } finally {
      await closeStore(store)
    }
  }

  /** Commits that the log holds whole when it is cut to `length` bytes. */
  #count(length: number): number {
    return this.#acked.filter(({ bytes }) => bytes <= length).length - 1
  }

  #cut(length: number): void {
    rmSync(this.#copy, { recursive: true, force: true })
    mkdirSync(join(this.#copy, 'db'), { recursive: true })
    for (const [name, bytes] of this.#files)
      writeFileSync(join(this.#copy, 'db', name), name === this.#log ? bytes.subarray(0, length) : bytes)
  }
}

/** A fingerprint of every entry. */
async function contentOf(disk: Disk): Promise<string> {
  const hash = createHash('sha256')
  const iterator = disk.iterate({})
  for (let page = await iterator.next(1000); page.length > 0; page = await iterator.next(1000))
    for (const [key, value] of page) hash.update(`${key.length} ${value.length} `).update(key).update(value)
  await iterator.close()
  return hash.digest('hex')
}

/**
 * A data directory whose manifest remembers a position, with its log cut at each `step`-th byte and around that position: it is refused wherever
 * the log has lost that position. Answers how many were refused.
 */
export async function refusedBelowSentinel(folder: string, bytes: number, step: number): Promise<number> {
  const live = join(folder, 'live')
  const ground = await openAt(live)
  const log = newestLog(join(live, 'db'))
  while (sizeOf(log) < bytes) await ground.store.write({ ops: [put('key', sizeOf(log))] })
  const { mark } = ground.store
  const remembered = sizeOf(log)
  await ground.directory!.remember({ sentinel: mark })
  await ground.store.write({ ops: [put('key', 'after it')] })
  const whole = join(folder, 'whole')
  cpSync(live, whole, { recursive: true })
  rmSync(join(whole, 'lock'))
  const full = sizeOf(log)
  await ground.close()
  let refused = 0
  const lengths = [remembered - 1, remembered, full - 1, full]
  for (let length = 0; length < remembered; length += step) lengths.push(length)
  for (const length of lengths) {
    const copy = join(folder, 'copy')
    cpSync(whole, copy, { recursive: true })
    writeFileSync(
      join(copy, 'db', basename(log)),
      readFileSync(join(whole, 'db', basename(log))).subarray(0, length)
    )
    const outcome = await openAt(copy).then(
      async opened => {
        const { position } = opened.store.mark
        await opened.close()
        return position
      },
      (error: unknown) => {
        assert.ok(isNatterError(error, 'STORE_DAMAGED'), String(error))
        refused++
        return 'refused'
      }
    )
    const expected = length < remembered ? 'refused' : length < full ? mark.position : mark.position + 1
    assert.equal(outcome, expected, `${length} of ${full} bytes, ${remembered} remembered`)
    rmSync(copy, { recursive: true })
  }
  return refused
}
