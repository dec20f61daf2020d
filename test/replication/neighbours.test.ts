/** The choice of neighbours: everybody in a small network, few and connected in a large one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Author } from '../../src/log/index.js'
import { fullMeshNodes, selectNeighbours } from '../../src/replication/neighbours.js'
import { Seeded } from '../log/fixtures.js'

function authors(count: number): Author[] {
  const random = new Seeded(count)
  return Array.from({ length: count }, () => Buffer.from(random.bytes(32)).toString('hex') as Author)
}

function choose(self: Author, all: readonly Author[], chosen: ReadonlySet<Author> = new Set(), most = 16) {
  const random = new Seeded(7)
  const others = all.filter(peer => peer !== self)
  return selectNeighbours({
    self,
    reachable: others.map((peer, i) => ({ peer, rttMs: i })),
    known: others.length,
    chosen,
    fraction: () => random.fraction(),
    most
  })
}

describe('neighbours', () => {
  it('are all others, up to nine nodes', () => {
    const all = authors(fullMeshNodes)
    assert.equal(choose(all[0]!, all).peers.size, fullMeshNodes - 1)
  })

  it('of a larger network are the nearest, some at random, and the next by id', () => {
    const all = authors(40)
    const self = all[39]!
    const { peers, chosen } = choose(self, all)
    assert.equal(peers.size, 8)
    assert.equal(chosen.size, 2)
    const sorted = [...all].sort()
    const at = sorted.indexOf(self)
    for (const step of [1, 2]) assert.ok(peers.has(sorted[(at + step) % 40]!), 'the ring')
    const near = all.filter(peer => peers.has(peer) && !chosen.has(peer)).slice(0, 4)
    assert.ok(
      near.every(peer => all.indexOf(peer) < 7),
      'the nearest'
    )
  })

  it('keep their random choice while it can be reached', () => {
    const all = authors(40)
    const first = choose(all[0]!, all)
    assert.deepEqual(choose(all[0]!, all, first.chosen), first)
  })

  it('join everybody by the ring alone', () => {
    const all = authors(100)
    const next = new Map(all.map(self => [self, choose(self, all, new Set(), 2).peers]))
    const reached = new Set<Author>([all[0]!])
    for (const self of reached) for (const peer of next.get(self)!) reached.add(peer)
    assert.equal(reached.size, 100)
  })

  it('are no more than the limit, and nobody where nobody can be reached', () => {
    assert.equal(choose(authors(5)[0]!, authors(5), new Set(), 2).peers.size, 2)
    assert.equal(choose(authors(1)[0]!, authors(1)).peers.size, 0)
  })
})
