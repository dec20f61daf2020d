/** Connections that are slow, narrow and reset in the middle of frames; see bad-lines.ts. */
import { test } from 'node:test'
import { Fleet } from '../support/peer-process.js'
import { testSeed } from '../support/random.js'
import { badLines } from './bad-lines.js'

test('under resets in mid-frame, delays and trickles no acknowledged op is lost and all end equal', async t => {
  await badLines(new Fleet(), {
    seed: testSeed('bad lines'),
    forMs: 10_000,
    tell: line => t.diagnostic(line)
  })
})
