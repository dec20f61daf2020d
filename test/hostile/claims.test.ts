/** Lies about what one has and what one wants: they harm at most whoever tells them. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { PROTOCOL } from '../../src/base/index.js'
import { systemRandom } from '../../src/base/system.js'
import type { Author, Epoch, Message, ShortId, StoreId, Tip } from '../../src/log/index.js'
import { authorOfPeerId, tipOf } from '../../src/log/index.js'
import { until } from '../support/until.js'
import { Arena } from './arena.js'
import { HandAuthor } from './author.js'
import type { RawPeer } from './raw-peer.js'
import type { RawSync } from './raw-sync.js'

const MAX = Number.MAX_SAFE_INTEGER
const MARK = { position: 0, check: '0'.repeat(16) }
const hex = (bytes: number): string => Buffer.from(systemRandom.bytes(bytes)).toString('hex')
let arena: Arena
let victim: Author

before(async () => {
  arena = await Arena.open()
  victim = authorOfPeerId((await arena.victim.status()).peerId)!
  await arena.replicates()
})
afterEach(() => arena.leave())
after(() => arena.close())

function invented(author: Author = hex(32) as Author, seq = 1): Tip {
  return { author, epoch: hex(8) as Epoch, seq, id: hex(16) as ShortId }
}

const heads = (tips: readonly Tip[], position = 1): Message => ({
  type: 'heads',
  tips,
  position: { position, check: hex(8) }
})

async function greeted(): Promise<{ raw: RawPeer; sync: RawSync }> {
  const { raw, sync } = await arena.attacker()
  await sync.greet()
  await sync.next('heads')
  return { raw, sync }
}

/** The victim goes on as before, and so does its exchange with the other honest node. */
async function unharmed(): Promise<void> {
  await arena.replicates()
  await arena.agree()
}

