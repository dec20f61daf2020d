/** Records of the delivery outbox, as they stand on the disk, and the header by which a receiver asks for patience. */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { utf8 } from '../../../src/base/index.js'
import { idKey, logKey, stateKey, TOTALS_KEY, targetKey } from '../../../src/delivery/keys.js'
import { decodePayload } from '../../../src/delivery/payload.js'
import {
  decodeLog,
  decodeSeq,
  decodeState,
  decodeTarget,
  decodeTotals,
  encodeLog,
  encodeSeq,
  encodeState,
  encodeTarget,
  encodeTotals
} from '../../../src/delivery/records.js'
import { retryAfterMs } from '../../../src/delivery/retry-after.js'
import { logs, states, targets, totals } from '../../delivery/fixtures.js'
import type { Target } from '../target.js'
import { Broken, holds } from '../target.js'
import { record } from './store.js'

const log = record({
  name: 'delivery-log',
  key: logKey(7),
  seeds: logs.map(one => encodeLog(logKey(7), one, nodeCrypto)),
  decode(value) {
    const read = decodeLog(logKey(7), value, nodeCrypto)
    if (read.content !== null) readPayload(read.content.payload)
    return read
  },
  encode: one => encodeLog(logKey(7), one, nodeCrypto)
})

/** What is inside is looked at when it is used: it gives a value, or is refused as no text and no JSON. */
function readPayload(payload: Parameters<typeof decodePayload>[0]): void {
  try {
    decodePayload(payload)
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw new Broken(String(error))
  }
}

const state = record({
  name: 'delivery-state',
  key: stateKey(7),
  seeds: states.map(one => encodeState(stateKey(7), one, nodeCrypto)),
  decode: value => decodeState(stateKey(7), value, nodeCrypto),
  encode: one => encodeState(stateKey(7), one, nodeCrypto)
})

const target = record({
  name: 'delivery-target',
  key: targetKey('/inbox'),
  seeds: targets.map(one => encodeTarget(targetKey('/inbox'), one, nodeCrypto)),
  decode: value => decodeTarget(targetKey('/inbox'), value, nodeCrypto),
  encode: one => encodeTarget(targetKey('/inbox'), one, nodeCrypto)
})

const id = record({
  name: 'delivery-id',
  key: idKey('an id'),
  seeds: [encodeSeq(idKey('an id'), 7, nodeCrypto)],
  decode: value => decodeSeq(idKey('an id'), value, nodeCrypto),
  encode: seq => encodeSeq(idKey('an id'), seq, nodeCrypto)
})

const total = record({
  name: 'delivery-totals',
  key: TOTALS_KEY,
  seeds: [encodeTotals(TOTALS_KEY, totals, nodeCrypto)],
  decode: value => decodeTotals(TOTALS_KEY, value, nodeCrypto),
  encode: one => encodeTotals(TOTALS_KEY, one, nodeCrypto)
})

const retryAfter: Target = {
  name: 'retry-after',
  text: true,
  seeds: [
    '120',
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994'
  ].map(utf8),
  refuses: () => false,
  read(bytes) {
    const waitMs = retryAfterMs(new TextDecoder().decode(bytes), 0)
    holds(waitMs === undefined || (Number.isFinite(waitMs) && waitMs > 0), 'a time to wait')
    return waitMs === undefined ? 'none' : 'a time'
  }
}

export const deliveryTargets: readonly Target[] = [log, state, target, id, total, retryAfter]
