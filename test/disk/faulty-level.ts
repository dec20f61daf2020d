/** A LevelDB handle that fails where a test says so: the seam is the disk's factory of handles. */
import { classicLevel } from '../../src/disk/classic-disk.js'
import type { BytesLevel } from '../../src/disk/level-reads.js'

export class Faults {
  /** Writes fail. 'after': the bytes reach the database and the error comes all the same. */
  writes: 'no' | 'before' | 'after' = 'no'
  opens = false
  reads: 'no' | 'LEVEL_IO_ERROR' | 'LEVEL_CORRUPTION' = 'no'
  /** Handles that were made. */
  handles = 0
  #held: { reached: () => void; released: Promise<void> } | undefined

  /** Holds the next write before it reaches the database: `reached` resolves when it is there. */
  holdWrite(): { reached: Promise<void>; release: () => void } {
    let release = (): void => undefined
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const reached = new Promise<void>(resolve => {
      this.#held = { reached: resolve, released }
    })
    return { reached, release }
  }

  async passWrite(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    held?.reached()
    await held?.released
  }
}

/** A factory of handles for `openLevelDisk`, failing as `faults` says at each moment. */
export function faultyLevel(faults: Faults): (location: string) => BytesLevel {
  return location => {
    const level = classicLevel(location)
    faults.handles++
    const { batch } = level
    const open = level.open as () => Promise<void>
    const get = level.get as unknown as (key: Uint8Array, options?: object) => Promise<Uint8Array | undefined>
    const chained = batch as unknown as () => ReturnType<BytesLevel['batch']>
    return Object.assign(level, {
      open: async () => {
        if (faults.opens) throw levelError('LEVEL_DATABASE_NOT_OPEN', 'No space left on device')
        await open.call(level)
      },
      get: async (key: Uint8Array, options?: object) => {
        if (faults.reads !== 'no') throw levelError(faults.reads, 'as the test wants')
        return get.call(level, key, options)
      },
      batch: () => {
        const made = chained.call(level)
        const write = made.write.bind(made) as (options: object) => Promise<void>
        made.write = async (options: object = {}) => {
          await faults.passWrite()
          if (faults.writes === 'before') throw levelError('LEVEL_IO_ERROR', 'No space left on device')
          await write(options)
          if (faults.writes === 'after') throw levelError('LEVEL_IO_ERROR', 'Input/output error')
        }
        return made
      }
    })
  }
}

function levelError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
