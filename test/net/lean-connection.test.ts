/** What is put right about libp2p: one piece to the socket for each message, no answer to each, and noise read ahead. */
import './support.js'
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { afterEach, mock, test } from 'node:test'
import type { MultiaddrConnection, StreamMuxer } from '@libp2p/interface'
import { gatherUpdates, NoiseMessages } from '../../src/net/lean-connection.js'
import { isConnected, makeNet, stopAll, until } from './support.js'

afterEach(async () => {
  mock.restoreAll()
  await stopAll()
})

const echoes = 200

for (const psk of [undefined, new Uint8Array(32).fill(7)]) {
  test(`an echo costs two writes to sockets, ${psk ? 'with' : 'without'} a pre-shared key`, async () => {
    const decode = mock.method(NoiseMessages.prototype, 'decode')
    const a = await makeNet({ psk })
    const b = await makeNet({ psk, bootstrap: a.net.addrs() })
    await until('connected', () => isConnected(a.self, b) && isConnected(b.self, a))
    a.onStream = async stream => {
      for await (const frame of stream.frames) stream.send(frame)
    }
    const stream = await b.net.openStream(a.self)
    const frames = stream.frames[Symbol.asyncIterator]()
    const frame = new Uint8Array(300).fill(1)
    stream.send(frame)
    await frames.next()

    const inner = Socket.prototype as unknown as {
      _writeGeneric(writev: boolean, data: unknown, encoding: string, done: () => void): void
    }
    const writes = mock.method(inner, '_writeGeneric')
    const before = decode.mock.callCount()
    for (let i = 0; i < echoes; i++) {
      stream.send(frame)
      assert.deepEqual((await frames.next()).value, frame)
    }
    // Pings and presence come in between, and a window update now and then.
    assert.ok(writes.mock.callCount() >= 2 * echoes)
    assert.ok(writes.mock.callCount() <= 2 * echoes + 20, `${writes.mock.callCount()} writes`)
    assert.ok(decode.mock.callCount() - before >= 2 * echoes)
    await stream.close()
    assert.equal((await frames.next()).done, true)
  })
}

test('noise messages come out whole, however they are cut', () => {
  const messages = [1, 300, 2, 0, 65_535].map((length, i) => new Uint8Array(length).fill(i + 1))
  const bytes = Buffer.concat(
    messages.map(one => Buffer.concat([Buffer.from([one.length >> 8, one.length]), one]))
  )
  for (const step of [1, 7, 301, bytes.length]) {
    const reader = new NoiseMessages(bytes.subarray(0, 1))
    const read: Uint8Array[] = []
    for (let at = 1; at < bytes.length; at += step) read.push(...reader.decode(bytes.subarray(at, at + step)))
    assert.deepEqual(
      read.map(one => Uint8Array.from(one)),
      messages.filter(one => one.length > 0)
    )
  }
})

test('window updates gather, but for those that open or end a stream, and none is lost', () => {
  const sent: { type: number; flag: number; length: number }[] = []
  const stream = { sendFrame: (header: (typeof sent)[number]) => sent.push(header) > 0 }
  const inner = { _newStream: () => stream } as unknown as StreamMuxer
  const factory = gatherUpdates({ protocol: '/yamux/1.0.0', createStreamMuxer: () => inner })
  const muxer = factory.createStreamMuxer({} as MultiaddrConnection) as unknown as {
    _newStream(): typeof stream
  }
  const made = muxer._newStream()
  const update = (flag: number, length: number) => made.sendFrame({ type: 1, flag, length })
  update(1, 0)
  for (let i = 0; i < 100; i++) update(0, 1000)
  made.sendFrame({ type: 0, flag: 0, length: 10 })
  for (let i = 0; i < 31; i++) update(0, 1000)
  update(4, 0)
  assert.deepEqual(sent, [
    { type: 1, flag: 1, length: 0 },
    { type: 1, flag: 0, length: 66_000 },
    { type: 0, flag: 0, length: 10 },
    { type: 1, flag: 4, length: 0 }
  ])
  update(0, 1000)
  assert.deepEqual(sent.at(-1), { type: 1, flag: 0, length: 66_000 })
})
