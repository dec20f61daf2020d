/** A few SIGKILLs of a process that sends; `test/long` has two hundred. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testSeed } from '../support/random.js'
import { killSenders } from './crashes.js'

test('under SIGKILLs every operation is done, and is sent again only where nobody knows how it ended', async t => {
  const killed = await killSenders(testSeed('kills of senders'), 12)
  t.diagnostic(JSON.stringify(killed))
  assert.ok(killed.operations > 0)
})
