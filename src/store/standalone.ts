/** A store without a network, on a data directory or in memory: what a `ReplicatedLevel` opens (Node.js only). */
import { nodeCrypto, nodeSigner } from '../base/crypto-node.js'
import type { Limits } from '../base/index.js'
import { NatterError } from '../base/index.js'
import { systemClock, systemRandom } from '../base/system.js'
import { DataDirectory } from '../disk/directory.js'
import type { Disk } from '../disk/index.js'
import { openMemoryDisk } from '../disk/index.js'
import type { StoreId } from '../log/index.js'
import { databaseIdOf } from '../log/index.js'
import type { Store } from './index.js'
import { holdTogether, openStore } from './index.js'

export interface StandaloneInit {
  /** The data directory; in memory without one. */
  readonly location: string | undefined
  /** @default what the directory keeps, else 'default' */
  readonly network: string | undefined
  /** @default 'fsync' */
  readonly durability: 'fsync' | 'os' | undefined
  readonly limits: Limits
}

export interface Standalone {
  readonly store: Store
  /** Closes store, disk and directory. */
  close(): Promise<void>
}

const defaultNetwork = 'default'

/** Rejects with what the directory, the disk and the store reject with; then nothing is held. */
export async function openStandalone(init: StandaloneInit): Promise<Standalone> {
  const { location, network, durability, limits } = init
  if (location === undefined) {
    const disk = await openMemoryDisk()
    const store = await openOn(disk, systemRandom.bytes(32), network ?? defaultNetwork, limits, undefined)
    return { store, close: () => closeStore(store) }
  }
  const directory = await DataDirectory.open(location)
  try {
    const chosen = await chooseNetwork(directory, network)
    const disk = await directory.openDisk({ durability: durability ?? 'fsync', limits, clock: systemClock })
    const store = await openOn(disk, directory.seed, chosen, limits, directory.storeId as StoreId)
    try {
      await holdTogether(directory, store, nodeCrypto)
    } catch (error) {
      await closeStore(store)
      throw error
    }
    store.onCommit(() => directory.note(store.mark, systemClock.now()))
    return { store, close: () => closeAll(store, directory) }
  } catch (error) {
    await directory.close()
    throw error
  }
}

async function openOn(
  disk: Disk,
  seed: Uint8Array,
  network: string,
  limits: Limits,
  storeId: StoreId | undefined
): Promise<Store> {
  try {
    return await openStore({
      disk,
      network,
      signer: nodeSigner(seed),
      crypto: nodeCrypto,
      clock: systemClock,
      random: systemRandom,
      limits,
      strategy: () => 'latest',
      storeId
    })
  } catch (error) {
    await disk.close()
    throw error
  }
}

async function chooseNetwork(directory: DataDirectory, asked: string | undefined): Promise<string> {
  const kept = directory.settings.get().network
  const network = asked ?? kept ?? defaultNetwork
  if (directory.database !== null && directory.database !== databaseIdOf(network, nodeCrypto)) {
    throw new NatterError(
      'NETWORK_MISMATCH',
      `${directory.path} belongs to the network ${kept ?? defaultNetwork}, not to ${network}`
    )
  }
  if (network !== (kept ?? defaultNetwork)) await directory.settings.update({ network })
  return network
}

async function closeAll(store: Store, directory: DataDirectory): Promise<void> {
  const { mark } = store
  try {
    await closeStore(store)
  } catch (error) {
    await directory.close()
    throw error
  }
  await directory.close(mark)
}

async function closeStore(store: Store): Promise<void> {
  await store.close()
  await store.disk.close()
}
