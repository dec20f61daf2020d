import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { ByteWriter, FORMAT, fromHex, isNatterError, PROTOCOL } from '../../src/base/index.js'
import { encodeBody } from '../../src/log/index.js'
import type { Entry, TipRef } from '../../src/wire/generated/sync-ops.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { PresenceFrame } from '../../src/wire/generated/sync-presence.js'
import { decodePresence, SyncDecoder } from '../../src/wire/index.js'
import { DATABASE, put } from '../log/fixtures.js'

const bytes = (length: number): Uint8Array => new Uint8Array(length)
const list = <T>(length: number, of: (i: number) => T): T[] => Array.from({ length }, (_, i) => of(i))
const keys = (count: number): Uint8Array[] => list(count, () => bytes(32))
const mark = { position: 1, check: bytes(8) }
const tip: TipRef = { author: 0, epoch: bytes(8), seq: 1, id: bytes(16) }
const body = encodeBody([put('k', 'v')])
const last = Number.MAX_SAFE_INTEGER

function entry(change: Partial<Entry> = {}): Entry {
  return {
    author: 0,
    epoch: bytes(8),
    seq: 1,
    previous: bytes(0),
    ms: 1,
    counter: 0,
    ops: 1,
    deps: [],
    extensions: bytes(0),
    body,
    root: bytes(0),
    length: 0,
    signature: bytes(64),
    format: 0,
    ...change
  }
}

const dep = (i: number) => ({ author: 0, epoch: bytes(8), seq: i + 1, id: bytes(32) })
const withAuthors = { fresh: false, authors: keys(1) }
const hello = {
  protocol: 1,
  database: fromHex(DATABASE),
  store: bytes(8),
  durable: true,
  position: mark,
  digest: bytes(16),
  yours: [tip],
  window: 1,
  ...withAuthors
}
const run = { batches: [entry()], proof: [], more: false, large: false, offset: 0, ...withAuthors }
const large = { ...run, large: true, batches: [entry({ body: undefined, root: bytes(32), length: 10 })] }
const err = { code: 1, retryable: true, retryAfterMs: 0, text: 'x', tip, ...withAuthors }

type Fields = Parameters<typeof SyncFrame.encode>[0]

/** What is taken, so that each refusal below is for its own reason. */
const TAKEN: Record<string, Fields[]> = {
  hello: [{ hello }],
  heads: [{ heads: { tips: [tip], position: mark, ...withAuthors } }],
  want: [{ want: { tip, have: [tip], offset: FORMAT.bodyBytes, ...withAuthors } }],
  run: [{ run }],
  'run with deps': [
    { run: { ...run, batches: [entry({ epoch: bytes(8).fill(1), deps: list(FORMAT.deps, dep) })] } }
  ],
  ack: [{ ack: { position: last } }],
  err: [{ err }],
  'a run in two frames': [{ run: { ...run, more: true } }, { run: { ...run, authors: [] } }]
}

