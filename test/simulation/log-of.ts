/** The log of a directory as the files have it, read past the product's own state. */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Batch, BatchId } from '../../src/log/index.js'
import { positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import { decodeIndex } from '../../src/store/records.js'
import type { SimDisk } from './disk.js'
import type { TableEntry } from './table.js'

/** Batches from position 1 on; of one whose record is damaged its id, by the index. */
export function logOf(disk: SimDisk): (Batch | BatchId)[] {
  const entries = disk.content().frozen()
  let ids: Map<number, BatchId> | undefined
  const log: (Batch | BatchId)[] = []
  for (const { name, key, value } of entries) {
    if (key[0] !== SPACE.log) continue
    const position = positionOfKey(key)
    const whole = disk.flipped.has(name) ? disk.whole.get(name) : undefined
    try {
      log.push(decodeLog(key, whole ?? value, position, nodeCrypto).batch)
    } catch {
      // A copy of a directory may hold a record that was damaged in the first one.
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