describe('HEADS', () => {
  test('2,048 invented tips: asked for at most 256 at a time, never acknowledged, nobody else waits', async () => {
    const { raw, sync } = await greeted()
    sync.say(heads(Array.from({ length: PROTOCOL.headsTips }, () => invented())))
    await until('wants', 5000, () => sync.all('want').length > 0)
    await unharmed()
    assert.ok(sync.all('want').length <= 256 * 3, `${sync.all('want').length} wants`)
    assert.ok(sync.all('ack').every(({ position }) => position === 0))
    await arena.ignored(raw, sync)
  })

  test('32,768 invented tips hold up nobody', async () => {
    const { raw, sync } = await greeted()
    const author = hex(32) as Author
    for (let frame = 0; frame < 16; frame++) {
      await sync.pour(heads(Array.from({ length: PROTOCOL.headsTips }, (_, i) => invented(author, i + 1))))
    }
    await unharmed()
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('marks without an end behind a tip that never comes are held as one', async () => {
    const { raw, sync } = await greeted()
    sync.say(heads([invented()]))
    for (let position = 2; position < 5000; position++) sync.say(heads([], position))
    await arena.ignored(raw, sync)
    assert.ok(sync.all('ack').every(({ position }) => position === 0))
    await unharmed()
  })

  test('tips of the own log ahead of it: asked for, not believed; own writes go on', async () => {
    const { raw, sync } = await greeted()
    const before = await arena.victim.status()
    sync.say(
      heads([
        invented(victim, 1),
        invented(victim, MAX),
        { ...invented(victim, 7), epoch: 'ff'.repeat(8) as Epoch }
      ])
    )
    await until('wants', 5000, () => sync.all('want').length > 0)
    await unharmed()
    assert.ok((await arena.victim.status()).ops > before.ops)
    await arena.ignored(raw, sync)
  })

  test('positions and seqs of 2^53 − 1: taken as said, nothing is acknowledged that is not there', async () => {
    const { raw, sync } = await greeted()
    sync.say(heads([invented(hex(32) as Author, MAX)], MAX))
    await arena.ignored(raw, sync)
    assert.ok(sync.all('ack').every(({ position }) => position < MAX))
    await unharmed()
  })

  test('positions that go down again: the stream goes on', async () => {
    const { raw, sync } = await greeted()
    for (const position of [100, 5, 0, 70]) sync.say(heads([], position))
    await arena.ignored(raw, sync)
  })
})

describe('HELLO', () => {
  test('positions, cursors and own tips beyond belief: the peer is shown everything, nothing counts', async () => {
    const { raw, sync } = await arena.attacker()
    sync.say(
      sync.hello({
        position: { position: MAX, check: hex(8) },
        cursor: { store: hex(8) as StoreId, position: MAX, check: hex(8) },
        yours: Array.from({ length: PROTOCOL.helloTips }, () => invented(victim, MAX)),
        window: 2 ** 32 - 1
      })
    )
    assert.ok((await sync.next('heads')).tips.length > 0)
    await arena.ignored(raw, sync)
    await unharmed()
  })

  test('a window of 0: HEADS come, data does not, nobody else waits', async () => {
    const { raw, sync } = await arena.attacker()
    sync.say(sync.hello({ window: 0 }), heads([], 0))
    const { tips } = await sync.next('heads')
    for (const tip of tips) sync.say({ type: 'want', tip, have: [], offset: 0 })
    await unharmed()
    await arena.ignored(raw, sync)
    assert.equal(sync.all('run').length, 0)
  })
})

describe('ACK', () => {
  for (const position of [1_000_000, MAX]) {
    test(`of position ${position}, which was never shown: the stream ends, it counts, and no receipt names the liar`, async () => {
      const { raw, sync } = await greeted()
      sync.say({ type: 'ack', position })
      await arena.blamed(raw)
      const receipt = await arena.victim.write([{ type: 'put', key: 'receipt', value: 1 }], {
        ack: 1,
        timeout: 5000
      })
      assert.ok(receipt.acks.every(({ peer }) => peer !== raw.peerId))
    })
  }

  test('acks that go down are ignored', async () => {
    const { raw, sync } = await greeted()
    const { position } = (await sync.next('heads')) as { position?: { position: number } }
    for (const shown of [position?.position ?? 0, 1, 0]) sync.say({ type: 'ack', position: shown })
    await arena.ignored(raw, sync)
  })

  test('a peer that does not fsync may acknowledge what it likes: no receipt counts it', async () => {
    const { raw, sync } = await arena.attacker()
    await sync.greet({ durable: false })
    await sync.next('heads')
    const receipt = await arena.victim.write([{ type: 'put', key: 'soft', value: 1 }], {
      ack: 1,
      timeout: 5000
    })
    const { position } = await until('the position', 5000, () => sync.all('heads').at(-1)?.position)
    sync.say({ type: 'ack', position })
    await arena.ignored(raw, sync)
    const again = await arena.victim.receipt(receipt.opIds[0]!)
    assert.ok(again.acks.every(({ peer }) => peer !== raw.peerId))
  })
})

describe('WANT', () => {
  test('of what nobody has: NO_COMMON or an empty answer, the stream stays', async () => {
    const { raw, sync } = await greeted()
    for (let i = 0; i < 200; i++) sync.say({ type: 'want', tip: invented(), have: [invented()], offset: 0 })
    await arena.ignored(raw, sync)
    await unharmed()
  })

  test('5,000 of them from a peer that reads nothing: what waits for it is bounded, then it is left', async () => {
    const { raw, sync } = await greeted()
    sync.stream.pause()
    const want: Message = { type: 'want', tip: invented(), have: [invented()], offset: 0 }
    for (let i = 0; i < 5000 && !sync.ended; i++) await sync.pour(want)
    await unharmed()
    assert.notEqual(await arena.circuit(raw), 'half-open')
  })

  test('of the same large batch again and again: one answer at a time, within the window', async () => {
    const value = 'v'.repeat(200_000)
    await arena.victim.write([{ type: 'put', key: 'large', value }])
    const { raw, sync } = await greeted()
    const tip = (await sync.next('heads')).tips.find(({ author }) => author === victim)!
    for (let i = 0; i < 500; i++) sync.say({ type: 'want', tip, have: [], offset: 0 })
    await unharmed()
    assert.ok(sync.bytes <= 2 * PROTOCOL.windowBytes, `${sync.bytes} bytes came without credit`)
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('offsets beyond the end of a body are as none; more than a body can have breaks the protocol', async () => {
    const { raw, sync } = await greeted()
    const tip = (await sync.next('heads')).tips.find(({ author }) => author === victim)!
    for (const offset of [1, 100_000, 8_388_608]) sync.say({ type: 'want', tip, have: [], offset })
    await until('an answer', 5000, () => sync.all('run').some(({ batches }) => batches.length > 0))
    sync.say({ type: 'want', tip, have: [], offset: 8_388_609 })
    await arena.blamed(raw)
    await unharmed()
  })

  test('offsets into 2,000 batches that nobody has are not remembered, and nobody waits', async () => {
    const { raw, sync } = await greeted()
    for (let i = 0; i < 2000; i++) await sync.pour({ type: 'want', tip: invented(), have: [], offset: 5 })
    await arena.ignored(raw, sync)
    await unharmed()
  })
})

describe('PING, CREDIT and ERR', () => {
  test('10,000 PINGs: answered, nobody else waits', async () => {
    const { raw, sync } = await greeted()
    for (let i = 0; i < 10_000; i++)
      await sync.pour({ type: 'ping', digest: 'ee'.repeat(16), position: MARK })
    await unharmed()
    await arena.ignored(raw, sync)
  })

  test('digests that differ and agree in turn do not have the whole disk looked at again and again', async () => {
    const { raw, sync } = await greeted()
    const { frontierDigest } = await arena.victim.status()
    for (let i = 0; i < 1000; i++) {
      const digest = i % 5 === 4 ? frontierDigest : 'ee'.repeat(16)
      await sync.pour({ type: 'ping', digest, position: MARK })
    }
    await arena.ignored(raw, sync)
    assert.ok(sync.all('heads').length < 60, `all tips were shown ${sync.all('heads').length} times`)
    await unharmed()
  })

  test('credit of 4 GB a hundred times: the node sends no more than the stream takes', async () => {
    const { raw, sync } = await greeted()
    for (let i = 0; i < 100; i++) sync.say({ type: 'credit', bytes: 2 ** 32 - 1 })
    await arena.ignored(raw, sync)
    await unharmed()
  })

  test('NO_COMMON of what was never asked for is ignored; INVALID is believed and the stream ends', async () => {
    const { raw, sync } = await greeted()
    const err = { type: 'err', retryable: true, retryAfterMs: 2 ** 32 - 1, text: 'x'.repeat(256) } as const
    for (let i = 0; i < 100; i++) sync.say({ ...err, code: 'NO_COMMON', tip: invented() })
    await arena.ignored(raw, sync)
    sync.say({ ...err, code: 'INVALID' })
    await arena.refused(raw, sync)
    await unharmed()
  })

  test('what was shown and is wanted is asked of somebody else when the one who showed it is silent', async () => {
    const writer = new HandAuthor(arena.database)
    const batch = writer.next()
    const silent = await greeted()
    silent.sync.say(heads([tipOf(batch)]))
    await until('a want', 5000, () => silent.sync.all('want').length > 0)
    const helpful = await greeted()
    helpful.sync.say(heads([tipOf(batch)]))
    await until('asked of the other', 10_000, () => helpful.sync.all('want').length > 0)
    helpful.sync.say({ type: 'run', batches: [batch], proof: [] })
    await until(
      'applied',
      5000,
      async () => (await arena.victim.db.get(`by ${writer.author.slice(0, 6)} 1`)) === 'x'
    )
    await unharmed()
  })
})