const REFUSED: Record<string, Fields[]> = {
  'a database id of 31 bytes': [{ hello: { ...hello, database: bytes(31) } }],
  'a store id of 9 bytes': [{ hello: { ...hello, store: bytes(9) } }],
  'no position': [{ hello: { ...hello, position: undefined } }],
  'a check of 7 bytes': [{ hello: { ...hello, position: { ...mark, check: bytes(7) } } }],
  'a cursor of another store id length': [{ hello: { ...hello, cursor: { store: bytes(7), ...mark } } }],
  'a digest of 15 bytes': [{ hello: { ...hello, digest: bytes(15) } }],
  'too many tips in a HELLO': [{ hello: { ...hello, yours: list(PROTOCOL.helloTips + 1, () => tip) } }],
  'too many authors in a HELLO': [{ hello: { ...hello, authors: keys(PROTOCOL.helloTips + 1) } }],
  'an author of 31 bytes': [{ hello: { ...hello, authors: [bytes(31)] } }],
  'a number without an author': [{ hello: { ...hello, yours: [{ ...tip, author: 1 }] } }],
  'an epoch of 7 bytes': [{ heads: { tips: [{ ...tip, epoch: bytes(7) }], ...withAuthors } }],
  'a tip with seq 0': [{ heads: { tips: [{ ...tip, seq: 0 }], ...withAuthors } }],
  'an id of 15 bytes': [{ heads: { tips: [{ ...tip, id: bytes(15) }], ...withAuthors } }],
  'too many tips in HEADS': [{ heads: { tips: list(PROTOCOL.headsTips + 1, () => tip), ...withAuthors } }],
  'too many authors in HEADS': [{ heads: { tips: [], fresh: false, authors: keys(PROTOCOL.headsTips + 1) } }],
  'too many authors on a stream': list(PROTOCOL.streamAuthors / PROTOCOL.headsTips + 1, () => ({
    heads: { tips: [], fresh: false, authors: keys(PROTOCOL.headsTips) }
  })),
  'a WANT without a tip': [{ want: { have: [], offset: 0, ...withAuthors } }],
  'too many tips in a WANT': [
    { want: { tip, have: list(PROTOCOL.wantHave + 1, () => tip), offset: 0, ...withAuthors } }
  ],
  'too many authors in a WANT': [
    { want: { tip, have: [], offset: 0, fresh: false, authors: keys(PROTOCOL.wantHave + 2) } }
  ],
  'an offset above 8 MiB': [{ want: { tip, have: [], offset: FORMAT.bodyBytes + 1, ...withAuthors } }],
  'a batch without body': [{ run: { ...run, batches: [entry({ body: undefined, root: bytes(32) })] } }],
  'a proof with a body': [{ run: { ...run, proof: [entry()] } }],
  'a proof without a root': [{ run: { ...run, proof: [entry({ body: undefined })] } }],
  'a signature of 63 bytes': [{ run: { ...run, batches: [entry({ signature: bytes(63) })] } }],
  'an entry without an author': [{ run: { ...run, batches: [entry({ author: undefined })] } }],
  'an entry that continues nothing': [{ run: { ...run, batches: [entry({ epoch: undefined })] } }],
  'an epoch of 9 bytes': [{ run: { ...run, batches: [entry({ epoch: bytes(9) })] } }],
  'seq 0': [{ run: { ...run, batches: [entry({ seq: 0 })] } }],
  'seq 1 with a previous batch': [{ run: { ...run, batches: [entry({ previous: bytes(32).fill(1) })] } }],
  'seq 2 without a previous batch': [{ run: { ...run, batches: [entry({ seq: 2 })] } }],
  'a previous id of 31 bytes': [{ run: { ...run, batches: [entry({ seq: 2, previous: bytes(31) })] } }],
  'a time above 48 bits': [{ run: { ...run, batches: [entry({ ms: 2 ** 48 })] } }],
  'a counter above 16 bits': [{ run: { ...run, batches: [entry({ counter: 2 ** 16 })] } }],
  'more than 65,536 ops': [{ run: { ...run, batches: [entry({ ops: FORMAT.batchOps + 1 })] } }],
  'more than 1,024 deps': [
    { run: { ...run, batches: [entry({ epoch: bytes(8).fill(1), deps: list(FORMAT.deps + 1, dep) })] } }
  ],
  'deps out of order': [
    { run: { ...run, batches: [entry({ epoch: bytes(8).fill(1), deps: [dep(1), dep(0)] })] } }
  ],
  'a dep on the batch itself': [{ run: { ...run, batches: [entry({ deps: [dep(0)] })] } }],
  'a dep that implies what never came': [
    { run: { ...run, batches: [entry({ deps: [{ author: 0, epoch: undefined, seq: 0, id: bytes(0) }] })] } }
  ],
  'a dep with an id of 16 bytes': [
    { run: { ...run, batches: [entry({ deps: [{ ...dep(0), id: bytes(16) }] })] } }
  ],
  'an extension block above 1 KiB': [
    {
      run: {
        ...run,
        batches: [entry({ extensions: new ByteWriter().varint(1).block(bytes(1024)).finish() })]
      }
    }
  ],
  'an extension block out of order': [
    { run: { ...run, batches: [entry({ extensions: new Uint8Array([2, 0, 1, 0]) })] } }
  ],
  'more batches than a RUN may have': [
    {
      run: {
        ...run,
        batches: list(PROTOCOL.runBatches + 1, i =>
          entry(
            i === 0
              ? { signature: undefined }
              : { epoch: undefined, seq: 0, body: bytes(1), signature: undefined }
          )
        )
      }
    }
  ],
  'more deps than a RUN may have': [
    ...list(1, () => ({ run: { ...run, more: true } })),
    ...list(PROTOCOL.runDeps / FORMAT.deps + 1, i => ({
      run: {
        ...run,
        authors: [],
        more: true,
        batches: [entry({ epoch: bytes(8).fill(1 + (i % 200)), deps: list(FORMAT.deps, dep) })]
      }
    }))
  ],
  'more bytes than a RUN may have': list(PROTOCOL.runBytes / 250_000 + 1, i => ({
    run: { ...run, more: true, batches: [entry({ body: bytes(250_000), epoch: bytes(8).fill(i) })] }
  })),
  'a large batch with another': [{ run: { ...large, batches: [...large.batches, entry()] } }],
  'a large batch with its body': [{ run: { ...large, batches: [entry()] } }],
  'a large batch after others': [{ run: { ...run, more: true } }, { run: { ...large, authors: [] } }],
  'a batch after a large one': [{ run: { ...large, more: true } }, { run: { ...run, authors: [] } }],
  'a body above 8 MiB': [
    {
      run: { ...large, batches: [entry({ body: undefined, root: bytes(32), length: FORMAT.bodyBytes + 1 })] }
    }
  ],
  'an offset that was not asked for': [{ run: { ...large, offset: 5 } }],
  'a RUN before a large body is whole': [{ run: large }, { run: { ...run, authors: [] } }],
  'a BODY without a RUN': [{ body: { data: bytes(1) } }],
  'a BODY before all headers are there': [{ run: { ...large, more: true } }, { body: { data: bytes(1) } }],
  'an empty BODY': [{ run: large }, { body: { data: bytes(0) } }],
  'a BODY beyond its length': [{ run: large }, { body: { data: bytes(11) } }],
  'a body that does not hash': [{ run: large }, { body: { data: bytes(10) } }],
  'a PING without a position': [{ ping: { digest: bytes(16) } }],
  'a PING with a digest of 17 bytes': [{ ping: { digest: bytes(17), position: mark } }],
  'a text above 256 bytes': [{ err: { ...err, text: 'ü'.repeat(129) } }],
  'two authors in an ERR': [{ err: { ...err, authors: keys(2) } }]
}

