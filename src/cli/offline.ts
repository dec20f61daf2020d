/**
 * A data directory whose node does not run, opened without a network: for `verify`, `export` and `id` with `--data`.
 * Never makes a directory: a mistyped path is told, not turned into an empty database.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { CellInfo } from '../base/index.js'
import { NatterError, withLimits } from '../base/index.js'
import { peerIdOf } from '../log/index.js'
import { openGround } from '../node/ground.js'
import { cellInfo } from '../node/values.js'
import type { Store } from '../store/index.js'

/** Keys read at a time. */
const PAGE = 1000

export interface Offline extends AsyncDisposable {
  readonly store: Store
  identity(): { ok: true; peerId: string; network: string; location: string }
  /** Present keys with a prefix, in byte order, a page at a time, as of one moment. */
  cells(prefix: string): AsyncIterable<CellInfo[]>
}

/** @throws NatterError `DIRECTORY_UNUSABLE`, `DIRECTORY_IN_USE`, `STORE_DAMAGED`, … */
export async function openOffline(dataDir: string): Promise<Offline> {
  // One of the two may be lost: that is damage, and told as such by whoever opens the directory.
  if (!['identity.key', 'natter.json'].some(name => existsSync(join(dataDir, name)))) {
    throw new NatterError('DIRECTORY_UNUSABLE', `no node has its data in ${dataDir}`, {
      remedy: `Name the directory of a node, or make one: natter up --data ${dataDir}`
    })
  }
  const ground = await openGround({ dataDir }, withLimits())
  const { store } = ground
  return {
    store,
    identity: () => ({
      ok: true,
      peerId: peerIdOf(store.author),
      network: ground.network,
      location: dataDir
    }),
    async *cells(prefix) {
      const from = new TextEncoder().encode(prefix)
      const walk = store.iterate({ gte: from })
      try {
        for (;;) {
          const page = await walk.next(PAGE)
          const within = page.filter(({ key }) => from.every((byte, i) => key[i] === byte))
          if (within.length > 0) yield within.map(({ key, cell }) => cellInfo(key, cell))
          if (within.length < PAGE) return
        }
      } finally {
        await walk.close()
      }
    },
    [Symbol.asyncDispose]: () => ground.close()
  }
}
