/** A store that nobody has open, looked at and repaired: also one that cannot be opened for what is damaged in it. */
import type { Hashes, VerifyReport } from '../base/index.js'
import { toHex } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { Mark, StoreId } from '../log/index.js'
import { authorOf, databaseIdOf } from '../log/index.js'
import { isDamage } from './damage.js'
import type { StoreInit } from './index.js'
import type { InspectionInit } from './inspection.js'
import { logKey, META_KEY } from './keys.js'
import { decodeLog, NO_CHECK } from './log-record.js'
import { readMeta } from './memory.js'
import { requireNetwork } from './open.js'
import type { Meta } from './state.js'
import { decodeMeta } from './state.js'
import { repairStore, verifyStore } from './verify.js'

/**
 * Repairs a store that nobody has open, also one that cannot be opened. What is to come from peers is noted in it and asked
 * for when it is open next. Rejects with `NETWORK_MISMATCH` or `FORMAT_UNKNOWN` as `openStore` does, and with what the
 * disk rejects with; then it can be repeated.
 */
export async function repairClosedStore(init: StoreInit, options: ClosedOptions = {}): Promise<VerifyReport> {
  return repairStore(await inspectionOf(init, options))
}

/** Checks a store that nobody has open, also one that cannot be opened. */
export async function verifyClosedStore(init: StoreInit, options: ClosedOptions = {}): Promise<VerifyReport> {
  return verifyStore(await inspectionOf(init, options))
}

type ClosedOptions = Pick<InspectionInit, 'signal' | 'onProgress' | 'isTorn'>

async function inspectionOf(init: StoreInit, options: ClosedOptions): Promise<InspectionInit> {
  const { network, signer, crypto, random } = init
  let meta: Meta | undefined
  try {
    meta = await readMeta(init)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  requireNetwork(meta, init)
  const storeId = (init.storeId ?? meta?.storeId ?? toHex(random.bytes(8))) as StoreId
  const database = databaseIdOf(network, crypto)
  return { ...init, ...options, author: authorOf(signer.publicKey), database, storeId }
}

/** Where the log of a closed store ends, and the check at a position as far as its record can be read. */
export async function standOf(
  disk: Disk,
  hashes: Hashes,
  position: number
): Promise<{ mark: Mark; checkAt: string | undefined }> {
  const value = await disk.get(META_KEY)
  let mark: Mark = { position: 0, check: NO_CHECK }
  try {
    if (value !== undefined) mark = decodeMeta(value, hashes).mark
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  if (position === mark.position) return { mark, checkAt: mark.check }
  const key = logKey(position)
  const record = await disk.get(key)
  try {
    return { mark, checkAt: record && decodeLog(key, record, position, hashes).check }
  } catch (error) {
    if (!isDamage(error)) throw error
    return { mark, checkAt: undefined }
  }
}
