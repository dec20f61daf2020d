/**
 * What is measured of a system, and the entries that it is measured with. One driver is one store in one process: the
 * writer A and the reader B are two of them, on loopback, each with a folder of its own.
 */

/** Characters of a value. */
const VALUE_LENGTH = 100
/** Values are cut from so many random characters: far more than any compressor looks back. */
const POOL_LENGTH = 4 * 1024 * 1024
/** Printable ASCII without the space. */
const [FIRST_CHARACTER, CHARACTERS] = [33, 94]

export interface Entry {
  readonly key: string
  readonly value: string
}

/** What B has to know of A: where it listens, and what names the store there. */
export interface Card {
  readonly port: number
  readonly id: string
}

export interface Driver {
  /** Opens the store in a folder, which is made when absent. `id` is of A's card and says that this is B. */
  open(folder: string, id?: string): Promise<void>
  /** One entry; resolves when the system says that it is written. */
  put(entry: Entry): Promise<void>
  /** Many entries, as fast as the system's interface allows; resolves when it says that they are written. */
  load(entries: readonly Entry[]): Promise<void>
  get(key: string): Promise<string | undefined>
  /** Entries that can be read here. */
  count(): number | Promise<number>
  /** Lets others in, on loopback only. */
  listen(): Promise<Card>
  /** Connects to A and follows it from then on. */
  join(card: Card): Promise<void>
  /** Calls `seen` for each key that comes from A, once it can be read here. */
  watch(seen: (key: string) => void): void | Promise<void>
  /** Resolves when what is only in memory was handed to the files too. */
  settle(): Promise<void>
  close(): Promise<void>
  /** The processes that hold the store, when it is not this one. */
  processes?(): number[]
  /** Bytes of the system's own frames, both ways, in the last round that made the two equal. */
  roundBytes?(): number
}

/** A monotonic time that processes of one machine share, in milliseconds. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export function keyOf(n: number): string {
  return `k/${String(n).padStart(8, '0')}`
}

let pool: Buffer | undefined

/** The same characters in every process: xorshift32 with a fixed seed. */
function characters(): Buffer {
  if (pool !== undefined) return pool
  pool = Buffer.alloc(POOL_LENGTH)
  let state = 0x9e3779b9
  for (let i = 0; i < POOL_LENGTH; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    pool[i] = FIRST_CHARACTER + ((state >>> 8) % CHARACTERS)
  }
  return pool
}

/** A hash spreads the values of neighbours, so that no two near ones share text. */
export function valueAt(n: number): string {
  const at = Math.imul(n + 1, 0x9e3779b1) >>> 0
  const start = at % (POOL_LENGTH - VALUE_LENGTH)
  return characters().toString('latin1', start, start + VALUE_LENGTH)
}

export function entriesOf(from: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => ({ key: keyOf(from + i), value: valueAt(from + i) }))
}

export function pauseMs(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
