/** Batches that are forged, misplaced, cut off, too many, or never end: none is applied but what its author signed. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { FORMAT, fromHex, PROTOCOL, utf8 } from '../../src/base/index.js'
import type { Author, Batch, BatchId, DatabaseId, Epoch, Message } from '../../src/log/index.js'
import { compareDeps, encodeBody, shortId, tipOf } from '../../src/log/index.js'
import { SyncFrame } from '../../src/wire/generated/sync-ops.js'
import { put } from '../log/fixtures.js'
import { until } from '../support/until.js'
import { Arena } from './arena.js'
import { depOn, HandAuthor } from './author.js'
import type { RawPeer } from './raw-peer.js'
import type { RawSync } from './raw-sync.js'

let arena: Arena

before(async () => {
  arena = await Arena.open({ breaker: { threshold: 1, coolDownMs: 600_000 } })
})
afterEach(async () => {
  await arena.leave()
})
after(async () => {
  await arena.replicates()
  await arena.agree()
  await arena.close()
})

async function greeted(): Promise<{ raw: RawPeer; sync: RawSync; author: HandAuthor; before: number }> {
  const { raw, sync } = await arena.attacker()
  await sync.greet()
  const author = new HandAuthor(arena.database, raw.signer)
  return { raw, sync, author, before: (await arena.victim.status()).ops }
}

const run = (batches: readonly Batch[]): Message => ({ type: 'run', batches, proof: [] })
const ops = async (): Promise<number> => (await arena.victim.status()).ops
const appears = (key: string): Promise<unknown> =>
  until(`${key} is there`, 10_000, async () => (await arena.victim.db.get(key)) !== undefined)

/** Fields of an entry as a right encoder writes them, so that one can be made wrong. */
function entryOf(batch: Batch, changed: object = {}): object {
  const { header, body, signature } = batch
  return {
    author: 0,
    epoch: fromHex(header.epoch),
    seq: header.seq,
    previous: header.seq === 1 ? new Uint8Array(0) : fromHex(header.previous),
    ms: header.time.ms,
    counter: header.time.counter,
    ops: header.opCount,
    deps: [],
    extensions: new Uint8Array(0),
    body,
    root: new Uint8Array(0),
    length: 0,
    signature,
    format: 0,
    ...changed
  }
}

function frameOf(batch: Batch, entry: object, more: object = {}): Uint8Array {
  const fields = { batches: [entry], proof: [], more: false, large: false, offset: 0, fresh: true }
  return SyncFrame.encode({ run: { ...fields, authors: [fromHex(batch.header.author)], ...more } } as never)
}

