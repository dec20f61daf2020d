/** Looks into the directories of stopped nodes: what stands in their logs, and whether any name was signed twice. */
import assert from 'node:assert/strict'
import { nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import { DataDirectory } from '../../src/disk/directory.js'
import type { Author, StoreId } from '../../src/log/index.js'
import { peerIdOf } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/index.js'
import { batchesOf } from '../store/exchange.js'

/** Opens the store of a directory whose node does not run. */
export async function withStore<T>(
  dataDir: string,
  look: (store: Store) => Promise<T>,
  network = 'default'
): Promise<T> {
  const directory = await DataDirectory.open(dataDir)
  try {
    const disk = await directory.openDisk({ durability: 'fsync', limits: DEFAULT_LIMITS, clock: systemClock })
    try {
      const store = await openStore({
        disk,
        network,
        signer: nodeSigner(directory.seed),
        crypto: nodeCrypto,
        clock: systemClock,
        random: systemRandom,
        limits: DEFAULT_LIMITS,
        strategy: () => 'latest',
        storeId: directory.storeId as StoreId
      })
      const result = await look(store)
      await store.close()
      return result
    } finally {
      await disk.close()
    }
  } finally {
    await directory.close()
  }
}

export interface LogSummary {
  /** By peer id, how many tips stand at the end of the author's log. */
  readonly tips: ReadonlyMap<string, number>
  /** By peer id, how many epochs the author's log has. */
  readonly epochs: ReadonlyMap<string, number>
}

/**
 * Checks that in all these directories together each author, epoch and seq stands for one batch, that every directory
 * holds each of them, and that each log verifies. Answers what the logs look like.
 */
export async function checkSignedOnce(dataDirs: readonly string[]): Promise<LogSummary> {
  const ids = new Map<string, string>()
  const counts: number[] = []
  const tips = new Map<string, number>()
  const epochs = new Map<string, Set<string>>()
  for (const dataDir of dataDirs) {
    await withStore(dataDir, async store => {
      const batches = await batchesOf(store)
      counts.push(batches.length)
      for (const { header, id } of batches) {
        const name = `${header.author} ${header.epoch}.${header.seq}`
        assert.equal(ids.get(name) ?? id, id, `${name} was signed twice`)
        ids.set(name, id)
        const peer = peerIdOf(header.author)
        epochs.set(peer, (epochs.get(peer) ?? new Set()).add(header.epoch))
      }
      for (const author of store.frontier.authors() as Iterable<Author>) {
        tips.set(peerIdOf(author), store.frontier.of(author).length)
      }
      assert.deepEqual((await store.verify()).damage, [])
    })
  }
  for (const count of counts) assert.equal(count, ids.size, 'every directory holds every batch')
  return { tips, epochs: new Map([...epochs].map(([peer, set]) => [peer, set.size])) }
}
