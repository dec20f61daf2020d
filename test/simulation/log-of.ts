/** The log of a directory as the files have it, and what of it others can be given: read past the product's own state. */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { BareHeader, Batch, BatchId } from '../../src/log/index.js'
import { positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import { decodeCover } from '../../src/store/records.js'
import type { SimDisk } from './disk.js'

/** Batches from position 1 on; of one whose record is damaged what stood there. */
export function logOf(disk: SimDisk): Batch[] {
  const log: Batch[] = []
  for (const { name, key, value } of disk.content().frozen()) {
    if (key[0] !== SPACE.log) continue
    const whole = disk.flipped.get(name)?.whole ?? value
    log.push(decodeLog(key, whole, positionOfKey(key), nodeCrypto).batch)
  }
  return log
}

/**
 * Batches that a node with these files can give to others: their record is whole, and so is what proves it, a signature
 * of their own or of a batch behind them, each naming the one before it.
 */
export function provableIn(disk: SimDisk): ReadonlySet<BatchId> {
  const batches = new Map<BatchId, Batch>()
  const ends: BatchId[] = []
  for (const { name, key, value } of disk.content().frozen()) {
    if (disk.flipped.has(name)) continue
    if (key[0] === SPACE.log) {
      const { batch } = decodeLog(key, value, positionOfKey(key), nodeCrypto)
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

/** The batch that the headers of a cover prove; undefined where damage took the signature behind them. */
export function endOfCover(key: Uint8Array, value: Uint8Array): BatchId | undefined {
  const headers: readonly BareHeader[] = decodeCover(key, value, nodeCrypto)
  return headers.at(-1)?.signature === undefined ? undefined : headers[0]!.header.previous
}
