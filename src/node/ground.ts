/**
 * What a node stands on before it joins anybody: directory, settings, key, store. Reads what the directory keeps, lays
 * the options over it, and refuses what does not fit: another network, a damaged directory.
 */

import type { ComponentLogger, Logger } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { newSeed, nodeCrypto, nodeSigner } from '../base/crypto-node.js'
import type { Clock, Crypto, Limits, Random, Signer } from '../base/index.js'
import { fromHex, NatterError, toHex } from '../base/index.js'
import { systemClock, systemRandom } from '../base/system.js'
import { DataDirectory } from '../disk/directory.js'
import type { Disk } from '../disk/index.js'
import { machineName } from '../disk/machine.js'
import { openMemoryDisk } from '../disk/memory-disk.js'
import type { Settings, SettingsUpdate } from '../disk/settings.js'
import type { StoreId } from '../log/index.js'
import { databaseIdOf } from '../log/index.js'
import { parseInvite } from '../net/index.js'
import type { Store } from '../store/index.js'
import { holdTogether, openStore } from '../store/index.js'
import type { NodeOptions } from './options.js'
import { strategyOf } from './options.js'

export interface SettingsBook {
  get(): Settings
  update(update: SettingsUpdate): Promise<void>
}

export interface Ground {
  readonly network: string
  readonly seed: Uint8Array
  readonly signer: Signer
  readonly store: Store
  readonly settings: SettingsBook
  /** Absent in memory. */
  readonly directory: DataDirectory | undefined
  readonly machineName: string
  readonly logger: ComponentLogger
  /** One line of a scope (`sync gossip net store delivery http`), shown by DEBUG=natter:<scope>. */
  readonly log: ((scope: string, line: string) => void) & { readonly isOn: (scope: string) => boolean }
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  close(): Promise<void>
}

const DEFAULT_NETWORK = 'default'

export async function openGround(options: NodeOptions, limits: Limits): Promise<Ground> {
  const directory = options.dataDir === undefined ? undefined : await DataDirectory.open(options.dataDir)
  try {
    return await stand(options, limits, directory)
  } catch (error) {
    await directory?.close()
    throw error
  }
}

async function stand(
  options: NodeOptions,
  limits: Limits,
  directory: DataDirectory | undefined
): Promise<Ground> {
  const settings: SettingsBook = directory?.settings ?? memorySettings()
  const { network, news } = chooseNetwork(options, settings.get())
  checkDatabase(directory, network)
  if (Object.keys(news).length > 0) await settings.update(news)
  const seed = directory?.seed ?? newSeed()
  const signer = nodeSigner(seed)
  const durability = options.durability ?? 'fsync'
  const disk: Disk =
    directory === undefined
      ? await openMemoryDisk()
      : await directory.openDisk({ durability, limits, clock: systemClock })
  try {
    const store = await openStore({
      disk,
      network,
      signer,
      crypto: nodeCrypto,
      clock: systemClock,
      random: systemRandom,
      limits,
      strategy: strategyOf(options.conflict),
      ...(directory === undefined ? {} : { storeId: directory.storeId as StoreId })
    })
    await remember(directory, store)
    const logger = options.logger ?? defaultLogger()
    const log = scopedLog(logger)
    for (const warning of directory?.warnings ?? []) log('store', warning)
    return {
      network,
      seed,
      signer,
      store,
      settings,
      directory,
      machineName: machineName(),
      logger,
      log,
      clock: systemClock,
      random: systemRandom,
      crypto: nodeCrypto,
      close: () => close(store, directory)
    }
  } catch (error) {
    await disk.close()
    throw error
  }
}

/** The network by invite, option or directory, and what of it the directory should keep. */
function chooseNetwork(options: NodeOptions, kept: Settings): { network: string; news: SettingsUpdate } {
  const invite = options.join === undefined ? undefined : parseInvite(options.join, nodeCrypto)
  if (invite !== undefined && options.network !== undefined && options.network !== invite.network) {
    throw new NatterError('NETWORK_MISMATCH', `the invite is of the network ${invite.network}`)
  }
  const named = options.network ?? invite?.network ?? kept.network
  const network = named ?? DEFAULT_NETWORK
  const news: { -readonly [K in keyof SettingsUpdate]: SettingsUpdate[K] } = {}
  if (named !== undefined && named !== kept.network) news.network = named
  if (invite !== undefined) {
    news.psk = toHex(invite.psk)
    news.bootstrap = [...new Set([...(kept.bootstrap ?? []), ...invite.addrs])]
  }
  if (options.psk !== undefined && toHex(options.psk) !== kept.psk) news.psk = toHex(options.psk)
  return { network, news }
}

function checkDatabase(directory: DataDirectory | undefined, network: string): void {
  const there = directory?.database
  if (there === undefined || there === null || there === databaseIdOf(network, nodeCrypto)) return
  const kept = directory?.settings.get().network ?? DEFAULT_NETWORK
  throw new NatterError('NETWORK_MISMATCH', `the directory belongs to the network ${kept}, not to ${network}`)
}

/** Holds store and manifest together: the position that was there must still be there. */
async function remember(directory: DataDirectory | undefined, store: Store): Promise<void> {
  if (directory === undefined) return
  await holdTogether(directory, store, nodeCrypto)
  store.onCommit(() => directory.note(store.mark, systemClock.now()))
}

async function close(store: Store, directory: DataDirectory | undefined): Promise<void> {
  const { mark } = store
  await store.close()
  await store.disk.close()
  await directory?.close(mark)
}

/** The key of the network, if it has one. */
export function pskOf(settings: SettingsBook): Uint8Array | undefined {
  const { psk } = settings.get()
  return psk === undefined ? undefined : fromHex(psk)
}

function scopedLog(logger: ComponentLogger): Ground['log'] {
  const scopes = new Map<string, Logger>()
  const loggerOf = (scope: string): Logger => {
    let write = scopes.get(scope)
    if (write === undefined) {
      write = logger.forComponent(`natter:${scope}`)
      scopes.set(scope, write)
    }
    return write
  }
  const log = (scope: string, line: string): void => {
    const write = loggerOf(scope)
    if (write.enabled) write('%s', line)
  }
  return Object.assign(log, { isOn: (scope: string) => loggerOf(scope).enabled })
}

function memorySettings(): SettingsBook {
  let fields: Settings = {}
  return {
    get: () => fields,
    async update(update) {
      const next: Record<string, unknown> = { ...fields, ...update }
      for (const name of Object.keys(next)) if (next[name] === undefined) delete next[name]
      fields = next as Settings
    }
  }
}
