/** The bounds of one stream at their edge: what a peer sends without credit, and what waits for one that takes nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { PEER, PROTOCOL } from '../../src/base/index.js'
import { Channel } from '../../src/engine/channel.js'
import type { Author, Message } from '../../src/log/index.js'
import { tipOf } from '../../src/log/index.js'
import type { SyncStream } from '../../src/net/index.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { DATABASE, Writer } from '../log/fixtures.js'

const WINDOW = 1000

/** A stream to a peer that takes nothing. */
class StuckStream implements SyncStream {
  readonly peer = 'aa'.repeat(32) as Author
  readonly outbound = true
  buffered = 0
  aborted = false

  get frames(): AsyncIterable<Uint8Array> {
    throw new Error('nothing is read here')
  }

  send(frame: Uint8Array): void {
    this.buffered += frame.length
  }

  onDrain(): void {
    this.buffered += 0
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  abort(): void {
    this.aborted = true
  }
}

function channel(): { stream: StuckStream; channel: Channel } {
  const stream = new StuckStream()
  const made = new Channel({
    id: 1,
    stream,
    hashes: nodeCrypto,
    database: DATABASE,
    chokeBytes: 1 << 20,
    runBatches: 1000,
    windowBytes: WINDOW,
    onChoked: () => undefined
  })
  return { stream, channel: made }
}

const tip = tipOf(new Writer(2).next())
/** Some 70 KB that cost no credit. */
const manyTips: Message = { type: 'heads', tips: Array.from({ length: PROTOCOL.headsTips }, () => tip) }

/** A frame of data of exactly so many bytes. */
function dataFrame(bytes: number): Uint8Array {
  let data = bytes
  let frame = SyncFrame.encode({ body: { data: new Uint8Array(data) } })
  while (frame.length > bytes) frame = SyncFrame.encode({ body: { data: new Uint8Array(--data) } })
  assert.equal(frame.length, bytes)
  return frame
}

test('a window and a frame beyond it are taken, one byte more breaks the protocol', () => {
  const exact = channel().channel
  exact.take(dataFrame(WINDOW))
  exact.take(dataFrame(PROTOCOL.frameBytes))
  assert.throws(() => exact.take(dataFrame(20)), { code: 'PROTOCOL_ERROR' })
})

test('credit that is given back can be used again, and frames that cost none are not counted', () => {
  const { channel: one } = channel()
  for (let round = 0; round < 1000; round++) {
    one.take(dataFrame(WINDOW))
    one.take(SyncFrame.encode({ ack: { position: 1 } }))
    one.send({ type: 'credit', bytes: WINDOW })
  }
  one.take(dataFrame(PROTOCOL.frameBytes))
})

test('what waits for a peer that takes nothing is bounded, and then it is given up', () => {
  const { stream, channel: one } = channel()
  let most = 0
  for (let sent = 0; sent < 2000 && !stream.aborted; sent++) {
    one.send(manyTips)
    most = Math.max(most, stream.buffered)
  }
  assert.ok(stream.aborted)
  assert.ok(most > PEER.backlogBytes / 2 && most <= PEER.backlogBytes + PROTOCOL.frameBytes, `${most} bytes`)
})

test('so is what waits for a peer that gives no credit', () => {
  const { stream, channel: one } = channel()
  const writer = new Writer(1)
  one.send({ type: 'run', batches: [writer.next()], proof: [] })
  let sent = 0
  for (; sent < 2000 && !stream.aborted; sent++) one.send(manyTips)
  assert.ok(stream.aborted)
  assert.equal(stream.buffered, 0)
  assert.ok(sent > 100, `after ${sent}`)
})

test('a large batch of 8 MiB may wait for a peer that is slow', () => {
  const { stream, channel: one } = channel()
  const batch = new Writer(1).next({ body: new Uint8Array(8 << 20), opCount: 0 })
  one.send({ type: 'run', batches: [batch], proof: [] })
  assert.equal(stream.aborted, false)
})

test('of batches asked for in part, no more than a number is remembered', () => {
  const { channel: one } = channel()
  const { author, epoch } = new Writer(1)
  for (let i = 1; i <= PEER.resumedBatches + 10; i++) {
    const id = i.toString(16).padStart(32, '0')
    one.resumes({ type: 'want', tip: { author, epoch, seq: 1, id: id as never }, have: [], offset: 5 })
  }
  assert.equal(one.offsets.size, PEER.resumedBatches)
})
