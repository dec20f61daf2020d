import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { FORMAT, isNatterError, PROTOCOL } from '../../src/base/index.js'
import type { Batch, Mark, Message, Run } from '../../src/log/index.js'
import { tipOf } from '../../src/log/index.js'
import { checkRun, creditBytes, SyncDecoder, SyncEncoder } from '../../src/wire/index.js'
import { bare, DATABASE, put, Seeded, signed, Writer } from '../log/fixtures.js'

const position: Mark = { position: 7, check: '0123456789abcdef' }

function decoder(): SyncDecoder {
  return new SyncDecoder({ hashes: nodeCrypto, database: DATABASE })
}

function runOf(batches: readonly Batch[], more: Partial<Run> = {}): Run {
  return { type: 'run', batches, proof: [], position, ...more }
}

/** Runs that come out at the other end. */
function through(run: Run, encoder = new SyncEncoder(), reader = decoder()): Run[] {
  const runs: Run[] = []
  for (const frame of encoder.encode(run)) {
    assert.ok(frame.length <= PROTOCOL.frameBytes, `${frame.length} bytes`)
    assert.equal(creditBytes(frame), frame.length)
    const message = reader.decode(frame)
    if (message !== undefined) runs.push(message as Run)
  }
  return runs
}

const plain = (batch: Batch): unknown => ({ ...batch, signature: undefined })

function assertSame(runs: readonly Run[], batches: readonly Batch[]): void {
  assert.deepEqual(
    runs.flatMap(run => run.batches.map(plain)),
    batches.map(plain)
  )
}

const breaks = (error: unknown): boolean => isNatterError(error, 'PROTOCOL_ERROR')

test('batches of several authors in arrival order come out complete, in one RUN with its position', async () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const first = b.next()
  const batches = [first, a.next(), b.next(), a.next({ deps: [{ ...tipOf(first), id: first.id }] }), a.next()]
  const runs = through(runOf(batches))
  assert.equal(runs.length, 1)
  assert.deepEqual(runs[0]?.position, position)
  assertSame(runs, batches)
  await checkRun(runs[0]!, nodeCrypto)
})

test('a batch that continues costs at most 15 bytes beside its body', () => {
  const writer = new Writer(2)
  const encoder = new SyncEncoder()
  encoder.encode(runOf([writer.next()]))
  const batches = Array.from({ length: 64 }, () => writer.next())
  const bodies = batches.reduce((sum, batch) => sum + batch.body.length, 0)
  const bytes = encoder.encode(runOf(batches)).reduce((sum, frame) => sum + frame.length, 0)
  // One signature and the position are paid once a RUN.
  assert.ok(bytes - bodies - 64 - 32 <= 64 * 15, `${bytes - bodies} bytes beside 64 bodies`)
})

test('what the last RUN of a stream ended with is continued by the next one', () => {
  const writer = new Writer(1)
  const encoder = new SyncEncoder()
  const reader = decoder()
  const batches = Array.from({ length: 5 }, () => writer.next())
  const runs = batches.flatMap(batch => through(runOf([batch]), encoder, reader))
  assertSame(runs, batches)
  const third = encoder.encode(runOf([writer.next()]))
  const whole = new SyncEncoder().encode(runOf([batches[4]!]))
  assert.ok(third[0]!.length + 60 < whole[0]!.length)
})

test('signatures that a later one covers stay behind; those that are left verify', async () => {
  const writer = new Writer(3)
  const batches = Array.from({ length: 200 }, () => writer.next())
  const [run] = through(runOf(batches))
  const withSignature = run!.batches.filter(batch => batch.signature !== undefined)
  assert.equal(withSignature.length, Math.ceil(200 / FORMAT.unsignedBatches))
  assert.equal(run!.batches.at(-1)!.signature !== undefined, true)
  await checkRun(run!, nodeCrypto)
})

test('a signature stands at least after every 1 MiB of unsigned bodies', async () => {
  const writer = new Writer(3)
  const body = new Uint8Array(100_000)
  const batches = Array.from({ length: 20 }, () => writer.next({ body }))
  const runs = through(runOf(batches))
  assertSame(runs, batches)
  for (const run of runs) {
    await checkRun(run, nodeCrypto)
    let unsigned = 0
    for (const batch of run.batches) {
      unsigned = batch.signature === undefined ? unsigned + batch.body.length : 0
      assert.ok(unsigned <= FORMAT.unsignedBytes)
    }
  }
})

