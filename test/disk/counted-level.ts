/** A LevelDB handle whose calls are counted, and that fails at chosen ones as for an error of the file system. */
import { classicLevel } from '../../src/disk/classic-disk.js'
import type { BytesLevel } from '../../src/disk/level-reads.js'

export type CallKind = 'open' | 'close' | 'get' | 'getSync' | 'getMany' | 'write' | 'next'

export class CountedCalls {
  /** The first call that fails, from 1; so many fail in a row. */
  readonly at: number
  readonly burst: number
  /** Writes that fail have reached the database all the same. */
  readonly made: boolean
  count = 0
  /** Calls neither count nor fail any more. */
  over = false
  readonly failed: CallKind[] = []

  constructor(at: number, burst = 1, made = false) {
    this.at = at
    this.burst = burst
    this.made = made
  }

  /** Counts a call; answers whether it fails. */
  fails(kind: CallKind): boolean {
    if (this.over) return false
    this.count++
    const fails = this.count >= this.at && this.count < this.at + this.burst
    if (fails) this.failed.push(kind)
    return fails
  }
}

type Call = (...args: unknown[]) => unknown

/** A factory of handles for `openLevelDisk`. */
export function countedLevel(calls: CountedCalls): (location: string) => BytesLevel {
  return location => {
    const level = classicLevel(location) as BytesLevel & Record<string, Call>
    const refuse = (kind: CallKind): void => {
      if (calls.fails(kind)) throw ioError()
    }
    // What abstract-level asks of the database beneath it: it opens by itself as well.
    for (const [name, kind] of [
      ['_open', 'open'],
      ['_close', 'close'],
      ['get', 'get'],
      ['getMany', 'getMany']
    ] as const) {
      const call = (level[name] as Call).bind(level)
      Object.assign(level, {
        [name]: async (...args: unknown[]) => {
          refuse(kind)
          return call(...args)
        }
      })
    }
    const getSync = (level['getSync'] as Call).bind(level)
    const batch = (level['batch'] as Call).bind(level)
    const iterator = (level['iterator'] as Call).bind(level)
    return Object.assign(level, {
      getSync: (...args: unknown[]) => {
        refuse('getSync')
        return getSync(...args)
      },
      batch: () => {
        const made = batch() as { write: (options: unknown) => Promise<void> }
        const write = made.write.bind(made)
        made.write = async options => {
          const fails = calls.fails('write')
          if (!fails || calls.made) await write(options)
          if (fails) throw ioError()
        }
        return made
      },
      iterator: (...args: unknown[]) => {
        const made = iterator(...args) as { nextv: Call }
        const nextv = made.nextv.bind(made)
        made.nextv = async (...count: unknown[]) => {
          refuse('next')
          return nextv(...count)
        }
        return made
      }
    }) as BytesLevel
  }
}

function ioError(): Error {
  return Object.assign(new Error('Input/output error'), { code: 'LEVEL_IO_ERROR' })
}
