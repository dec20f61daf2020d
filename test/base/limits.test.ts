import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS, FORMAT, PROTOCOL, withLimits } from '../../src/base/index.js'

test('limits are the defaults with what was given laid over them', () => {
  assert.deepEqual(withLimits(), DEFAULT_LIMITS)
  assert.deepEqual(withLimits({ neighbours: 3 }), { ...DEFAULT_LIMITS, neighbours: 3 })
  assert.deepEqual(withLimits({ valueBytes: undefined } as never), DEFAULT_LIMITS)
})

test('an unknown limit and a number that is none are mistakes of the caller', () => {
  assert.throws(() => withLimits({ nonsense: 1 } as never), TypeError)
  assert.throws(() => withLimits({ toString: 1 } as never), TypeError)
  for (const value of [0, -1, Number.NaN, '5', null]) {
    assert.throws(() => withLimits({ valueBytes: value } as never), TypeError)
  }
})

test('what the format allows fits what frames carry', () => {
  // The largest header, with keys of all its authors, and one body at the bound of a frame's fields.
  const header = 200 + FORMAT.deps * 96 + FORMAT.headerExtensionBytes
  assert.ok(header < PROTOCOL.frameBytes / 2)
  assert.ok(PROTOCOL.runBytes >= FORMAT.unsignedBatches * (164 + FORMAT.deps * 80) + FORMAT.unsignedBytes)
  assert.ok(PROTOCOL.runDeps >= FORMAT.unsignedBatches * FORMAT.deps)
  assert.ok(PROTOCOL.headsTips * 80 < PROTOCOL.frameBytes)
  assert.ok(PROTOCOL.streamAuthors >= 2 * PROTOCOL.frameAuthors)
  assert.ok(PROTOCOL.frameAuthors * 34 > PROTOCOL.frameBytes)
  assert.ok(PROTOCOL.gossipBatchBytes < PROTOCOL.gossipBytes)
})
