/** Carries batches from store to store without a network: by runs, as the engine would, or one by one in any order. */
import assert from 'node:assert/strict'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import type { Batch, BatchHeader, Dep, Op, Tip } from '../../src/log/index.js'
import { compareDeps, encodeBody, makeBatch, signedMessage } from '../../src/log/index.js'
import type { MissingHere, Store } from '../../src/store/index.js'
import { seedOf } from './harness.js'

/** Brings everything that `from` has to `to`, by WANTs for the tips that are missing there. */
export async function carry(from: Store, to: Store, maxBytes = 4096): Promise<Batch[]> {
  const carried: Batch[] = []
  const run = from.openRun()
  try {
    for (const tip of (await from.tipsSince(0)).tips) {
      if (await to.hasBatch(tip)) continue
      const have: Tip[] = []
      for (const held of to.frontier.of(tip.author)) if (await from.hasBatch(held)) have.push(held)
      assert.equal(await run.add({ type: 'want', tip, have, offset: 0 }), true)
    }
    for (;;) {
      const { batches, proof, done } = await run.next(maxBytes)
      for (const result of await to.apply(batches, proof)) {
        assert.notEqual(result.status, 'missing', 'a run comes in causal order')
        if (result.status === 'applied') carried.push(result.batch)
      }
      if (done) return carried
    }
  } finally {
    await run.close()
  }
}

/**
 * Brings the batches that a store waits for, as a peer answers WANTs for them: one after the other in the given order, each
 * answer handed in by pieces of `maxBytes`.
 */
export async function refetch(
  store: Store,
  peer: Store,
  order: (holes: MissingHere[]) => MissingHere[] = holes => holes,
  maxBytes = 1 << 20,
  /** What comes may be new here: its position was given up. */
  mayBeNew = false
): Promise<void> {
  for (const { tip, have } of order(await store.missing())) {
    const run = peer.openRun()
    assert.equal(await run.add({ type: 'want', tip, have, offset: 0 }), true)
    for (;;) {
      const { batches, proof, done } = await run.next(maxBytes)
      const results = await store.apply(batches, proof)
      assert.ok(results.every(({ status }) => status === 'duplicate' || (mayBeNew && status === 'applied')))
      if (done) break
    }
    await run.close()
  }
  // Cells are made again behind the commit that brought the batch.
  await store.keepPeer('nobody', {
    acked: 0,
    ackedAtMs: 0,
    durable: false,
    kind: 'peer',
    blocked: false,
    addrs: []
  })
  await store.forgetPeer('nobody')
}

/** Both ways, until both have the same. */
export async function exchange(a: Store, b: Store): Promise<void> {
  await carry(a, b)
  await carry(b, a)
}

/** All batches of a store in arrival order, each with its signature. */
export async function batchesOf(store: Store): Promise<Batch[]> {
  const batches: Batch[] = []
  const run = store.openRun()
  for (const tip of store.frontier) await run.add({ type: 'want', tip, have: [], offset: 0 })
  for (;;) {
    const piece = await run.next(1 << 20)
    batches.push(...piece.batches)
    if (piece.done) break
  }
  await run.close()
  return batches
}

/** Offers batches in the given order again and again, until all are applied. */
export async function applyAll(store: Store, batches: readonly Batch[], groups: () => number): Promise<void> {
  let waiting = [...batches]
  while (waiting.length > 0) {
    const held: Batch[] = []
    const before = waiting.length
    for (let i = 0; i < waiting.length; ) {
      const group = waiting.slice(i, i + groups())
      i += group.length
      for (const { batch, status } of await store.apply(group)) if (status === 'missing') held.push(batch)
    }
    assert.ok(held.length < before, 'batches are missing for ever')
    waiting = held
  }
}

const signers = new Map<number, ReturnType<typeof nodeSigner>>()

function signerOf(author: number): ReturnType<typeof nodeSigner> {
  const signer = signers.get(author) ?? nodeSigner(seedOf(author))
  signers.set(author, signer)
  return signer
}

/** A signed batch made by hand, for what an honest store would never write. */
export function forge(
  author: number,
  fields: Pick<BatchHeader, 'epoch' | 'seq' | 'previous' | 'time' | 'database'> & { deps?: readonly Dep[] },
  ops: readonly Op[],
  body = encodeBody(ops)
): Batch {
  const signer = signerOf(author)
  const { epoch, seq, previous, time, database } = fields
  const deps = [...(fields.deps ?? [])].sort(compareDeps)
  const header = {
    database,
    author: Buffer.from(signer.publicKey).toString('hex') as BatchHeader['author'],
    epoch,
    seq,
    previous,
    opCount: ops.length,
    time,
    deps,
    extensions: []
  }
  const batch = makeBatch(header, body, nodeCrypto)
  return { ...batch, signature: signer.sign(signedMessage(batch.headerBytes)) as Uint8Array }
}
