/** The part of an inspection that compares what stands under client ids with the log. */
import { equalBytes, toHex } from '../base/index.js'
import type { ClientIdHash } from '../log/index.js'
import type { ClientIds } from './client-ids.js'
import { decodeClientOps, encodeClientOps } from './client-ids.js'
import type { Inspection } from './inspection.js'
import { clientIdKey, SPACE } from './keys.js'

/** Under each id that an op of the log carries stand the ops of its first copy. */
export async function compareClientIds(
  inspection: Inspection,
  computed: ClientIds,
  isOurs: (key: Uint8Array) => boolean
): Promise<void> {
  const { crypto } = inspection.init
  const { bad } = inspection
  const missing = new Map(computed)
  for await (const [key, value] of inspection.entries(SPACE.clientId)) {
    if (!isOurs(key.subarray(1))) continue
    const id = toHex(key.subarray(1)) as ClientIdHash
    const where = `the record of client id ${id}`
    const expected = computed.get(id)
    missing.delete(id)
    const right = expected && encodeClientOps(key, expected, crypto)
    if (right !== undefined && equalBytes(value, right)) continue
    const stored = inspection.attempt(() => decodeClientOps(key, value, crypto))
    if (stored?.some(op => bad.has(op.position))) continue
    if (stored === undefined && bad.size > 0 && right === undefined) {
      inspection.fault(where, 'it is damaged, and waits for a batch that is missing')
      continue
    }
    const what =
      stored === undefined ? 'its checksum does not fit' : 'it does not name the first copy in the log'
    await inspection.mend(where, what, key, right)
  }
  for (const [id, ops] of missing) {
    if (ops === undefined) continue
    const key = clientIdKey(id)
    const what = `it is missing, position ${ops[0]!.position} carries the id`
    await inspection.mend(`the record of client id ${id}`, what, key, encodeClientOps(key, ops, crypto))
  }
}
