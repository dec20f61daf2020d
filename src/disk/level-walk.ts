/**
 * Reading many keys by walking from one to the next: what lies between two neighbours of the map is absent, and one step
 * says so for all of them. Fresh keys that follow one another, and runs of keys that are all there, cost a few steps for
 * any number of them; keys that lie scattered are read one by one, after a single step that was in vain.
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

/** Reads the keys as of `snapshot`; the values stand as the keys do. Rejects with what the handle rejects with. */
export async function walkMany(
  level: BytesLevel,
  keys: readonly Uint8Array[],
  snapshot: Snapshot
): Promise<(Uint8Array | undefined)[]> {
  const order = inOrder(keys)
  const values = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
  const settled = await walk(level, keys, { order, values, snapshot })
  const rest = order.slice(settled)
  if (rest.length === 0) return values
  const read = await level.getMany(
    rest.map(at => keys[at]!),
    { snapshot }
  )
  for (let i = 0; i < rest.length; i++) values[rest[i]!] = read[i]
  return values
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