describe('forged', () => {
  type Wrong = (author: HandAuthor, sync: RawSync) => unknown
  const wrongs: Record<string, Wrong> = {
    'without any signature': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { signature: undefined })))
    },
    'with a signature of zeros': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { signature: new Uint8Array(64) })))
    },
    'with a signature of 63 bytes': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { signature: batch.signature!.subarray(1) })))
    },
    'in the name of another author': (author, sync) => {
      const batch = author.next()
      sync.frames(
        frameOf(batch, entryOf(batch), { authors: [new HandAuthor(arena.database).signer.publicKey] })
      )
    },
    'in the name of the node itself': async (author, sync) => {
      const batch = author.next()
      const { author: own } = (await sync.next('heads')).tips[0] ?? { author: 'aa'.repeat(32) }
      sync.frames(frameOf(batch, entryOf(batch), { authors: [fromHex(own)] }))
    },
    'with another body': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { body: encodeBody([put('forged', '"x"')]) })))
    },
    'with another time': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { ms: batch.header.time.ms + 1 })))
    },
    'with another number of ops': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { ops: 2 })))
    },
    'with another seq': (author, sync) => {
      author.next()
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { seq: 3 })))
    },
    'of another database, signed for that': (_author, sync) => {
      const foreign = new HandAuthor('22'.repeat(32) as DatabaseId).next()
      sync.frames(frameOf(foreign, entryOf(foreign)))
    },
    'with 65,537 ops': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { ops: FORMAT.batchOps + 1 })))
    },
    'with 1,025 deps': (author, sync) => {
      const batch = author.next()
      const dep = { author: 0, epoch: new Uint8Array(8), seq: 1, id: new Uint8Array(32) }
      sync.frames(
        frameOf(batch, entryOf(batch, { deps: Array.from({ length: FORMAT.deps + 1 }, () => dep) }))
      )
    },
    'with a dep on itself': (author, sync) => {
      const batch = author.next()
      const self = {
        author: 0,
        epoch: fromHex(batch.header.epoch),
        seq: batch.header.seq,
        id: fromHex(batch.id)
      }
      sync.frames(frameOf(batch, entryOf(batch, { deps: [self] })))
    },
    'that continues a chain which was not on this stream': (author, sync) => {
      const batch = author.next()
      sync.frames(frameOf(batch, entryOf(batch, { epoch: undefined, seq: 0, previous: new Uint8Array(0) })))
    }
  }
  for (const [what, wrong] of Object.entries(wrongs)) {
    test(`a batch ${what}: nothing is applied, the stream ends, it counts`, async () => {
      const { raw, sync, author, before } = await greeted()
      await wrong(author, sync)
      await arena.blamed(raw)
      assert.equal(await ops(), before)
    })
  }

  test('a true batch before a forged one in the same RUN is not applied either', async () => {
    const { raw, sync, author, before } = await greeted()
    const good = author.next()
    const bad = { ...author.next(), signature: new Uint8Array(64) }
    sync.say(run([good, bad]))
    await arena.blamed(raw)
    assert.equal(await ops(), before)
  })

  test('65 batches under one signature: nothing is applied, the stream ends, it counts', async () => {
    const { raw, sync, author, before } = await greeted()
    const chain = Array.from({ length: FORMAT.unsignedBatches + 1 }, (_, i) =>
      author.next({ sign: i === FORMAT.unsignedBatches })
    )
    const entries = chain.map((batch, i) => entryOf(batch, i === 0 ? {} : { author: undefined }))
    sync.frames(frameOf(chain[0]!, {}, { batches: entries }))
    await arena.blamed(raw)
    assert.equal(await ops(), before)
  })

  test('64 batches under one signature are taken', async () => {
    const { raw, sync, author } = await greeted()
    const chain = Array.from({ length: FORMAT.unsignedBatches }, (_, i) =>
      author.next({ sign: i === FORMAT.unsignedBatches - 1 })
    )
    sync.say(run(chain))
    await appears(`by ${author.author.slice(0, 6)} 64`)
    await arena.ignored(raw, sync)
  })
})