const breaks = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

function decodeAll(frames: readonly Fields[]): SyncDecoder {
  const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
  for (const fields of frames) decoder.decode(SyncFrame.encode(fields))
  return decoder
}

for (const [name, frames] of Object.entries(TAKEN)) {
  test(`a frame is taken: ${name}`, () => {
    decodeAll(frames)
  })
}

for (const [name, frames] of Object.entries(REFUSED)) {
  test(`a frame is refused: ${name}`, () => {
    // All frames but the last are well formed where they stand, so it is the last that is refused.
    const decoder = decodeAll(frames.slice(0, -1))
    const last = SyncFrame.encode(frames.at(-1)!)
    assert.throws(() => decoder.decode(last), breaks)
  })
}

test('a frame is one field of a known type, or of an even one, and no longer than allowed', () => {
  const decoder = new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
  const ack = SyncFrame.encode({ ack: { position: 1 } })
  assert.equal(
    decoder.decode(
      new ByteWriter()
        .varint((20 << 3) | 2)
        .block(bytes(5))
        .finish()
    ),
    undefined
  )
  assert.equal(
    decoder.decode(
      new ByteWriter()
        .varint((2000 << 3) | 2)
        .block(bytes(0))
        .finish()
    ),
    undefined
  )
  const wrong = [
    bytes(0),
    new ByteWriter()
      .varint((19 << 3) | 2)
      .block(bytes(5))
      .finish(),
    new ByteWriter()
      .varint((20 << 3) | 0)
      .varint(5)
      .finish(),
    new Uint8Array([...ack, ...ack]),
    ack.subarray(0, ack.length - 1),
    bytes(PROTOCOL.frameBytes + 1)
  ]
  for (const frame of wrong) assert.throws(() => decoder.decode(frame), breaks)
  assert.deepEqual(decoder.decode(ack), { type: 'ack', position: 1 })
})

/** A message by hand, for numbers that the generated code does not write: tag, then a number or a block. */
function raw(...fields: [number, number | Uint8Array][]): Uint8Array {
  const writer = new ByteWriter()
  for (const [field, value] of fields) {
    if (typeof value === 'number') writer.varint(field << 3).varint(value)
    else writer.varint((field << 3) | 2).block(value)
  }
  return writer.finish()
}

