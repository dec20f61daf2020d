/** What opening a store costs, in counts: the same behind few ops and behind many, for nothing is replayed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import type { Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/index.js'
import { inFastFolder } from '../support/folders.js'
import type { CryptoCall, DiskCall } from './counted.js'
import { CountedCrypto, CountedDisk, putOf, putsOf } from './counted.js'

/** What opening, and the first read, ask of the parts under a store that holds so many ops. */
async function costBehind(ops: number): Promise<Record<DiskCall | CryptoCall, number>> {
  return inFastFolder(async folder => {
    const [counted, crypto] = [new CountedDisk(), new CountedCrypto()]
    const disk = await counted.open(folder)
    const open = (): Promise<Store> =>
      openStore({
        disk,
        network: 'test',
        signer: crypto.signer(1),
        crypto: crypto.crypto,
        clock: systemClock,
        random: systemRandom,
        limits: DEFAULT_LIMITS,
        strategy: () => 'latest'
      })
    try {
      const first = await open()
      await first.write({ ops: putsOf(10_000, ops) })
      for (let n = 0; n < 3; n++) await first.write({ ops: [putOf(n)] })
      await first.close()
      let ofDisk: Record<DiskCall, number> | undefined
      const ofCrypto = await crypto.during(async () => {
        ofDisk = await counted.during(async () => {
          const store = await open()
          const { key, value } = putOf(1)
          assert.deepEqual((await store.get(key))?.winner?.value, value)
          await store.close()
        })
      })
      return { ...ofDisk!, ...ofCrypto }
    } finally {
      await disk.close()
    }
  })
}

test('opening reads as much behind many ops as behind few, and writes nothing', async () => {
  const [few, many] = [await costBehind(100), await costBehind(20_000)]
  assert.deepEqual(many, few)
  assert.equal(few.write + few.upkeep, 0)
  // The meta record, twice; the mark of a repair and of a renewal; the two last batches; the key that is read.
  assert.ok(few.read <= 7, `${few.read} reads`)
  // The spaces that memory is made of, and the end of the log.
  assert.ok(few.walk <= 8, `${few.walk} pages`)
  assert.equal(few.sign + few.verify, 0)
})
