/**
 * What the store does when a read runs into damage: it goes on with everything else, and tells of each place once.
 * A damaged record is never used; what is left out for its sake is said by whoever leaves it out.
 */
import type { NatterError, NodeEvents } from '../base/index.js'
import { isNatterError } from '../base/index.js'
import type { Disk, ReadOptions } from '../disk/index.js'

/** Places that are remembered as told: more are a torn disk, of which `verify` gives the list. */
const toldPlaces = 1000

/** Stands for a value that the disk itself finds damaged: no record is empty, so nothing reads it as one. */
const NO_RECORD = new Uint8Array(0)

export function isDamage(error: unknown): error is NatterError {
  return isNatterError(error, 'STORE_DAMAGED')
}

/** Reads many keys. One that lies in a block which LevelDB finds damaged comes as a value that is no record. */
export async function readIntact(
  disk: Disk,
  keys: readonly Uint8Array[],
  options?: ReadOptions
): Promise<(Uint8Array | undefined)[]> {
  try {
    return await disk.getMany(keys, options)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  const values: (Uint8Array | undefined)[] = []
  for (const key of keys) {
    try {
      values.push(await disk.get(key, options))
    } catch (error) {
      if (!isDamage(error)) throw error
      values.push(NO_RECORD)
    }
  }
  return values
}

export class DamageReports {
  readonly #disk: Disk
  readonly #emit: (type: 'storage', event: NodeEvents['storage']) => void
  readonly #told = new Set<string>()

  constructor(disk: Disk, emit: (type: 'storage', event: NodeEvents['storage']) => void) {
    this.#disk = disk
    this.#emit = emit
  }

  /** Tells what is damaged and what that leads to, the first time. */
  tell(error: NatterError, consequence: string): void {
    const where = placeOf(error)
    if (this.#told.has(where) || this.#told.size >= toldPlaces) return
    this.#told.add(where)
    this.#emit('storage', { state: this.#disk.state, reason: `${error.message}; ${consequence}` })
  }

  /** What was damaged there is whole again: should it break once more, it is told once more. */
  mended(where: string): void {
    this.#told.delete(where)
  }
}

function placeOf({ details, message }: NatterError): string {
  const { where } = details
  return typeof where === 'string' ? where : message
}
