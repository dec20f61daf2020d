/**
 * What a local write costs, in counts: they are the same on every machine, and what they count is what takes the time.
 * Each bound says why it is what it is; whoever makes a write cheaper lowers it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import type { Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/index.js'
import { inFastFolder } from '../support/folders.js'
import type { CryptoCall, DiskCall } from './counted.js'
import { CountedCrypto, CountedDisk, KEY_BYTES, LOOKED_FOR, putOf, putsOf, VALUE_BYTES } from './counted.js'

type Counted = Record<DiskCall | CryptoCall, number>

/** What `run` asks of the parts under a store that has written so many ops, and one, before. */
async function costOf(run: (store: Store) => Promise<unknown>, behind = 0): Promise<Counted> {
  return inFastFolder(async folder => {
    const [disk, crypto] = [new CountedDisk(), new CountedCrypto()]
    const store = await openStore({
      disk: await disk.open(folder),
      network: 'test',
      signer: crypto.signer(1),
      crypto: crypto.crypto,
      clock: systemClock,
      random: systemRandom,
      limits: DEFAULT_LIMITS,
      strategy: () => 'latest'
    })
    try {
      await store.write({ ops: [putOf(0)] }) // mints the epoch
      if (behind > 0) await store.write({ ops: putsOf(10_000, behind) })
      let ofDisk: Record<DiskCall, number> | undefined
      const ofCrypto = await crypto.during(async () => {
        ofDisk = await disk.during(() => run(store))
      })
      return { ...ofDisk!, ...ofCrypto }
    } finally {
      await store.close()
      await store.disk.close()
    }
  })
}

async function putEach(store: Store, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) await store.write({ ops: [putOf(n)] })
}

const PUTS = 100
/** Entries of a commit beside two for each op (its cell and its place in the history of the key). */
const ENTRIES = {
  /** Log record, index, meta, the new tip, and the old one deleted. */
  commit: 5
}

describe('a put of one caller', () => {
  // The body's only piece, the header, the running check of the log, and for the digest the version that comes and,
  // where there is one, the version that goes.
  for (const [what, from, hashes, reads] of [
    ['of a new key', 1, 4, 0],
    ['over an older value', 0, 5, PUTS]
  ] as const) {
    it(`${what} is one synced LevelDB batch, one signature, and nothing beside`, async () => {
      const cost = await costOf(async store => {
        for (let n = 0; n < PUTS; n++) await store.write({ ops: [putOf(from * (n + 1))] })
      })
      assert.equal(cost.write, PUTS, 'LevelDB batches')
      assert.equal(cost.synced, PUTS, 'synced ones')
      assert.equal(cost.sign, PUTS, 'signatures')
      assert.equal(cost.verify, 0, 'own signatures are not checked')
      assert.equal(cost.walk, 0, 'nothing is searched for')
      assert.equal(cost.read, reads, 'the heads of the key')
      assert.ok(cost.record <= PUTS * (2 + ENTRIES.commit), `${cost.record} entries`)
      assert.ok(cost.hash <= PUTS * hashes, `${cost.hash} hashes`)
    })
  }

  it('costs the same behind few ops and behind many', async () => {
    const puts = (store: Store) => putEach(store, 1, PUTS)
    const [many, few] = [await costOf(puts, 10_000), await costOf(puts, 100)]
    assert.ok(many.read <= PUTS * LOOKED_FOR, `${many.read} new keys are looked for`)
    assert.deepEqual({ ...many, read: 0 }, { ...few, read: 0 })
  })
})

describe('puts of 64 callers', () => {
  it('that come in one turn share one commit: one sync, one signature', async () => {
    const cost = await costOf(store => Promise.all(putsOf(1, 64).map(op => store.write({ ops: [op] }))))
    assert.equal(cost.write, 1)
    assert.equal(cost.synced, 1)
    assert.equal(cost.sign, 1)
    assert.deepEqual([cost.read, cost.walk], [0, 0], 'new keys are not looked for')
    assert.ok(cost.record <= 64 * 2 + ENTRIES.commit, `${cost.record} entries`)
  })

  it('that each wait for their own share a commit each time', async () => {
    const rounds = 10
    const cost = await costOf(store =>
      Promise.all(Array.from({ length: 64 }, (_, caller) => putEach(store, 1 + caller * rounds, rounds)))
    )
    assert.equal(cost.synced, rounds)
  })
})

describe('a batch of 1,000 puts', () => {
  it('is one commit: two entries and no read an op, one signature', async () => {
    const cost = await costOf(store => store.write({ ops: putsOf(1, 1000) }))
    assert.equal(cost.write, 1)
    assert.equal(cost.synced, 1)
    assert.equal(cost.sign, 1)
    assert.deepEqual([cost.read, cost.walk], [0, 0], 'new keys are not looked for')
    assert.ok(cost.record <= 1000 * 2 + ENTRIES.commit, `${cost.record} entries`)
  })

  it('hashes each op once for the digest, and the body by its Merkle tree', async () => {
    const cost = await costOf(store => store.write({ ops: putsOf(1, 1000) }))
    const pieces = Math.ceil((1000 * (KEY_BYTES + VALUE_BYTES + 8)) / 4096)
    // Leaves, the nodes above them, and two for the header and the log.
    assert.ok(cost.hash <= 1000 + 2 * pieces + 2, `${cost.hash} hashes`)
  })
})

describe('following the log', () => {
  it('reads the cell of what was just written, and not the log', async () => {
    const cost = await costOf(async store => {
      for (let n = 1; n <= PUTS; n++) {
        const before = store.mark.position
        await store.write({ ops: [putOf(n)] })
        assert.equal((await store.changesAfter(before, 1)).keys.length, 1)
      }
    })
    assert.deepEqual([cost.read, cost.walk], [PUTS, 0])
  })
})
