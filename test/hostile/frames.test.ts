/** Frames that are none, come in the wrong order or belong elsewhere: each costs its sender the stream, and mostly more. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { encode } from 'it-length-prefixed'
import { PROTOCOL, utf8 } from '../../src/base/index.js'
import type { DatabaseId, Epoch, Message, ShortId } from '../../src/log/index.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { SyncEncoder } from '../../src/wire/index.js'
import { until } from '../support/until.js'
import { Arena } from './arena.js'
import type { RawPeer } from './raw-peer.js'
import type { RawSync } from './raw-sync.js'

const MARK = { position: 0, check: '0'.repeat(16) }
const HEADS: Message = { type: 'heads', tips: [], position: MARK }
let arena: Arena

before(async () => {
  arena = await Arena.open()
})
afterEach(() => arena.leave())
after(async () => {
  await arena.replicates()
  await arena.agree()
  await arena.close()
})

/** A length prefix of so many, by LEB128 of `bytes` bytes at least. */
function prefix(length: number, bytes = 1): Uint8Array {
  const out: number[] = []
  let rest = length
  while (rest >= 0x80 || out.length + 1 < bytes) {
    out.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Uint8Array.from([...out, rest])
}

type Act = (sync: RawSync, raw: RawPeer) => unknown

function blamed(what: string, act: Act): void {
  test(`${what}: the stream is reset, it counts, the connection is cut`, async () => {
    const { raw, sync } = await arena.attacker()
    await act(sync, raw)
    await arena.blamed(raw)
  })
}

function refused(what: string, act: Act): void {
  test(`${what}: the stream ends, nothing counts`, async () => {
    const { raw, sync } = await arena.attacker()
    await act(sync, raw)
    await arena.refused(raw, sync)
  })
}

function ignored(what: string, act: Act): void {
  test(`${what}: ignored, the stream goes on`, async () => {
    const { raw, sync } = await arena.attacker()
    await act(sync, raw)
    await arena.ignored(raw, sync)
  })
}

describe('lengths', () => {
  blamed('a frame of length 0', sync => sync.send(prefix(0)))
  blamed('a frame of one byte', sync => sync.send(Uint8Array.from([1, 0x0a])))
  blamed('a frame of the largest length that is no message', sync =>
    sync.frames(new Uint8Array(PROTOCOL.frameBytes))
  )
  for (const length of [PROTOCOL.frameBytes + 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 60]) {
    blamed(`a length of ${length}`, sync => sync.send(prefix(length)))
  }
  blamed('a length whose varint never ends', sync => sync.send(new Uint8Array(32).fill(0xff)))
  blamed('a length in eleven bytes', sync => sync.send(prefix(5, 11)))
  blamed('a length that is not in its shortest form', sync => sync.send(prefix(5, 2)))
  refused('a length and half of what it says, then the end', async sync => {
    await sync.greet()
    sync.send(prefix(100))
    sync.send(new Uint8Array(50))
    await sync.stream.close()
  })
  test('a length and then silence holds up nobody, and the stream is given up by time', async () => {
    const quick = await Arena.open({ sync: { timeoutMs: 1500 } })
    try {
      const { raw, sync } = await quick.attacker()
      await sync.greet()
      sync.send(prefix(PROTOCOL.frameBytes))
      await quick.replicates()
      await quick.refused(raw, sync)
    } finally {
      await quick.close()
    }
  })
  test('a stream on which nothing is ever said is given up by time', async () => {
    const quick = await Arena.open({ sync: { timeoutMs: 1500 } })
    try {
      const { raw, sync } = await quick.attacker()
      await until('the HELLO of the node', 5000, () => sync.all('hello').length === 1)
      await quick.refused(raw, sync)
      await quick.replicates()
    } finally {
      await quick.close()
    }
  })
})

describe('forms', () => {
  const ping = (): Uint8Array =>
    new SyncEncoder().encode({ type: 'ping', digest: 'ee'.repeat(16), position: MARK })[0]!
  blamed('a HELLO with bytes behind it', sync => {
    const frame = new SyncEncoder().encode(sync.hello())[0]!
    sync.frames(Uint8Array.from([...frame, 0]))
  })
  blamed('a PING cut by a byte', async sync => {
    await sync.greet()
    sync.frames(ping().subarray(0, -1))
  })
  blamed('two messages in one frame', async sync => {
    await sync.greet()
    sync.frames(Uint8Array.from([...ping(), ...ping()]))
  })
  ignored('a frame of an unknown even type', async sync => {
    await sync.greet()
    sync.frames(Uint8Array.from([0xf2, 0x01, 2, 1, 2]))
  })
  blamed('a frame of an unknown odd type', async sync => {
    await sync.greet()
    sync.frames(Uint8Array.from([0xfa, 0x01, 2, 1, 2]))
  })
  blamed('a frame of type 0', sync => sync.frames(new Uint8Array(2)))
  blamed('a frame that is an integer', sync => sync.frames(Uint8Array.from([0x08, 1])))
  blamed('text of another protocol', sync =>
    sync.send(utf8(`GET / HTTP/1.1\r\nHost: localhost\r\n${'x'.repeat(60)}\r\n\r\n`))
  )
  blamed('a digest of 15 bytes', async sync => {
    await sync.greet()
    sync.frames(
      SyncFrame.encode({
        ping: { digest: new Uint8Array(15), position: { position: 0, check: new Uint8Array(8) } }
      })
    )
  })
  blamed('an author that was never named', async sync => {
    await sync.greet()
    const tip = { author: 7, epoch: new Uint8Array(8), seq: 1, id: new Uint8Array(16) }
    sync.frames(SyncFrame.encode({ heads: { tips: [tip], fresh: false, authors: [] } }))
  })
  blamed('a tip of seq 0', async sync => {
    await sync.greet()
    const tip = { author: 0, epoch: new Uint8Array(8), seq: 0, id: new Uint8Array(16) }
    sync.frames(SyncFrame.encode({ heads: { tips: [tip], fresh: false, authors: [new Uint8Array(32)] } }))
  })
  blamed('2,049 tips in one frame', async sync => {
    await sync.greet()
    const tip = { author: 0, epoch: new Uint8Array(8), seq: 1, id: new Uint8Array(16) }
    const tips = Array.from({ length: PROTOCOL.headsTips + 1 }, () => tip)
    sync.frames(SyncFrame.encode({ heads: { tips, fresh: false, authors: [new Uint8Array(32)] } }))
  })
  blamed('more authors than a stream may number', async sync => {
    await sync.greet()
    for (let frame = 0; frame < PROTOCOL.streamAuthors / PROTOCOL.headsTips + 1; frame++) {
      const authors = Array.from({ length: PROTOCOL.headsTips }, (_, i) => new Uint8Array(32).fill(i))
      sync.frames(SyncFrame.encode({ heads: { tips: [], fresh: false, authors } }))
    }
  })
})

describe('order', () => {
  const tip = {
    author: 'aa'.repeat(32),
    epoch: '11'.repeat(8) as Epoch,
    seq: 1,
    id: 'bb'.repeat(16) as ShortId
  }
  const early: Record<string, Message> = {
    heads: HEADS,
    want: { type: 'want', tip: tip as never, have: [], offset: 0 },
    ack: { type: 'ack', position: 0 },
    credit: { type: 'credit', bytes: 1 },
    ping: { type: 'ping', digest: 'ee'.repeat(16), position: MARK },
    run: { type: 'run', batches: [], proof: [], position: MARK }
  }
  for (const [name, message] of Object.entries(early)) {
    blamed(`${name.toUpperCase()} before HELLO`, sync => sync.say(message))
  }
  blamed('two HELLOs', sync => sync.say(sync.hello(), sync.hello()))
  blamed('a HELLO in mid-stream', async sync => {
    await sync.greet()
    sync.say(sync.hello())
  })
  blamed('a BODY without a RUN', async sync => {
    await sync.greet()
    sync.frames(SyncFrame.encode({ body: { data: new Uint8Array(10) } }))
  })
  blamed('an empty BODY', async sync => {
    await sync.greet()
    sync.frames(SyncFrame.encode({ body: { data: new Uint8Array(0) } }))
  })
})

describe('other networks', () => {
  test('a HELLO of another database is answered OTHER_DATABASE, and nothing counts', async () => {
    const { raw, sync } = await arena.attacker()
    sync.say(sync.hello({ database: '22'.repeat(32) as DatabaseId }))
    assert.equal((await sync.next('err')).code, 'OTHER_DATABASE')
    await arena.refused(raw, sync)
  })

  test('a HELLO of another protocol is answered OTHER_PROTOCOL, and nothing counts', async () => {
    const { raw, sync } = await arena.attacker()
    sync.say(sync.hello({ protocol: 2 }))
    assert.equal((await sync.next('err')).code, 'OTHER_PROTOCOL')
    await arena.refused(raw, sync)
  })

  test('a presence HELLO of another network is hung up on', async () => {
    const raw = await arena.stranger()
    const connection = await raw.dial(arena.address)
    await raw.presence(connection, {
      type: 'hello',
      database: '22'.repeat(32) as DatabaseId,
      table: 'ab'.repeat(8) as never
    })
    await until('hung up', 10_000, () => connection.status !== 'open')
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('an exchange that another network recorded says nothing here: its HELLO is refused before its data is read', async () => {
    const { raw, sync } = await arena.attacker()
    const before = (await arena.victim.status()).ops
    const { database } = arena
    const other = '33'.repeat(32) as DatabaseId
    const frames = new SyncEncoder().encode(sync.hello({ database: other }))
    for (const frame of frames) sync.send(encode.single(frame).subarray())
    sync.say(HEADS)
    await arena.refused(raw, sync)
    assert.equal((await arena.victim.status()).ops, before)
    assert.notEqual(database, other)
  })
})
