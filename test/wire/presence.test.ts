import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { fromHex, isNatterError, PROTOCOL } from '../../src/base/index.js'
import type { DatabaseId } from '../../src/log/index.js'
import { authorOf } from '../../src/log/index.js'
import type { PresenceFields, PresenceMessage, SignedPresence, TableId } from '../../src/wire/index.js'
import { checkPresence, decodePresence, encodePresence, presenceSigningBytes } from '../../src/wire/index.js'

const database = '11'.repeat(32) as DatabaseId
const table = '0011223344556677' as TableId

async function signed(seed: number, change: Partial<PresenceFields> = {}): Promise<SignedPresence> {
  const signer = nodeSigner(new Uint8Array(32).fill(seed))
  const record: PresenceFields = {
    peer: authorOf(signer.publicKey),
    version: seed,
    name: `node ${seed} ü`,
    appName: 'till',
    appVersion: '1.2.3',
    capabilities: ['scan', 'print'],
    addrs: [`/ip4/10.0.0.${seed}/tcp/4001`],
    ...change
  }
  return { record, signature: await signer.sign(presenceSigningBytes(record)) }
}

const decodeAll = (message: PresenceMessage): (PresenceMessage | undefined)[] =>
  encodePresence(message).map(decodePresence)

test('a hello goes through its frame, with and without what was seen', () => {
  const first: PresenceMessage = { type: 'hello', database, table }
  const later: PresenceMessage = { ...first, seen: { table: 'ff00ff00ff00ff00' as TableId, version: 70_000 } }
  assert.deepEqual(decodeAll(first), [first])
  assert.deepEqual(decodeAll(later), [later])
})

test('records go through their frame and their signatures hold', async () => {
  const message: PresenceMessage = {
    type: 'records',
    table,
    version: 9,
    records: [await signed(1), await signed(2, { capabilities: [], addrs: [], name: '', appName: '' })]
  }
  const [decoded] = decodeAll(message)
  assert.ok(decoded?.type === 'records')
  assert.equal(decoded.version, 9)
  assert.deepEqual(
    decoded.records.map(entry => entry.record),
    message.records.map(entry => entry.record)
  )
  for (const { record, signature } of decoded.records) {
    assert.equal(nodeCrypto.verify(fromHex(record.peer), presenceSigningBytes(record), signature), true)
    const changed = presenceSigningBytes({ ...record, name: `${record.name}!` })
    assert.equal(nodeCrypto.verify(fromHex(record.peer), changed, signature), false)
  }
})

test('moving a text between lists changes what is signed', async () => {
  const { record } = await signed(1)
  const moved = { ...record, capabilities: ['scan'], addrs: ['print', ...record.addrs] }
  assert.notDeepEqual(presenceSigningBytes(record), presenceSigningBytes(moved))
})

test('many records are cut into frames, and only the last says how far they reach', async () => {
  const one = await signed(1, { addrs: Array.from({ length: 16 }, (_, i) => `/dns4/${'x'.repeat(240)}${i}`) })
  const records = Array.from({ length: 40 }, () => one)
  const frames = encodePresence({ type: 'records', table, version: 5, records })
  assert.ok(frames.length > 1)
  assert.ok(frames.every(frame => frame.length <= PROTOCOL.presenceFrameBytes))
  const decoded = frames.map(decodePresence)
  assert.deepEqual(
    decoded.map(message => (message?.type === 'records' ? (message.version ?? 0) : -1)),
    frames.map((_, i) => (i === frames.length - 1 ? 5 : 0))
  )
  const count = decoded.reduce(
    (sum, message) => sum + (message?.type === 'records' ? message.records.length : 0),
    0
  )
  assert.equal(count, 40)
})

test('a record over a bound is not made', async () => {
  const { record } = await signed(1)
  const over: Partial<PresenceFields>[] = [
    { version: 0 },
    { version: 1.5 },
    { name: 'x'.repeat(129) },
    { appName: 'ü'.repeat(65) },
    { appVersion: 'x'.repeat(129) },
    { capabilities: Array.from({ length: 65 }, () => 'x') },
    { capabilities: ['x'.repeat(129)] },
    { addrs: Array.from({ length: 17 }, () => 'x') },
    { addrs: ['x'.repeat(257)] }
  ]
  for (const change of over) assert.throws(() => checkPresence({ ...record, ...change }), RangeError)
  assert.doesNotThrow(() => checkPresence({ ...record, name: 'x'.repeat(128), addrs: ['x'.repeat(256)] }))
})

test('an unknown even frame is skipped, an unknown odd one is an error', () => {
  assert.equal(decodePresence(new Uint8Array([(2 << 3) | 2, 1, 0])), undefined)
  assert.throws(
    () => decodePresence(new Uint8Array([(5 << 3) | 2, 1, 0])),
    error => isNatterError(error, 'PROTOCOL_ERROR')
  )
})