test('numbers above 2^53 - 1 are refused', () => {
  const decode = (frame: Uint8Array): unknown =>
    new SyncDecoder({ hashes: nodeCrypto, database: DATABASE }).decode(frame)
  const ack = (position: number): Uint8Array => raw([11, raw([1, position])])
  const ping = (position: number): Uint8Array =>
    raw([15, raw([1, bytes(16)], [2, raw([1, position], [2, bytes(8)])])])
  const heads = (seq: number): Uint8Array =>
    raw([3, raw([15, bytes(32)], [1, raw([2, bytes(8)], [3, seq], [4, bytes(16)])])])
  for (const frame of [ack, ping, heads]) {
    assert.doesNotThrow(() => decode(frame(last)))
    for (const value of [2 ** 53, 2 ** 55]) assert.throws(() => decode(frame(value)), breaks)
  }
  const seen = (version: number): Uint8Array =>
    raw([1, raw([1, bytes(32)], [2, bytes(8)], [3, bytes(8)], [4, version])])
  const table = (version: number): Uint8Array => raw([3, raw([1, bytes(8)], [2, version])])
  for (const frame of [seen, table]) {
    assert.doesNotThrow(() => decodePresence(frame(last)))
    for (const value of [2 ** 53, 2 ** 55]) assert.throws(() => decodePresence(frame(value)), breaks)
  }
})

const presence = {
  peer: bytes(32),
  version: 1,
  name: 'a',
  appName: 'b',
  appVersion: 'c',
  capabilities: ['d'],
  addrs: ['e'],
  signature: bytes(64)
}
const records = (change: Partial<typeof presence>) => ({
  records: { table: bytes(8), version: 1, records: [{ ...presence, ...change }] }
})
const presenceHello = { database: bytes(32), table: bytes(8), seenTable: bytes(8), seenVersion: 1 }
const text = (length: number): string => 'x'.repeat(length)

const PRESENCE_REFUSED: Record<string, Parameters<typeof PresenceFrame.encode>[0]> = {
  'a database id of 33 bytes': { hello: { ...presenceHello, database: bytes(33) } },
  'a table id of 7 bytes': { hello: { ...presenceHello, table: bytes(7) } },
  'a seen table id of 9 bytes': { hello: { ...presenceHello, seenTable: bytes(9) } },
  'no table': { records: { table: bytes(0), version: 1, records: [] } },
  'a key of 31 bytes': records({ peer: bytes(31) }),
  'version 0': records({ version: 0 }),
  'a name above 128 bytes': records({ name: text(129) }),
  'an application name above 128 bytes': records({ appName: text(129) }),
  'an application version above 128 bytes': records({ appVersion: text(129) }),
  'more than 64 capabilities': records({ capabilities: list(65, () => 'x') }),
  'a capability above 128 bytes': records({ capabilities: [text(129)] }),
  'more than 16 addresses': records({ addrs: list(17, () => 'x') }),
  'an address above 256 bytes': records({ addrs: [text(257)] }),
  'a signature of 63 bytes': records({ signature: bytes(63) })
}

test('a presence frame with everything at its bound is taken', () => {
  const full = records({
    name: text(128),
    appName: text(128),
    appVersion: text(128),
    capabilities: list(64, () => text(128)),
    addrs: list(16, () => text(256))
  })
  assert.equal(decodePresence(PresenceFrame.encode(full))?.type, 'records')
  assert.equal(decodePresence(PresenceFrame.encode({ hello: presenceHello }))?.type, 'hello')
})

for (const [name, fields] of Object.entries(PRESENCE_REFUSED)) {
  test(`a presence frame is refused: ${name}`, () => {
    assert.throws(() => decodePresence(PresenceFrame.encode(fields)), breaks)
  })
}

test('a presence frame above its size is refused', () => {
  const many = list(20, () => ({ ...presence, addrs: list(16, () => text(256)) }))
  const frame = PresenceFrame.encode({ records: { table: bytes(8), version: 1, records: many } })
  assert.ok(frame.length > PROTOCOL.presenceFrameBytes)
  assert.throws(() => decodePresence(frame), breaks)
})