test('unsigned batches at the end travel with bare headers up to their signature', async () => {
  const writer = new Writer(4)
  const batches = Array.from({ length: 3 }, () => writer.next({ sign: false }))
  const proof = [writer.next({ sign: false }), writer.next()].map(bare)
  const runs = through(runOf(batches, { proof }))
  assertSame(runs, batches)
  assert.deepEqual(runs[0]?.proof, proof)
  await checkRun(runs[0]!, nodeCrypto)
  await assert.rejects(checkRun({ batches, proof: [] }, nodeCrypto), breaks)
  await assert.rejects(checkRun({ batches, proof: proof.slice(1) }, nodeCrypto), breaks)
})

test('more bytes than a frame take several frames of one RUN, with one signature', async () => {
  const writer = new Writer(5)
  const body = new Uint8Array(60_000)
  const batches = Array.from({ length: 10 }, () => writer.next({ body, sign: false }))
  batches[9] = signed(batches[9]!, writer.signer)
  const frames = new SyncEncoder().encode(runOf(batches))
  assert.ok(frames.length >= 3)
  const runs = through(runOf(batches))
  assert.equal(runs.length, 1)
  assertSame(runs, batches)
  await checkRun(runs[0]!, nodeCrypto)
})

test('a large batch travels alone, header and signature first, and the others keep their cover', async () => {
  const writer = new Writer(6)
  const seeded = new Seeded(6)
  const big = seeded.bytes(700_000)
  const batches = [
    writer.next({ sign: false }),
    writer.next({ body: big, sign: false }),
    writer.next({ sign: false }),
    writer.next()
  ]
  const reader = decoder()
  const runs = through(runOf(batches), new SyncEncoder(), reader)
  assert.deepEqual(
    runs.map(run => run.batches.length),
    [1, 1, 2]
  )
  assertSame(runs, batches)
  for (const run of runs) await checkRun(run, nodeCrypto)
  assert.deepEqual(
    runs.map(run => run.position),
    [undefined, undefined, position]
  )
  assert.equal(reader.stagedBytes, 0)
})

test('a large batch that was cut off is continued on the next stream', () => {
  const writer = new Writer(7)
  const batch = writer.next({ body: new Seeded(7).bytes(900_000) })
  const first = decoder()
  const frames = new SyncEncoder().encode(runOf([batch]))
  for (const frame of frames.slice(0, 3)) assert.equal(first.decode(frame), undefined)
  const partial = first.partial()
  assert.ok(partial !== undefined)
  assert.equal(partial.id, batch.id)
  assert.deepEqual(partial.signature, batch.signature)
  assert.equal(first.stagedBytes >= partial.body.length, true)
  assert.ok(partial.body.length > 400_000 && partial.body.length < 900_000)

  const second = decoder()
  second.continueFrom(partial)
  assert.deepEqual(second.partial(), partial)
  const rest = runOf([batch], { offset: partial.body.length })
  const sent = new SyncEncoder().encode(rest).reduce((sum, frame) => sum + frame.length, 0)
  assert.ok(sent < 900_000 - partial.body.length + 1_000)
  const runs = through(rest, new SyncEncoder(), second)
  assertSame(runs, [batch])
  assert.deepEqual(runs[0]?.batches[0]?.signature, batch.signature)
})

test('a body is not continued by a decoder that has not its beginning, nor with other bytes', () => {
  const writer = new Writer(7)
  const batch = writer.next({ body: new Seeded(8).bytes(600_000) })
  const rest = runOf([batch], { offset: 300_000 })
  assert.throws(() => through(rest), breaks)
  const first = decoder()
  for (const frame of new SyncEncoder().encode(runOf([batch])).slice(0, 3)) first.decode(frame)
  const reader = decoder()
  const partial = first.partial()!
  const body = partial.body.slice()
  body[5]! ^= 1
  reader.continueFrom({ ...partial, body })
  assert.throws(() => through(runOf([batch], { offset: body.length }), new SyncEncoder(), reader), breaks)
})