describe('misplaced', () => {
  test('deps on what nobody has, 1,024 of them: parked, asked for, nothing applied, nobody else waits', async () => {
    const { raw, sync, author, before } = await greeted()
    const name = (i: number): string => i.toString(16).padStart(64, '0')
    const deps = Array.from({ length: FORMAT.deps }, (_, i) => {
      return { author: name(i) as Author, epoch: '11'.repeat(8) as Epoch, seq: 1, id: name(i) as BatchId }
    })
    sync.say(run([author.next({ deps: deps.sort(compareDeps) })]))
    await until('wants', 10_000, () => sync.all('want').length > 0)
    await arena.replicates()
    await arena.ignored(raw, sync)
    assert.equal(await ops(), before + 2)
  })

  test('a chain that begins with seq 5: parked for what is before it, nothing applied', async () => {
    const { raw, sync, author, before } = await greeted()
    sync.say(run([author.next({ seq: 5, previous: 'ab'.repeat(32) as BatchId })]))
    await until('wants', 10_000, () => sync.all('want').length > 0)
    await arena.ignored(raw, sync)
    assert.equal(await ops(), before)
  })

  for (const [what, seq] of [
    ['one more', 1],
    ['2^48 more', 2 ** 48]
  ] as const) {
    test(`a dep that names an applied batch by ${what} than its seq is never applied`, async () => {
      const { raw, sync, author, before } = await greeted()
      const other = new HandAuthor(arena.database)
      const first = other.next()
      sync.say(run([first]))
      await appears(`by ${other.author.slice(0, 6)} 1`)
      const dep = { ...depOn(first), seq: first.header.seq + seq }
      sync.say(run([author.next({ deps: [dep] })]))
      await arena.replicates()
      await arena.ignored(raw, sync)
      assert.equal(await ops(), before + 3)
    })
  }

  test('parked batches of one peer are bounded in bytes; what goes on is dropped, and honest batches are not', async () => {
    const { raw, sync } = await greeted()
    const missing = depOn(new HandAuthor(arena.database).next({ sign: false }))
    for (let i = 0; i < 12; i++) {
      const author = new HandAuthor(arena.database)
      const value = new Uint8Array(100_000).fill(48 + i)
      await sync.pour(run([author.next({ deps: [missing], ops: [put(`parked ${i}`, value)] })]))
    }
    await arena.replicates()
    await arena.ignored(raw, sync)
    assert.equal(await arena.victim.db.get('parked 0'), undefined)
  })

  test('a body that breaks the grammar, truly signed: applied as a batch without ops, on every node alike', async () => {
    const { raw, sync, author } = await greeted()
    const broken = author.next({ body: utf8('no ops at all'), opCount: 3 })
    sync.say(run([broken, author.next({ ops: [put('behind the broken', '"x"')] })]))
    await appears('behind the broken')
    await arena.agree()
    await arena.ignored(raw, sync)
  })

  test('a batch from 200 years ahead is applied, and the own clock goes at most a minute with it', async () => {
    const { raw, sync, author } = await greeted()
    sync.say(run([author.next({ time: { ms: Date.now() + 6e12, counter: 0 }, ops: [put('ahead', '"x"')] })]))
    await appears('ahead')
    await arena.victim.db.put('after', 1)
    const { at } = await arena.victim.cell('after')
    assert.ok(Date.parse(at) <= Date.now() + 61_000, at)
    await arena.ignored(raw, sync)
    await arena.agree()
  })

  test('two truths for one place, both signed: both are kept, both nodes have both', async () => {
    const { raw, sync, author } = await greeted()
    const epoch = '6900000000000009' as Epoch
    const twin = new HandAuthor(arena.database, author.signer)
    sync.say(
      run([author.next({ epoch, ops: [put('twin a', '"x"')] })]),
      run([twin.next({ epoch, ops: [put('twin b', '"x"')] })])
    )
    await appears('twin a')
    await appears('twin b')
    await arena.agree()
    await arena.ignored(raw, sync)
  })

  test('65,536 versions of one key in one batch: applied within seconds, and others replicate', async () => {
    const { raw, sync, author } = await greeted()
    const ops = Array.from({ length: FORMAT.batchOps }, () => {
      return { kind: 2, flags: 1, key: utf8('crowded'), over: [], extensions: [] }
    })
    await sync.pour(run([author.next({ ops })]))
    sync.say(run([author.next({ ops: [put('after the many', '"x"')] })]))
    await appears('after the many')
    await arena.replicates()
    await arena.agree()
    assert.equal(await arena.circuit(raw), 'closed')
  })
})

