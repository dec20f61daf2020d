/** How far a WANT reaches back where the ends of two logs have nothing in common. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { lookBack } from '../../src/engine/look-back.js'
import type { Batch, Epoch } from '../../src/log/index.js'
import { authorOf, encodeBody, makeBatch, NO_BATCH, signedMessage, tipOf } from '../../src/log/index.js'
import { START_MS } from '../log/fixtures.js'
import type { TestNode } from './support.js'
import { Cluster } from './support.js'

const signer = nodeSigner(new Uint8Array(32).fill(50))
const author = authorOf(signer.publicKey)
const epoch = '0000000100000001' as Epoch

describe('what a WANT names after NO_COMMON', () => {
  const cluster = new Cluster({ gossip: false })
  let a: TestNode
  let b: TestNode
  const trunk: Batch[] = []
  let left: Batch[]
  let right: Batch[]

  function next(previous: Batch | undefined, counter: number): Batch {
    const seq = (previous?.header.seq ?? 0) + 1
    const place = { author, epoch, seq, previous: previous?.id ?? NO_BATCH }
    const time = { ms: START_MS + seq, counter }
    const fields = { database: a.store.database, ...place, opCount: 0, time, deps: [], extensions: [] }
    const batch = makeBatch(fields, encodeBody([]), nodeCrypto)
    return { ...batch, signature: signer.sign(signedMessage(batch.headerBytes)) as Uint8Array }
  }

  function branch(from: Batch, length: number, counter: number): Batch[] {
    const batches: Batch[] = []
    for (let i = 0; i < length; i++) batches.push(next(batches.at(-1) ?? from, counter))
    return batches
  }

  before(async () => {
    a = await cluster.node()
    b = await cluster.node()
    for (let i = 0; i < 100; i++) trunk.push(next(trunk.at(-1), 0))
    left = branch(trunk[99]!, 3, 1)
    right = branch(trunk[89]!, 30, 2)
    await a.store.apply([...trunk, ...left])
    await b.store.apply([...trunk.slice(0, 90), ...right])
  })
  after(() => cluster.stop())

  it('counts from what is held, not from what is wanted, and needs no ops', async () => {
    const named = await lookBack(b.store, tipOf(left[2]!))
    assert.deepEqual(
      named.map(({ seq }) => seq),
      [119, 118, 116, 112, 104, 88, 56]
    )
    const seqs = (await lookBack(a.store, tipOf(right[29]!))).map(({ seq }) => seq)
    assert.deepEqual(seqs, [102, 101, 99, 95, 87, 71, 39])
  })

  it('is common soon, so that most of the log stays where it is', async () => {
    cluster.network.connect(a.author, b.author)
    await cluster.settled()
    assert.equal(a.store.mark.position, 133)
    assert.equal((await a.store.batchesAt({ author, epoch, seq: 91 })).length, 2)
    const { bytesReceived } = await a.engine.session(b.author)
    assert.ok(bytesReceived < 133 * 60, `${bytesReceived} bytes`)
  })
})
