/** The log of a directory as the files have it, read past the product's own state. */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import type { Batch } from '../../src/log/index.js'
import { positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
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
