/** Presence, gossip and streams in bad hands: forged records, floods, and streams that are opened without an end. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { nodeSigner } from '../../src/base/crypto-node.js'
import { PEER, PROTOCOL } from '../../src/base/index.js'
import { systemRandom } from '../../src/base/system.js'
import type { DatabaseId } from '../../src/log/index.js'
import { authorOf } from '../../src/log/index.js'
import { topicOf } from '../../src/net/gossip.js'
import type { PresenceMessage } from '../../src/wire/index.js'
import { encodeGossip } from '../../src/wire/index.js'
import { put } from '../log/fixtures.js'
import { until } from '../support/until.js'
import { Arena } from './arena.js'
import { HandAuthor } from './author.js'
import type { RawPeer } from './raw-peer.js'
import { recordsMessage, signedRecord } from './raw-peer.js'

const MAX = Number.MAX_SAFE_INTEGER
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

async function says(...messages: (PresenceMessage | Uint8Array)[]): Promise<RawPeer> {
  const raw = await arena.stranger()
  const connection = await raw.dial(arena.address)
  await raw.presence(connection, raw.hello(), ...messages)
  return raw
}

const known = async (peer: string): Promise<boolean> =>
  (await arena.victim.peers()).some(other => other.peer === peer && other.app?.name !== undefined)

describe('presence', () => {
  const signer = () => nodeSigner(systemRandom.bytes(32))

  test('a record of another node that it did not sign: the stream ends, it counts, and the record is not believed', async () => {
    const other = signer()
    const forged = { ...signedRecord(other, { name: 'forged' }), signature: signedRecord(signer()).signature }
    const raw = await says(recordsMessage(forged))
    await arena.blamed(raw)
    const names = (await arena.victim.peers()).map(({ name }) => name)
    assert.ok(!names.includes('forged'))
  })

  test('a record of the victim itself, forged with a version of 2^53 − 1: it counts, and the own record stands', async () => {
    const self = (await arena.victim.status()).peerId
    const own = (await arena.friend.peers()).find(({ peer }) => peer === self)!.name
    const { authorOfPeerId } = await import('../../src/log/index.js')
    const record = {
      ...signedRecord(signer()).record,
      peer: authorOfPeerId(self)!,
      version: MAX,
      name: 'taken over'
    }
    const raw = await says(recordsMessage({ record, signature: new Uint8Array(64) }))
    await arena.blamed(raw)
    assert.equal((await arena.friend.peers()).find(({ peer }) => peer === self)!.name, own)
  })

  test('a record of 2^53 − 1 by its own node is taken, and nothing overflows', async () => {
    const raw = await arena.stranger()
    const connection = await raw.dial(arena.address)
    await raw.presence(connection, raw.hello(), recordsMessage(raw.record({ version: MAX, name: 'max' })))
    await until('known', 5000, async () => (await arena.victim.peers()).some(({ name }) => name === 'max'))
    await arena.replicates()
  })

  test('addresses that point at the node itself, at others, or nowhere: dialled at most, nobody harmed', async () => {
    const addrs = [arena.address, '/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/22', '/dns4/localhost/tcp/7070']
    const raw = await says(recordsMessage(signedRecord(signer(), { addrs })))
    await arena.replicates()
    assert.equal(await arena.circuit(raw), 'closed')
  })

  for (const [what, fields] of Object.entries({
    'a name of 129 bytes': { name: 'n'.repeat(PROTOCOL.presenceTextBytes + 1) },
    '65 capabilities': { capabilities: Array.from({ length: PROTOCOL.presenceCapabilities + 1 }, () => 'c') },
    '17 addresses': { addrs: Array.from({ length: PROTOCOL.presenceAddrs + 1 }, () => '/ip4/1.2.3.4/tcp/1') },
    'version 0': { version: 0 }
  })) {
    test(`a truly signed record with ${what}: refused, it counts`, async () => {
      const { PresenceFrame } = await import('../../src/wire/generated/sync-presence.js')
      const { fromHex } = await import('../../src/base/index.js')
      const key = signer()
      const { record, signature } = signedRecord(key, fields)
      const entry = {
        ...record,
        capabilities: [...record.capabilities],
        addrs: [...record.addrs],
        peer: fromHex(record.peer),
        signature
      }
      const frame = PresenceFrame.encode({
        records: { table: new Uint8Array(8), version: 1, records: [entry] }
      })
      await arena.blamed(await says(frame))
    })
  }

  test('a node of another network is believed nothing that it says behind its HELLO, and told nothing', async () => {
    const raw = await arena.stranger()
    const connection = await raw.dial(arena.address)
    const other = { ...raw.hello(), database: '77'.repeat(32) as DatabaseId } as PresenceMessage
    const stream = await raw.presence(connection, other, recordsMessage(raw.record({ name: 'intruder' })))
    const told: Uint8Array[] = []
    stream.addEventListener('message', ({ data }) => told.push(data.subarray()))
    await until('the connection ends', 10_000, () => connection.status === 'closed')
    const names = (await arena.victim.peers()).map(({ name }) => name)
    assert.ok(!names.includes('intruder'))
    const own = (await arena.victim.status()).name
    assert.ok(!told.some(bytes => Buffer.from(bytes).includes(own)))
  })

  test('2,000 invented nodes, truly signed: the table takes them, honest nodes go on, and stay known', async () => {
    const raw = await says(recordsMessage(...Array.from({ length: 2000 }, () => signedRecord(signer()))))
    await arena.replicates()
    assert.equal(await arena.circuit(raw), 'closed')
    assert.ok(await known((await arena.friend.status()).peerId))
  })
})

describe('streams', () => {
  test('streams opened as fast as may be hold up nobody', async () => {
    const raw = await arena.stranger()
    const connection = await raw.join(arena.address)
    for (let opened = 0; opened < 2 * PEER.streamsAtOnce && connection.status === 'open'; opened++) {
      const sync = await raw.sync(connection).catch(() => undefined)
      sync?.say(sync.hello())
      sync?.stream.abort(new Error('the next one'))
    }
    await arena.replicates()
  })

  test('twenty streams one after the other are taken as they come', async () => {
    const raw = await arena.stranger()
    const connection = await raw.join(arena.address)
    for (let opened = 0; opened < 20; opened++) {
      const sync = await raw.sync(connection)
      sync.say(sync.hello())
      await sync.next('hello')
      await sync.stream.close()
    }
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('streams of a protocol that nobody speaks are refused, and nobody else waits', async () => {
    const raw = await arena.stranger()
    const connection = await raw.join(arena.address)
    const tries = Array.from({ length: 60 }, () =>
      connection.newStream('/nobody/1.0.0').catch(() => 'refused')
    )
    assert.deepEqual(new Set(await Promise.all(tries)), new Set(['refused']))
    await arena.replicates()
  })
})

describe('gossip', () => {
  async function gossiper(): Promise<{ raw: RawPeer; topic: string }> {
    const raw = await arena.stranger()
    await raw.join(arena.address)
    const topic = topicOf(arena.database)
    await until('a gossip peer', 10_000, () => raw.node.services.pubsub.getSubscribers(topic).length > 0)
    return { raw, topic }
  }

  test('batches whose signature is false: none is applied, and who forwards them is cut off after the first', async () => {
    const { raw, topic } = await gossiper()
    const before = (await arena.victim.status()).ops
    for (let i = 0; i < 500; i++) {
      const author = new HandAuthor(arena.database, raw.signer)
      const batch = { ...author.next({ ops: [put(`false ${i}`, '"x"')] }), signature: new Uint8Array(64) }
      await raw.node.services.pubsub.publish(topic, encodeGossip(batch)!).catch(() => undefined)
    }
    await arena.blamed(raw)
    assert.equal((await arena.victim.status()).ops, before)
    await arena.replicates()
  })

  test('what is no message at all: cut off after the first', async () => {
    const { raw, topic } = await gossiper()
    await raw.node.services.pubsub.publish(topic, Uint8Array.from([1, 2, 3]))
    await arena.blamed(raw)
  })

  test('a message over the bound: cut off', async () => {
    const { raw, topic } = await gossiper()
    await raw.node.services.pubsub.publish(topic, new Uint8Array(PROTOCOL.gossipBytes + 1).fill(1))
    await arena.blamed(raw)
  })

  test('a message of a later type is ignored, and nothing counts', async () => {
    const { raw, topic } = await gossiper()
    await raw.node.services.pubsub.publish(topic, Uint8Array.from([9, 9, 9]))
    await arena.replicates()
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('batches truly signed, by the thousand: no more are taken than a peer may forward, and honest writes arrive', async () => {
    const { raw, topic } = await gossiper()
    const before = (await arena.victim.status()).ops
    const author = new HandAuthor(arena.database, raw.signer)
    const flood = Array.from(
      { length: 1500 },
      (_, i) => encodeGossip(author.next({ ops: [put(`flood ${i % 10}`, '"x"')] }))!
    )
    const startedMs = performance.now()
    for (const data of flood) await raw.node.services.pubsub.publish(topic, data).catch(() => undefined)
    await arena.replicates()
    const seconds = (performance.now() - startedMs) / 1000
    const taken = (await arena.victim.status()).ops - before
    assert.ok(
      taken <= PEER.gossipChecks * (2 + seconds),
      `${taken} of ${flood.length} were taken in ${seconds} s`
    )
    assert.equal(await arena.circuit(raw), 'closed')
  })

  test('the same message again and again is one, and other topics are nobody’s business', async () => {
    const { raw, topic } = await gossiper()
    const author = new HandAuthor(arena.database, raw.signer)
    const data = encodeGossip(author.next({ ops: [put('once', '"x"')] }))!
    for (let i = 0; i < 50; i++) await raw.node.services.pubsub.publish(topic, data).catch(() => undefined)
    raw.node.services.pubsub.subscribe('natter/of others')
    await until('once', 5000, async () => (await arena.victim.db.get('once')) === 'x')
    await arena.agree()
    assert.equal(await arena.circuit(raw), 'closed')
    assert.equal(authorOf(raw.signer.publicKey), raw.self)
  })
})
