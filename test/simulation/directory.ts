/**
 * The data directory as `src/disk/directory.ts` keeps it: the manifest beside the database, and which file the key is,
 * so that a copy is known for one. Files are modelled: each is replaced whole, in a moment of its own.
 */
import { NatterError, toHex } from '../../src/base/index.js'
import type { Mark } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import type { Life } from './clock.js'
import type { Dice } from './dice.js'
import type { SimDisk } from './disk.js'

/** Pause between two sentinels of a running node, as in the product. */
const sentinelPauseMs = 60_000

export interface Manifest {
  readonly storeId: string
  /** The file of the key that it was written beside. */
  readonly place: string
  readonly sentinel: Mark | undefined
}

export class Directory {
  readonly disk: SimDisk
  manifest: Manifest
  /** The file of the key in here. */
  readonly place: string
  readonly #dice: Dice
  #sentinelAtMs = 0

  constructor(disk: SimDisk, dice: Dice, place: string, manifest?: Manifest) {
    this.disk = disk
    this.#dice = dice
    this.place = place
    this.manifest = manifest ?? { storeId: this.#newStoreId(), place, sentinel: undefined }
  }

  #newStoreId(): string {
    return toHex(this.#dice.bytes(8))
  }

  /** The store's incarnation: a new one where the manifest was not written beside this key. */
  async opened(life: Life): Promise<string> {
    if (this.manifest.place !== this.place) {
      await this.disk.timeline.wait(this.#dice.between(0, 2), life)
      this.manifest = { ...this.manifest, place: this.place, storeId: this.#newStoreId() }
    }
    return this.manifest.storeId
  }

  async remember(storeId: string, life: Life): Promise<void> {
    if (storeId === this.manifest.storeId) return
    await this.disk.timeline.wait(this.#dice.between(0, 2), life)
    this.manifest = { ...this.manifest, storeId }
  }

  note(mark: Mark, nowMs: number): void {
    if (Math.abs(nowMs - this.#sentinelAtMs) < sentinelPauseMs) return
    this.#sentinelAtMs = nowMs
    this.sentinelAt(mark)
  }

  sentinelAt({ position, check }: Mark): void {
    if (position > 0) this.manifest = { ...this.manifest, sentinel: { position, check } }
  }
}

export async function requireSentinel({ manifest }: Directory, store: Store): Promise<void> {
  const { sentinel } = manifest
  if (sentinel === undefined || (await store.checkAt(sentinel.position)) === sentinel.check) return
  throw new NatterError('STORE_DAMAGED', `the database should have position ${sentinel.position}`)
}
