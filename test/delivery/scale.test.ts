/** Cost follows what is due; `test/long` has a million operations that wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOfTicks } from './scale.js'

test('a tick costs the same beside ten thousand operations that wait as beside a thousand', async t => {
  const [few, many] = [await costOfTicks(1_000), await costOfTicks(10_000)]
  t.diagnostic(JSON.stringify({ few, many }))
  assert.equal(few.busy.sent, 100)
  assert.equal(few.idle.sent, 0)
  assert.deepEqual(many, few)
})
