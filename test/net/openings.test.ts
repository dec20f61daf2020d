/** The rate at which one peer may open streams, at its edge. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { PEER } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import { Openings } from '../../src/net/openings.js'

const [one, other] = ['aa'.repeat(32) as Author, 'bb'.repeat(32) as Author]

function openings(): {
  at: { ms: number }
  broke: Author[]
  aborted: () => number
  open: (peer: Author) => boolean
} {
  const at = { ms: 0 }
  const broke: Author[] = []
  let aborts = 0
  const clock = { now: () => at.ms, schedule: () => ({ cancel: () => undefined }) }
  const made = new Openings(clock, peer => broke.push(peer))
  const stream = {
    abort() {
      aborts++
    }
  } as unknown as Stream
  return { at, broke, aborted: () => aborts, open: peer => made.admit(peer, stream) }
}

test('so many streams at once are taken, the next is reset, and another peer has its own', () => {
  const { open, aborted, broke } = openings()
  for (let i = 0; i < PEER.streamsAtOnce; i++) assert.equal(open(one), true)
  assert.equal(open(one), false)
  assert.equal(aborted(), 1)
  assert.equal(open(other), true)
  assert.deepEqual(broke, [])
})

test('who goes on although its streams are reset breaks the protocol', () => {
  const { open, broke } = openings()
  for (let i = 0; i < 2 * PEER.streamsAtOnce; i++) open(one)
  assert.deepEqual(broke, [])
  open(one)
  assert.deepEqual(broke, [one])
})

test('a peer that keeps to the rate is never refused', () => {
  const { at, open } = openings()
  for (let i = 0; i < 10_000; i++) {
    assert.equal(open(one), true)
    at.ms += 1000 / PEER.streamsPerSecond
  }
})
