/** An I/O error at each call that a store makes of its database. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFastFolder } from '../support/folders.js'
import { failEachCall } from './io-errors.js'

test('an I/O error at any one call ends in no lost and no doubled write, and the store goes on by itself', t =>
  inFastFolder(async folder => {
    const kinds = await failEachCall(folder, { burst: 1, made: false })
    for (const kind of ['open', 'get', 'getSync', 'write', 'next'])
      assert.ok(kinds.has(kind), `no call of the kind ${kind} failed`)
    t.diagnostic([...kinds].map(([kind, count]) => `${kind} ${count}`).join(', '))
  }))

test('I/O errors at three calls in a row, of writes that were made all the same, do no more harm', () =>
  inFastFolder(async folder => {
    assert.ok((await failEachCall(folder, { burst: 3, made: true, step: 3 })).has('close'))
  }))
