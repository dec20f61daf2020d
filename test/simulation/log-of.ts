/** The log of a directory as the files have it, read past the product's own state. */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { BareHeader, Batch, BatchId } from '../../src/log/index.js'
import { positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import { decodeCover, decodeIndex } from '../../src/store/records.js'
import type { SimDisk } from './disk.js'
import { isDamaged } from './rot.js'
import type { TableEntry } from './table.js'

/** Batches from position 1 on; of one whose record is damaged its id, by the index. */
export function logOf(disk: SimDisk): (Batch | BatchId)[] {
  const entries = disk.content().frozen()
  let ids: Map<number, BatchId> | undefined
  const log: (Batch | BatchId)[] = []
  for (const { name, key, value } of entries) {
    if (key[0] !== SPACE.log) continue
    const position = positionOfKey(key)
    const flip = disk.flips.get(name)
    const whole = isDamaged(flip, value) ? flip!.whole : value
    try {
      log.push(decodeLog(key, whole, position, nodeCrypto).batch)
    } catch {
      // It was damaged before it was copied to here.
      ids ??= indexed(entries)
      log.push(ids.get(position) ?? ('' as BatchId))
    }
  }
  return log
}

function indexed(entries: readonly TableEntry[]): Map<number, BatchId> {
  const ids = new Map<number, BatchId>()
  for (const { key, value } of entries) {
    if (key[0] !== SPACE.index) continue
    try {
      const { position, id } = decodeIndex(key, value, nodeCrypto)
      ids.set(position, id)
    } catch {
      // Damaged as well.
    }
  }
  return ids
}

/**
 * Batches that a node with these files can give to others: their record is whole, and so is what proves it, a signature
 * of their own or of a batch behind them, each naming the one before it.
 */
export function provableIn(disk: SimDisk): ReadonlySet<BatchId> {
  const batches = new Map<BatchId, Batch>()
  const ends: BatchId[] = []
  for (const { key, value } of disk.content().frozen()) {
    if (key[0] === SPACE.log) {
      const batch = read(() => decodeLog(key, value, positionOfKey(key), nodeCrypto).batch)
      if (batch === undefined) continue
      batches.set(batch.id, batch)
      if (batch.signature !== undefined) ends.push(batch.id)
    } else if (key[0] === SPACE.cover) {
      const end = endOfCover(key, value)
      if (end !== undefined) ends.push(end)
    }
  }
  const provable = new Set<BatchId>()
  for (const end of ends) {
    for (let batch = batches.get(end); batch !== undefined; batch = batches.get(batch.header.previous)) {
      if (provable.has(batch.id)) break
      provable.add(batch.id)
    }
  }
  return provable
}

/** The batch that the headers of a cover prove. */
export function endOfCover(key: Uint8Array, value: Uint8Array): BatchId | undefined {
  const headers = read<BareHeader[]>(() => decodeCover(key, value, nodeCrypto)) ?? []
  return headers.at(-1)?.signature === undefined ? undefined : headers[0]!.header.previous
}

/** Nothing for what is damaged. */
function read<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}
