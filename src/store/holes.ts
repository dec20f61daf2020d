/**
 * The holes of the log: positions whose record is damaged or missing, with the batch that stood there as far as the
 * index tells. A hole is filled by the same batch from a peer, at the same position.
 *
 * Kept on disk (`D`), so that a directory that was repaired while its node did not run knows at the next start what to
 * ask for. What a hole names is never served, and nothing is put in its place but a batch of exactly that id.
 */
import type { Hashes } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { BatchId } from '../log/index.js'
import { batchIdOf, epochOf } from '../log/index.js'
import { isDamage } from './damage.js'
import { holeKey, positionOfKey, putHex, SPACE } from './keys.js'
import type { Place } from './lineage.js'
import { readRecord, writeRecord } from './records.js'
import { each } from './state.js'

/** What is missing: the record of the log, or only the headers that prove an unsigned end of a branch. */
export type HoleKind = 'record' | 'cover'

export interface Hole extends Place {
  readonly kind: HoleKind
}

/**
 * A position without a batch. Open: nothing tells yet which one stood there. Vacant: it went with all that it wrote, so
 * that it comes as a new one if a peer has it.
 */
export type Gap = 'open' | 'vacant'

const COVER = 1
const OPEN = 2
const VACANT = 4

export function encodeHole(key: Uint8Array, hole: Hole, hashes: Hashes): Uint8Array {
  const names = new Uint8Array(40)
  putHex(names, 0, hole.epoch)
  putHex(names, 8, hole.id)
  return writeRecord(key, hashes, writer => {
    writer.u8(hole.kind === 'cover' ? COVER : 0).u32(hole.author)
    writer.bytes(names).u32(hole.branch).u48(hole.seq)
  })
}

export function decodeHole(key: Uint8Array, value: Uint8Array, hashes: Hashes): Hole {
  return readRecord(key, value, hashes, 'the note of a hole', reader => {
    const kind = (reader.u8() & COVER) === 0 ? 'record' : 'cover'
    const author = reader.u32()
    const epoch = epochOf(reader.bytes(8))
    const id = batchIdOf(reader.bytes(32))
    const branch = reader.u32()
    return { kind, author, epoch, id, branch, seq: reader.u48(), position: positionOfKey(key) }
  })
}

export function putHole<T>(
  write: { put(key: Uint8Array, value: Uint8Array): T },
  hole: Hole,
  hashes: Hashes
): T {
  const key = holeKey(hole.position)
  return write.put(key, encodeHole(key, hole, hashes))
}

export function putGap<T>(
  write: { put(key: Uint8Array, value: Uint8Array): T },
  position: number,
  gap: Gap,
  hashes: Hashes
): T {
  const key = holeKey(position)
  return write.put(
    key,
    writeRecord(key, hashes, writer => writer.u8(gap === 'open' ? OPEN : VACANT))
  )
}

/** The gap that a note tells of; undefined for the note of a batch. */
export function decodeGap(key: Uint8Array, value: Uint8Array, hashes: Hashes): Gap | undefined {
  if (value.length !== 6) return undefined
  return readRecord(key, value, hashes, 'the note of a gap', reader =>
    reader.u8() === VACANT ? 'vacant' : 'open'
  )
}

/** The holes that are known, in memory. */
export class HoleTable {
  readonly #byId = new Map<BatchId, Hole>()
  readonly #byPosition = new Map<number, Hole>()
  readonly #unanswered = new Set<BatchId>()
  /** Positions of which nothing tells which batch stood there. */
  readonly open = new Set<number>()
  readonly vacant = new Set<number>()
  readonly #listeners = new Set<() => void>()

  get size(): number {
    return this.#byPosition.size
  }

  get(id: BatchId): Hole | undefined {
    return this.#byPosition.size === 0 ? undefined : this.#byId.get(id)
  }

  at(position: number): Hole | undefined {
    return this.#byPosition.get(position)
  }

  /** By position. */
  values(): Hole[] {
    return [...this.#byPosition.values()].sort((a, b) => a.position - b.position)
  }

  add(hole: Hole): void {
    this.#byId.set(hole.id, hole)
    this.#byPosition.set(hole.position, hole)
  }

  remove({ id, position }: Hole): void {
    this.#byId.delete(id)
    this.#byPosition.delete(position)
    this.open.delete(position)
    this.#unanswered.delete(id)
  }

  /** Every peer that was there was asked for it, and had it not. */
  noteUnanswered(id: BatchId): void {
    if (this.#byId.has(id)) this.#unanswered.add(id)
  }

  isUnanswered(id: BatchId): boolean {
    return this.#unanswered.has(id)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Takes in what is on disk, in place of what is here. A damaged note is as good as none: the hole is found again. */
  async load(disk: Disk, hashes: Hashes): Promise<void> {
    this.#byId.clear()
    this.#byPosition.clear()
    this.open.clear()
    this.vacant.clear()
    await each(disk, SPACE.hole, (key, value) => {
      try {
        const gap = decodeGap(key, value, hashes)
        if (gap !== undefined) (gap === 'open' ? this.open : this.vacant).add(positionOfKey(key))
        else this.add(decodeHole(key, value, hashes))
      } catch (error) {
        if (!isDamage(error)) throw error
      }
    })
  }
}
