/**
 * Signature checks of what a decoder gave. A hash chain makes one signature speak for the unsigned batches before it,
 * so a run costs one check per signature that it carries. Bodies were checked against their headers by the decoder.
 */
import type { Crypto } from '../base/index.js'
import { fromHex } from '../base/index.js'
import type { BareHeader } from '../log/index.js'
import { signedMessage } from '../log/index.js'
import { Coverage } from './coverage.js'
import { malformed } from './frame.js'

/** Whether the signature that the item carries is its author's. False for an item without one. */
export async function checkSignature(item: BareHeader, crypto: Crypto): Promise<boolean> {
  const { header, headerBytes, signature } = item
  if (signature === undefined) return false
  return crypto.verify(fromHex(header.author), signedMessage(headerBytes), signature)
}

/** What signatures speak for: batches, or the headers of batches whose bodies are still to come. */
export interface Signed {
  readonly batches: readonly BareHeader[]
  readonly proof: readonly BareHeader[]
}

/**
 * Checks every signature of a run, and that each batch and bare header without one is covered by a later one of its
 * chain in the same run. Rejects with `PROTOCOL_ERROR`.
 */
export async function checkRun(run: Signed, crypto: Crypto): Promise<void> {
  const items: readonly BareHeader[] = run.proof.length === 0 ? run.batches : [...run.batches, ...run.proof]
  const coverage = new Coverage()
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!
    if (item.signature !== undefined) coverage.sign(item)
    else if (!coverage.cover(item))
      throw malformed(`batch ${item.id.slice(0, 16)} is covered by no signature`)
  }
  for (const item of items) {
    if (item.signature !== undefined && !(await checkSignature(item, crypto))) {
      throw malformed(`the signature of batch ${item.id.slice(0, 16)} is not its author's`)
    }
  }
}