describe('large', () => {
  const body = new Uint8Array(FORMAT.bodyBytes)

  test('a body of 8 MiB is taken in, and one of a byte more is no batch', async () => {
    const { raw, sync, author } = await greeted()
    const whole = author.next({ body: body.subarray(0, 600_000), opCount: 0 })
    await sync.pour(run([whole]))
    const tip = tipOf(whole)
    await until('it is acknowledged or held', 10_000, async () => {
      const { frontierDigest } = await arena.victim.status()
      return frontierDigest !== '' && sync.all('credit').length >= 0
    })
    const over = { root: new Uint8Array(32), length: FORMAT.bodyBytes + 1, body: undefined }
    sync.frames(frameOf(whole, entryOf(whole, over), { large: true }))
    await arena.blamed(raw)
    assert.equal(tip.id, shortId(whole.id))
  })

  test('a large body whose author did not sign its header is refused before the body comes', async () => {
    const { raw, sync, author } = await greeted()
    const batch = author.next({ body: body.subarray(0, 600_000), opCount: 0 })
    const bare = { body: undefined, root: batch.header.root, length: 600_000, signature: new Uint8Array(64) }
    sync.frames(frameOf(batch, entryOf(batch, bare), { large: true }))
    await arena.blamed(raw)
  })

  test('a large body that is not what was signed is dropped at its end, and it counts', async () => {
    const { raw, sync, author, before } = await greeted()
    const batch = author.next({ body: body.subarray(0, 300_000), opCount: 0 })
    const bare = { body: undefined, root: batch.header.root, length: 300_000 }
    sync.frames(frameOf(batch, entryOf(batch, bare), { large: true }))
    for (let sent = 0; sent < 300_000; sent += 100_000)
      sync.frames(SyncFrame.encode({ body: { data: new Uint8Array(100_000).fill(1) } }))
    await arena.blamed(raw)
    assert.equal(await ops(), before)
  })

  test('large bodies that are never continued keep no other large batch out', async () => {
    const small = await Arena.open({ limits: { stagedBytes: 1_000_000 } })
    try {
      for (let stranger = 0; stranger < 4; stranger++) {
        const { raw, sync } = await small.attacker()
        const author = new HandAuthor(small.database, raw.signer)
        await sync.greet()
        const batch = author.next({ body, opCount: 0 })
        const bare = { body: undefined, root: batch.header.root, length: body.length }
        sync.frames(frameOf(batch, entryOf(batch, bare), { large: true }))
        for (let sent = 0; sent < 400_000; sent += 100_000)
          sync.frames(SyncFrame.encode({ body: { data: body.subarray(sent, sent + 100_000) } }))
      }
      const large = ['large', 'large 2', 'large 3', 'large 4'].map(key => ({
        type: 'put' as const,
        key,
        value: 'x'.repeat(180_000)
      }))
      await small.friend.db.batch(large)
      await until(
        'the honest large batch arrives',
        20_000,
        async () => (await small.victim.db.get('large')) !== undefined
      )
    } finally {
      await small.close()
    }
  })

  test('a large body that is never continued is kept within its bound, and others replicate meanwhile', async () => {
    const { raw, sync, author } = await greeted()
    const batch = author.next({ body, opCount: 0 })
    const bare = { body: undefined, root: batch.header.root, length: body.length }
    sync.frames(frameOf(batch, entryOf(batch, bare), { large: true }))
    for (let sent = 0; sent < 1_000_000; sent += 100_000)
      sync.frames(SyncFrame.encode({ body: { data: body.subarray(sent, sent + 100_000) } }))
    await arena.replicates()
    await arena.ignored(raw, sync)
  })
})

describe('without credit', () => {
  test('a RUN without an end, past every window: cut when it is over what may be under way, and it counts', async () => {
    const { raw, sync, author, before } = await greeted()
    const batch = author.next({ body: new Uint8Array(200_000), opCount: 0 })
    const frame = frameOf(batch, entryOf(batch), { more: true, fresh: true })
    for (let sent = 0; sent < 100 && !sync.ended; sent++) {
      sync.frames(frame)
      if (sync.stream.writeBufferLength > PROTOCOL.frameBytes)
        await sync.stream.onDrain().catch(() => undefined)
    }
    await arena.blamed(raw)
    assert.equal(await ops(), before)
  })

  test('batches by the hundred without waiting for credit: taken as fast as they are applied, or cut and counted', async () => {
    const { sync, author } = await greeted()
    const value = new Uint8Array(100_000).fill(48)
    for (let i = 0; i < 150 && !sync.ended; i++)
      await sync.pour(run([author.next({ ops: [put('flood', value)] })]))
    await arena.replicates()
    await arena.agree()
  })
})