test('other messages may stand between the frames of a run', () => {
  const writer = new Writer(6)
  const batch = writer.next({ body: new Uint8Array(600_000) })
  const encoder = new SyncEncoder()
  const reader = decoder()
  const got: Message[] = []
  for (const frame of encoder.encode(runOf([batch]))) {
    for (const piece of [frame, ...encoder.encode({ type: 'ack', position: 3 })]) {
      const message = reader.decode(piece)
      if (message !== undefined) got.push(message)
    }
  }
  assert.equal(got.filter(message => message.type === 'run').length, 1)
})

test('five hundred batches by a hundred authors go through cuts of every kind', async () => {
  const seed = 20_261_120
  const seeded = new Seeded(seed)
  const writers = Array.from({ length: 100 }, (_, i) => new Writer(i + 10))
  const batches: Batch[] = []
  const last = new Map<Writer, number>()
  for (let i = 0; i < 500; i++) {
    const writer = writers[seeded.below(writers.length)]!
    const size = seeded.below(60) === 0 ? 300_000 : seeded.below(1_000)
    last.set(writer, batches.length)
    batches.push(writer.next({ body: seeded.bytes(size), sign: seeded.below(3) === 0 }))
  }
  for (const [writer, index] of last) batches[index] = signed(batches[index]!, writer.signer)
  const runs = through(runOf(batches))
  assertSame(runs, batches)
  assert.ok(runs.length > 5, `seed ${seed}`)
  for (const run of runs) await checkRun(run, nodeCrypto)
})

test('a forged, missing or foreign signature is found', async () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const batch = a.next()
  const forged = { ...batch, signature: batch.signature!.map((byte, i) => (i === 3 ? byte ^ 1 : byte)) }
  await assert.rejects(checkRun({ batches: [forged], proof: [] }, nodeCrypto), breaks)
  await assert.rejects(checkRun({ batches: [signed(batch, b.signer)], proof: [] }, nodeCrypto), breaks)
  await assert.rejects(checkRun({ batches: [a.next({ sign: false })], proof: [] }, nodeCrypto), breaks)
  const before = a.next({ sign: false })
  await assert.rejects(checkRun({ batches: [a.next(), before], proof: [] }, nodeCrypto), breaks)
})

test('too long an unsigned stretch is refused', async () => {
  const writer = new Writer(1)
  const batches = Array.from({ length: FORMAT.unsignedBatches }, () => writer.next({ sign: false }))
  const end = writer.next()
  await assert.rejects(checkRun({ batches: [...batches, end], proof: [] }, nodeCrypto), breaks)
  await checkRun({ batches: [...batches.slice(1), end], proof: [] }, nodeCrypto)
  const heavy = new Writer(2)
  const body = new Uint8Array(600_000)
  const run = [heavy.next({ body, sign: false }), heavy.next({ body, sign: false }), heavy.next({ body })]
  await assert.rejects(checkRun({ batches: run, proof: [] }, nodeCrypto), breaks)
  await checkRun({ batches: run.slice(1), proof: [] }, nodeCrypto)
})

test('both branches of a fork travel, each covered by its own signature', async () => {
  const writer = new Writer(1)
  const root = writer.next({ sign: false })
  const { seq, previous, ms } = writer
  const left = [writer.next({ sign: false }), writer.next()]
  Object.assign(writer, { seq, previous, ms: ms + 100 })
  const right = [writer.next({ ops: [put('other', 'branch')], sign: false }), writer.next()]
  const batches = [root, ...left, ...right]
  const runs = through(runOf(batches))
  assertSame(runs, batches)
  await checkRun(runs[0]!, nodeCrypto)
})

test('where branches with unsigned stretches meet, any of them covers what is behind', async () => {
  const writer = new Writer(1)
  const root = writer.next({ body: new Uint8Array(200_000), sign: false })
  const { seq, previous } = writer
  const heavy = [writer.next({ body: new Uint8Array(900_000), sign: false }), writer.next()]
  Object.assign(writer, { seq, previous })
  const light = Array.from({ length: 10 }, (_, i) =>
    writer.next({ ops: [put('light', `${i}`)], sign: i === 9 })
  )
  for (const branches of [
    [...heavy, ...light],
    [...light, ...heavy]
  ]) {
    await checkRun({ batches: [root, ...branches], proof: [] }, nodeCrypto)
  }
  await assert.rejects(checkRun({ batches: [root, ...heavy], proof: [] }, nodeCrypto), breaks)
})
