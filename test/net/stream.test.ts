/** `/sync/ops` streams between two real nodes: whole frames, backpressure both ways, both ends closed. */
import './support.js'
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { PROTOCOL } from '../../src/base/index.js'
import type { SyncStream } from '../../src/net/index.js'
import type { TestNet } from './support.js'
import { isConnected, makeNet, readAll, stopAll, until } from './support.js'

afterEach(stopAll)

async function pair(): Promise<[TestNet, TestNet]> {
  const a = await makeNet()
  const b = await makeNet({ bootstrap: a.net.addrs() })
  await until('connected', () => isConnected(a.self, b) && isConnected(b.self, a))
  return [a, b]
}

function frameOf(index: number, length: number): Uint8Array {
  const frame = new Uint8Array(length).fill(index % 251)
  new DataView(frame.buffer).setUint32(0, index)
  return frame
}

test('frames arrive whole and in order, and an echo comes back', async () => {
  const [a, b] = await pair()
  a.onStream = async stream => {
    assert.equal(stream.peer, b.self)
    assert.equal(stream.outbound, false)
    for await (const frame of stream.frames) stream.send(frame)
  }
  const stream = await b.net.openStream(a.self)
  assert.equal(stream.outbound, true)
  const sent = [0, 1, 127, 128, 70_000, PROTOCOL.frameBytes].map((length, i) =>
    new Uint8Array(length).fill(i + 1)
  )
  for (const frame of sent) stream.send(frame)
  const closed = stream.close()
  assert.deepEqual(await readAll(stream), sent)
  await closed
})

test('64 MiB to a slow reader: nothing is lost and little is held on either side', async () => {
  const [a, b] = await pair()
  const count = 1024
  let received = 0
  let maxAheadBytes = 0
  let sentBytes = 0
  const done = new Promise<void>((resolve, reject) => {
    a.onStream = async stream => {
      try {
        for await (const frame of stream.frames) {
          assert.equal(new DataView(frame.buffer, frame.byteOffset).getUint32(0), received)
          assert.equal(frame[100], received % 251)
          received++
          maxAheadBytes = Math.max(maxAheadBytes, sentBytes - received * frame.length)
          if (received % 64 === 0) await new Promise(next => setTimeout(next, 20))
        }
        resolve()
      } catch (error) {
        reject(error)
      }
    }
  })
  const stream = await b.net.openStream(a.self)
  let drained: (() => void) | undefined
  stream.onDrain(() => drained?.())
  for (let i = 0; i < count; i++) {
    stream.send(frameOf(i, 64 * 1024))
    sentBytes += 64 * 1024
    if (stream.buffered > 1024 * 1024) {
      await new Promise<void>(resolve => {
        drained = resolve
      })
    }
    assert.ok(stream.buffered <= 1024 * 1024 + 64 * 1024)
  }
  await stream.close()
  await done
  assert.equal(received, count)
  assert.equal(stream.buffered, 0)
  // What the sender may buffer, what the reader may hold, a window of yamux, and what the kernel takes.
  assert.ok(maxAheadBytes < 12 * 1024 * 1024, `${maxAheadBytes} bytes ahead of the reader`)
})

test('a reader that takes nothing stops the sender', async () => {
  const [a, b] = await pair()
  const accepted: SyncStream[] = []
  a.onStream = stream => {
    accepted.push(stream)
  }
  const stream = await b.net.openStream(a.self)
  for (let i = 0; i < 256; i++) stream.send(frameOf(i, 64 * 1024))
  let last = -1
  await until('nothing moves any more', () => {
    const still = stream.buffered === last && accepted.length === 1
    last = stream.buffered
    return still
  })
  assert.ok(stream.buffered > 4 * 1024 * 1024, `${stream.buffered} bytes wait`)
  stream.close().catch(() => undefined)
  assert.equal((await readAll(accepted[0]!)).length, 256)
})

test('whoever stops reading after the first frame has its own frames delivered all the same', async () => {
  const [a, b] = await pair()
  const read = new Promise<Uint8Array[]>((resolve, reject) => {
    a.onStream = stream => {
      for (let i = 0; i < 100; i++) stream.send(frameOf(i, 1000))
      readAll(stream).then(resolve, reject)
    }
  })
  const stream = await b.net.openStream(a.self)
  for (let i = 0; i < 3; i++) stream.send(frameOf(i, 1000))
  for await (const frame of stream.frames) {
    assert.deepEqual(frame, frameOf(0, 1000))
    break
  }
  assert.equal((await read).length, 3)
})

test('a frame over the bound is not sent, and nothing is after a close', async () => {
  const [a, b] = await pair()
  const read = new Promise<Uint8Array[]>(resolve => {
    a.onStream = stream => readAll(stream).then(resolve)
  })
  const stream = await b.net.openStream(a.self)
  assert.throws(() => stream.send(new Uint8Array(PROTOCOL.frameBytes + 1)), RangeError)
  stream.send(new Uint8Array(10))
  const closed = stream.close()
  stream.send(new Uint8Array(20))
  await closed
  assert.deepEqual(await read, [new Uint8Array(10)])
})

test('a reset reaches the other side as an error, and streams over the limit are refused', async () => {
  const [a, b] = await pair()
  const ends: string[] = []
  a.onStream = stream =>
    readAll(stream).then(
      () => ends.push('end'),
      error => ends.push(error.code)
    )
  const stream = await b.net.openStream(a.self)
  stream.send(new Uint8Array(1))
  stream.abort(new Error('enough'))
  await until('the reset arrived', () => ends.length === 1)
  assert.deepEqual(ends, ['PEER_UNREACHABLE'])
  await assert.rejects(readAll(stream))

  const streams = await Promise.allSettled(Array.from({ length: 8 }, () => b.net.openStream(a.self)))
  assert.ok(streams.some(({ status }) => status === 'rejected'))
  assert.ok(streams.filter(({ status }) => status === 'fulfilled').length >= 2)
})

test('a stop ends streams on both sides', async () => {
  const [a, b] = await pair()
  let ended = false
  a.onStream = stream =>
    readAll(stream)
      .catch(() => undefined)
      .then(() => {
        ended = true
      })
  const stream = await b.net.openStream(a.self)
  const reading = readAll(stream).catch(() => undefined)
  await b.net.stop()
  await reading
  await until('the other end noticed', () => ended && !isConnected(b.self, a))
  assert.deepEqual(a.told.disconnected, [b.self])
})
