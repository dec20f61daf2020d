/** The records of protocols/delivery.md, both ways, against the golden bytes under protocols/vectors. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { fromHex, isNatterError, toHex } from '../../src/base/index.js'
import {
  idKey,
  logKey,
  orderedKey,
  queueKey,
  SPACE,
  stateKey,
  statusKey,
  targetKey
} from '../../src/delivery/keys.js'
import type { LogRecord } from '../../src/delivery/records.js'
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
} from '../../src/delivery/records.js'
import { vectors } from '../log/vectors.js'

interface Case {
  key: string
  record: never
  value: string
}

const golden = vectors<
  Record<'log' | 'state' | 'target' | 'id' | 'totals', Case[]> & { keys: Record<string, string> }
>('delivery')

/** Payloads are hexadecimal text in the file. */
function logOf(record: LogRecord & { content: null | { payload: { bytes: unknown } } }): LogRecord {
  const { content } = record
  if (content === null) return record
  const bytes = fromHex(content.payload.bytes as unknown as string)
  return { ...record, content: { ...content, payload: { ...content.payload, bytes } } }
}

const CODECS = {
  log: [decodeLog, (key: Uint8Array, record: never) => encodeLog(key, logOf(record), nodeCrypto)],
  state: [decodeState, (key: Uint8Array, record: never) => encodeState(key, record, nodeCrypto)],
  target: [decodeTarget, (key: Uint8Array, record: never) => encodeTarget(key, record, nodeCrypto)],
  id: [decodeSeq, (key: Uint8Array, record: never) => encodeSeq(key, record, nodeCrypto)],
  totals: [decodeTotals, (key: Uint8Array, record: never) => encodeTotals(key, record, nodeCrypto)]
} as const

describe('the disk format of the outbox', () => {
  for (const [name, [decode, encode]] of Object.entries(CODECS))
    it(`${name} records are these bytes, and no others are taken for them`, () => {
      for (const { key: keyText, record, value: valueText } of golden[name as keyof typeof CODECS]) {
        const [key, value] = [fromHex(keyText), fromHex(valueText)]
        assert.equal(toHex(encode(key, record)), valueText)
        const wanted = name === 'log' ? logOf(record) : record
        assert.deepEqual(decode(key, value, nodeCrypto), wanted)
        for (let bit = 0; bit < value.length * 8; bit++) {
          const flipped = value.slice()
          flipped[bit >> 3]! ^= 1 << (bit & 7)
          assert.throws(() => decode(key, flipped, nodeCrypto), damaged)
        }
        assert.throws(() => decode(key.slice(0, -1), value, nodeCrypto), damaged)
      }
    })

  it('keys are these bytes', () => {
    assert.deepEqual(golden.keys, {
      due: toHex(orderedKey(SPACE.due, 1_700_000_000_500, 7)),
      finished: toHex(orderedKey(SPACE.finished, 1_700_000_000_000, 7)),
      held: toHex(orderedKey(SPACE.held, 1_700_000_000_000, 7)),
      next: toHex(orderedKey(SPACE.next, 12, 7)),
      queue: toHex(queueKey('/inbox', 7)),
      status: toHex(statusKey('failed', 7))
    })
    assert.equal(golden.log[0]!.key, toHex(logKey(7)))
    assert.equal(golden.state[0]!.key, toHex(stateKey(7)))
    assert.equal(golden.target[0]!.key, toHex(targetKey('/inbox')))
    assert.equal(golden.id[0]!.key, toHex(idKey('an id')))
  })
})

function damaged(error: unknown): boolean {
  return isNatterError(error, 'STORE_DAMAGED')
}
