/**
 * Reading many keys by walking from one to the next: what lies between two neighbours of the map is absent, and one step
 * says so for all of them. Fresh keys that follow one another, and runs of keys that are all there, cost a few steps for
 * any number of them; keys that lie scattered are read one by one, after a single step that was in vain, and after a few such
 * without it.
 */
import { compareBytes } from '../base/index.js'
import type { BytesLevel } from './level-reads.js'

type Snapshot = ReturnType<BytesLevel['snapshot']>

/** Keys that a step has to settle to be worth the way to a LevelDB thread and back: so many are read meanwhile. */
const keysPerStep = 16
/** Entries of a step that does not know what lies there: enough to see that it is what is wanted. */
const sparseEntries = 2 * keysPerStep
/** Entries of one step while all that lies there is wanted. */
const denseEntries = 256

/** Calls that read one by one after a walk in vain, doubled after each further one, up to so many. */
const mostSkipped = 64
/** Keys from which on two threads read one half each: the way there and back costs what some twenty keys do. */
const sharedKeys = 128

/** Reads many keys of one database, by walking where that lately paid. */
export class Walker {
  #skip = 0
  #pause = 1

  /** All as of one instant, `given` or now; the values stand as the keys do. Rejects with what the handle rejects with. */
  async many(
    level: BytesLevel,
    keys: readonly Uint8Array[],
    given?: Snapshot
  ): Promise<(Uint8Array | undefined)[]> {
    const snapshot = given ?? level.snapshot()
    try {
      if (this.#skip > 0) {
        this.#skip--
        return await readEach(level, keys, snapshot)
      }
      return await this.#walkMany(level, keys, snapshot)
    } finally {
      if (given === undefined) await snapshot.close()
    }
  }

  async #walkMany(
    level: BytesLevel,
    keys: readonly Uint8Array[],
    snapshot: Snapshot
  ): Promise<(Uint8Array | undefined)[]> {
    const order = inOrder(keys)
    const values = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const settled = await walk(level, keys, { order, values, snapshot })
    this.#learn(settled >= Math.min(keysPerStep, keys.length))
    const rest = order.slice(settled)
    if (rest.length === 0) return values
    const read = await readEach(
      level,
      rest.map(at => keys[at]!),
      snapshot
    )
    for (let i = 0; i < rest.length; i++) values[rest[i]!] = read[i]
    return values
  }

  #learn(paid: boolean): void {
    if (paid) this.#pause = 1
    else {
      this.#skip = this.#pause
      this.#pause = Math.min(2 * this.#pause, mostSkipped)
    }
  }
}

async function readEach(
  level: BytesLevel,
  keys: readonly Uint8Array[],
  snapshot: Snapshot
): Promise<(Uint8Array | undefined)[]> {
  const read = (some: readonly Uint8Array[]) => level.getMany(some as Uint8Array[], { snapshot })
  if (keys.length < sharedKeys) return read(keys)
  const half = keys.length >> 1
  const [first, second] = await Promise.all([read(keys.slice(0, half)), read(keys.slice(half))])
  return [...first, ...second]
}

interface Walk {
  /** The places of the keys in ascending order. */
  readonly order: readonly number[]
  /** Takes the values found. */
  readonly values: (Uint8Array | undefined)[]
  readonly snapshot: Snapshot
}

/** Walks for as long as it pays; answers how many keys, in order, are settled. */
async function walk(
  level: BytesLevel,
  keys: readonly Uint8Array[],
  { order, values, snapshot }: Walk
): Promise<number> {
  const keyAt = (at: number): Uint8Array => keys[order[at]!]!
  const range = { gte: keyAt(0), lte: keyAt(order.length - 1) }
  const iterator = level.iterator({ ...range, snapshot, keyEncoding: 'view', valueEncoding: 'view' })
  try {
    let settled = 0
    let dense = false
    for (let steps = 1; ; steps++) {
      const entries = await iterator.nextv(dense ? denseEntries : sparseEntries)
      if (entries.length === 0) return order.length
      dense = true
      for (const [key, value] of entries) {
        const from = settled
        while (settled < order.length && compareBytes(keyAt(settled), key) < 0) settled++
        if (settled > from) dense = false
        while (settled < order.length && compareBytes(keyAt(settled), key) === 0)
          values[order[settled++]!] = value
      }
      if (settled === order.length || settled < steps * keysPerStep) return settled
      if (!dense) iterator.seek(keyAt(settled))
    }
  } finally {
    await iterator.close()
  }
}

function inOrder(keys: readonly Uint8Array[]): readonly number[] {
  const order = keys.map((_, at) => at)
  for (let at = 1; at < keys.length; at++) {
    if (compareBytes(keys[at - 1]!, keys[at]!) > 0)
      return order.sort((a, b) => compareBytes(keys[a]!, keys[b]!))
  }
  return order
}
