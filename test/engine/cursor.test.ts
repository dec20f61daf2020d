/** Cursors of peers: a place in this log, or nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCursorValid } from '../../src/engine/inbound.js'
import type { Cursor, Hello, StoreId } from '../../src/log/index.js'
import { closeStore, put, storeOf } from '../store/harness.js'

test('a cursor is valid where it names this store and a position with the check that it has here', async () => {
  const store = await storeOf(1)
  await store.write({ ops: [put('a', 1)] })
  const first = store.mark
  await store.write({ ops: [put('a', 2)] })
  const isValid = (cursor: Partial<Cursor>): Promise<boolean> => {
    const whole = { store: store.storeId, ...first, ...cursor }
    return isCursorValid(store, { cursor: whole } as unknown as Hello)
  }
  assert.equal(await isValid({}), true)
  assert.equal(await isValid(store.mark), true)
  assert.equal(await isValid({ position: 0, check: '0'.repeat(16) }), true)
  assert.equal(await isValid({ check: store.mark.check }), false, 'another log had this position')
  assert.equal(await isValid({ position: 3 }), false, 'this log does not reach there any more')
  assert.equal(await isValid({ store: 'f'.repeat(16) as StoreId }), false, 'a life before')
  assert.equal(await isCursorValid(store, {} as unknown as Hello), false)
  await closeStore(store)
})
