/**
 * Damaged bytes are never passed on: every batch that an honest node sends has the header that its id is the hash of,
 * and the body that the header speaks of.
 */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { equalBytes, toHex } from '../../../src/base/index.js'
import type { Batch } from '../../../src/log/index.js'
import { bodyFits, decodeHeader } from '../../../src/log/index.js'
import type { Checker } from '../world.js'
import { batchText, broken } from './broken.js'
import { nodeOf } from './ledger.js'

const name = 'damaged bytes are never sent'

export function frames(): Checker {
  /** By id, the first that was found whole. */
  const whole = new Map<Batch['id'], Batch>()
  const check = (node: string, batch: Batch): void => {
    const known = whole.get(batch.id)
    const isWhole = known === undefined ? isSound(batch) : isEqual(known, batch)
    if (!isWhole) broken(name, `${node} sends ${batchText(batch)} with other bytes than were signed`)
    whole.set(batch.id, batch)
  }
  return {
    name,
    onEvent(event, world) {
      if (event.type === 'sent' && event.message?.type === 'run' && nodeOf(world, event.node).honest) {
        for (const batch of event.message.batches) check(event.node, batch)
      }
      if (event.type === 'published' && event.batch !== undefined && nodeOf(world, event.node).honest) {
        check(event.node, event.batch)
      }
    }
  }
}

function isEqual(a: Batch, b: Batch): boolean {
  return equalBytes(a.headerBytes, b.headerBytes) && equalBytes(a.body, b.body)
}

function isSound({ id, headerBytes, body }: Batch): boolean {
  if (toHex(nodeCrypto.sha256(headerBytes)) !== id) return false
  return bodyFits(decodeHeader(headerBytes), body, nodeCrypto)
}
