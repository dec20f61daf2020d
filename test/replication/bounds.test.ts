/** What a peer can make the state machine keep, at the edge of each bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, PEER, PROTOCOL } from '../../src/base/index.js'
import type { Author, Epoch, Message, ShortId, StoreId, Tip } from '../../src/log/index.js'
import type { Effect, State } from '../../src/replication/index.js'
import { createState, step } from '../../src/replication/index.js'
import { DATABASE } from '../log/fixtures.js'

const PEER_KEY = 'bb'.repeat(32) as Author
const NO_MARK = { position: 0, check: '0'.repeat(16) }

/** A state with one stream, on which both said HELLO with digests that differ, and both showed that they have nothing. */
function greeted(): { state: State; take: (message: Message, now?: number) => Effect[] } {
  const state = createState({
    author: 'aa'.repeat(32) as Author,
    database: DATABASE,
    store: '11'.repeat(8) as StoreId,
    durable: true,
    mark: NO_MARK,
    tips: [],
    lastOwn: 0,
    hashes: nodeCrypto,
    seed: 1,
    intervalMs: 10_000,
    timeoutMs: 30_000,
    differential: true,
    limits: DEFAULT_LIMITS
  })
  step(state, { type: 'opened', stream: 1, peer: PEER_KEY, outbound: false, rttMs: 1 }, 0)
  const take = (message: Message, now = 1): Effect[] =>
    step(state, { type: 'received', stream: 1, message, bytes: 0 }, now)
  take({
    type: 'hello',
    protocol: 1,
    database: DATABASE,
    store: '22'.repeat(8) as StoreId,
    durable: true,
    position: NO_MARK,
    digest: 'ee'.repeat(16),
    yours: [],
    window: 1 << 21
  })
  step(state, { type: 'headsRead', stream: 1, tips: [] }, 1)
  take({ type: 'ack', position: 0 })
  take({ type: 'heads', tips: [], position: NO_MARK })
  return { state, take }
}

function tip(seq: number): Tip {
  const id = seq.toString(16).padStart(32, '0') as ShortId
  return { author: 'cc'.repeat(32) as Author, epoch: '01'.repeat(8) as Epoch, seq, id }
}

const streamOf = (state: State) => state.byPeer.get(PEER_KEY)
const violates = (effects: readonly Effect[]): boolean =>
  effects.some(effect => effect.type === 'close' && effect.violation)

test('a stream may show as many tips that are not here as the bound says; one more breaks the protocol', () => {
  const { state, take } = greeted()
  for (let seq = 1; seq <= PEER.outstandingTips; seq += PROTOCOL.headsTips) {
    const tips = Array.from({ length: PROTOCOL.headsTips }, (_, i) => tip(seq + i))
    assert.equal(violates(take({ type: 'heads', tips })), false)
  }
  assert.equal(streamOf(state)?.outstanding.size, PEER.outstandingTips)
  assert.equal(
    violates(take({ type: 'heads', tips: [tip(5)] })),
    false,
    'one that was shown before is no new one'
  )
  assert.equal(violates(take({ type: 'heads', tips: [tip(PEER.outstandingTips + 1)] })), true)
  assert.equal(streamOf(state), undefined)
})

test('looks at what is asked for rest the longer the more it is', () => {
  const { state, take } = greeted()
  for (let seq = 1; seq <= 65_536; seq += PROTOCOL.headsTips) {
    take({ type: 'heads', tips: Array.from({ length: PROTOCOL.headsTips }, (_, i) => tip(seq + i)) })
  }
  let looks = 0
  let last = state.asksRestMs
  for (let now = 2; now < 2002; now++) {
    step(state, { type: 'wake' }, now)
    if (state.asksRestMs !== last) looks++
    last = state.asksRestMs
  }
  assert.ok(looks > 0 && looks <= 10, `${looks} looks in two seconds`)
})

test('marks behind a tip that never comes join, and are acknowledged together when it comes', () => {
  const { state, take } = greeted()
  take({ type: 'heads', tips: [tip(1)], position: { position: 1, check: '11'.repeat(8) } })
  for (let position = 2; position < 10_000; position++) {
    take({ type: 'heads', tips: [], position: { position, check: '22'.repeat(8) } })
  }
  assert.equal(streamOf(state)?.shown.length, 1)
})

test('marks of what came join behind one that never comes', () => {
  const { state, take } = greeted()
  take({ type: 'heads', tips: [tip(1)], position: { position: 1, check: '11'.repeat(8) } })
  const stream = streamOf(state)!
  for (let seq = 2; seq < 5000; seq++) {
    take({ type: 'heads', tips: [tip(seq)], position: { position: seq, check: '22'.repeat(8) } })
    // As if it was applied a moment later.
    const shown = stream.outstanding.get(tip(seq).id)!
    stream.outstanding.delete(tip(seq).id)
    shown.open.delete(tip(seq).id)
  }
  assert.ok(
    stream.shown.length <= 2 * stream.outstanding.size + PEER.spareMarks + 1,
    `${stream.shown.length} marks`
  )
  assert.equal(stream.shown.at(-1)?.mark?.position, 4999)
})

test('as many WANTs as the bound are looked up at a time; one more breaks the protocol', () => {
  const { take } = greeted()
  const want: Message = { type: 'want', tip: tip(1), have: [], offset: 0 }
  for (let i = 0; i < PEER.openServes; i++) assert.equal(violates(take(want)), false)
  assert.equal(violates(take(want)), true)
})

test('digests that differ and agree in turn have all tips shown once a second, and the disk looked at once an hour', () => {
  const { state, take } = greeted()
  const agreed = state.frontier.digest(nodeCrypto)
  let shown = 0
  let suspected = 0
  for (let i = 0; i < 20_000; i++) {
    const now = 10 + i // 20 seconds
    const digest = i % 6 === 5 ? agreed : 'ee'.repeat(16)
    for (const effect of take({ type: 'ping', digest, position: NO_MARK }, now)) {
      if (effect.type === 'readHeads') {
        shown++
        step(state, { type: 'headsRead', stream: 1, tips: [] }, now)
      }
      if (effect.type === 'suspect') suspected++
    }
    take({ type: 'ack', position: 0 }, now)
  }
  assert.ok(shown > 0 && shown <= 21, `all tips were shown ${shown} times`)
  assert.ok(suspected <= 1, `the disk was looked at ${suspected} times`)
})
