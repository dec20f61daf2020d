/** The presence table: newest record of each node, positions of changes, the forgotten. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROTOCOL } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import { PresenceTable } from '../../src/net/presence.js'
import type { SignedPresence, TableId } from '../../src/wire/index.js'

const author = (n: number): Author => n.toString(16).padStart(64, '0') as Author
const table = () => new PresenceTable(author(0), '00'.repeat(8) as TableId)

function signed(n: number, version: number, name = ''): SignedPresence {
  const record = { peer: author(n), version, name, appName: '', appVersion: '', capabilities: [], addrs: [] }
  return { record, signature: new Uint8Array(64) }
}

test('a higher version replaces, the same or a lower one does not', () => {
  const presence = table()
  let changes = 0
  const end = presence.onChange(() => changes++)
  assert.equal(presence.put(signed(1, 5, 'a'), 100), true)
  assert.equal(presence.put(signed(1, 5, 'b'), 200), false)
  assert.equal(presence.put(signed(1, 4, 'c'), 200), false)
  assert.equal(presence.put(signed(1, 6, 'd'), 300), true)
  assert.equal(changes, 2)
  end()
  presence.put(signed(1, 7), 400)
  assert.equal(changes, 2)
  assert.equal(presence.get(author(1))!.lastSeen, 400)
  presence.touch(author(1), 500)
  assert.equal(presence.get(author(1))!.lastSeen, 500)
})

test('changes since a version, oldest change first, each node once', () => {
  const presence = table()
  presence.put(signed(0, 1), 0)
  presence.put(signed(1, 1), 0)
  const seen = presence.version
  presence.put(signed(2, 1), 0)
  presence.put(signed(1, 2), 0)
  presence.put(signed(1, 3), 0)
  assert.deepEqual(
    presence.changesSince(seen).map(({ record }) => [record.peer, record.version]),
    [
      [author(2), 1],
      [author(1), 3]
    ]
  )
  assert.equal(presence.changesSince(0).length, 3)
  assert.deepEqual(presence.changesSince(presence.version), [])
  assert.deepEqual(
    presence.others().map(({ peer }) => peer),
    [author(1), author(2)]
  )
  assert.equal(presence.own!.peer, author(0))
})

test('a forgotten node comes back with a newer record or in person; this node is not forgotten', () => {
  const presence = table()
  presence.put(signed(0, 1), 0)
  presence.put(signed(1, 5), 0)
  presence.forget(author(1))
  presence.forget(author(0))
  presence.forget(author(9))
  assert.deepEqual(presence.others(), [])
  assert.notEqual(presence.own, undefined)
  assert.equal(presence.isNews(signed(1, 5).record, 0), false)
  assert.equal(presence.put(signed(1, 6), 0), true)
  presence.forget(author(1))
  presence.welcome(author(1))
  assert.equal(presence.put(signed(1, 6), 0), true, 'unless it is there in person')
})

test('the table takes as many nodes as a network may have', () => {
  const presence = table()
  for (let n = 0; n < PROTOCOL.presenceNodes; n++) assert.ok(presence.put(signed(n, 1), 0))
  assert.equal(presence.put(signed(PROTOCOL.presenceNodes, 1), 0), false)
  assert.equal(presence.put(signed(1, 2), 0), true)
})

test('a full table has room for whoever is connected, and keeps whom it met', () => {
  const presence = table()
  presence.put(signed(0, 1), 0)
  presence.welcome(author(1))
  presence.put(signed(1, 1), 0)
  presence.welcome(author(2))
  presence.put(signed(2, 1), 0)
  presence.left(author(2), 0)
  for (let n = 3; n < PROTOCOL.presenceNodes; n++) assert.equal(presence.put(signed(n, 1), n), true)
  const evicted: Author[] = []
  const put = (n: number, nowMs: number): boolean =>
    presence.put(signed(n, 1), nowMs, peer => evicted.push(peer))
  // An invention does not push out another at once, or the table would never stand still.
  assert.equal(put(10_000, 5000), false)
  presence.welcome(author(10_001))
  assert.equal(put(10_001, 5000), true)
  assert.deepEqual(evicted, [author(3)])
  assert.equal(put(10_002, 600_004), true)
  assert.deepEqual(evicted, [author(3), author(4)])
  for (let n = 20_000; n < 30_000; n++) put(n, 2e9 + n * 1e6)
  for (const n of [0, 1, 2, 10_001]) assert.ok(presence.get(author(n)), `node ${n}`)
  assert.equal(presence.others().length, PROTOCOL.presenceNodes - 1)
})
