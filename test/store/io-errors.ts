/**
 * An error of the file system at any one call of the database: a scenario of writes, batches of another node, reads and
 * verification is gone through by a client that repeats what got no answer, once per call that there is.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isNatterError, utf8 } from '../../src/base/index.js'
import { createDatabase, openLevelDisk } from '../../src/disk/classic-disk.js'
import type { Disk } from '../../src/disk/index.js'
import type { Store } from '../../src/store/index.js'
import { CountedCalls, countedLevel } from '../disk/counted-level.js'
import { ManualClock } from '../disk/manual-clock.js'
import { carry } from './exchange.js'
import { closeStore, del, levelDisk, put, read, storeOf } from './harness.js'

/** What a client may see of a disk that fails, and repeats after. */
const PASSING = ['INDETERMINATE', 'STORE_FENCED', 'NOT_READY', 'DIRECTORY_UNUSABLE'] as const
/** Tries of one step: a burst of errors may meet each of them. */
const TRIES = 40

/** One life of a store on a disk that fails. */
class Client {
  readonly clock = new ManualClock()
  readonly calls: CountedCalls
  readonly #folder: string
  #disk: Disk | undefined
  #store: Store | undefined

  constructor(folder: string, calls: CountedCalls) {
    this.#folder = folder
    this.calls = calls
  }

  /** Does a step, again and again while it gets no answer. */
  async step<T>(run: (store: Store) => Promise<T>): Promise<T> {
    let last: unknown
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        return await run(await this.#open())
      } catch (error) {
        assert.ok(
          PASSING.some(code => isNatterError(error, code)) || isOpening(error),
          `an error that is no word of the disk: ${error instanceof Error ? error.stack : error}`
        )
        last = error
        await this.#recovered()
      }
    }
    throw new Error(`no answer in ${TRIES} tries`, { cause: last })
  }

  async close(): Promise<void> {
    this.calls.over = true
    await this.#store?.close()
    await this.#disk?.close()
  }

  async #open(): Promise<Store> {
    if (this.#store !== undefined) return this.#store
    this.#disk ??= await openLevelDisk({
      location: join(this.#folder, 'db'),
      durability: 'fsync',
      limits: { freeBytes: 1 },
      clock: this.clock,
      level: countedLevel(this.calls)
    })
    this.#store = await storeOf(1, { disk: this.#disk, clock: this.clock })
    return this.#store
  }

  /** Lets the time of recoveries pass, until the disk takes writes. */
  async #recovered(): Promise<void> {
    while (this.#disk?.state === 'fenced') {
      this.clock.advance(30_000)
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}

/** What LevelDB says where it cannot be opened. */
function isOpening(error: unknown): boolean {
  const codes: unknown[] = []
  for (let at = error; at instanceof Error; at = at.cause) if ('code' in at) codes.push(at.code)
  return codes.includes('LEVEL_IO_ERROR')
}

const VALUES: Readonly<Record<string, unknown>> = { a: 3, b: 2, c: undefined, theirs: 9, shared: 'last' }
/** Ops that were written, by both: each must be there once. */
const OPS = 9

const NO_DAMAGE = { damage: [], repaired: [], waiting: [] }

async function scenario(client: Client, other: Store): Promise<void> {
  const write = (id: string, ops: Parameters<Store['write']>[0]['ops']) =>
    client.step(store => store.write({ id, ops }))
  await write('1', [put('a', 1), put('b', 1)])
  await client.step(async store => assert.equal(await read(store, 'a'), 1))
  await write('2', [put('b', 2), put('c', 2)])
  await client.step(store => carry(other, store))
  await write('3', [put('a', 3), del('c')])
  await client.step(async store => {
    const walk = store.iterate({})
    try {
      assert.equal((await walk.next(10)).length, 4)
    } finally {
      await walk.close()
    }
  })
  await client.step(store => store.getMany(['a', 'b', 'theirs'].map(name => utf8(name))))
  for (const repair of [false, true]) {
    const { damage, repaired, waiting } = await client.step(store => store.verify({ repair }))
    assert.deepEqual({ damage, repaired, waiting }, NO_DAMAGE, 'an error that passes is no damage')
  }
  await write('4', [put('shared', 'last')])
}

/**
 * Goes through the scenario once for each `step`-th call, which fails (`burst` calls in a row); answers the kinds that
 * failed. `made`: writes that fail were made all the same.
 */
export async function failEachCall(
  folder: string,
  { burst, made, step = 1 }: { burst: number; made: boolean; step?: number }
): Promise<Map<string, number>> {
  const kinds = new Map<string, number>()
  for (let at = 1; ; at += step) {
    const calls = new CountedCalls(at, burst, made)
    const place = join(folder, `${at}-${burst}-${made}`)
    mkdirSync(place)
    await createDatabase(join(place, 'db'))
    const other = await storeOf(2)
    await other.write({ ops: [put('theirs', 9), put('shared', 'first')] })
    const client = new Client(place, calls)
    await scenario(client, other)
    await client.close()
    await closeStore(other)
    await isWhole(place, `call ${at} (${calls.failed.join(', ')})`)
    for (const kind of calls.failed) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (calls.failed.length === 0) return kinds
  }
}

async function isWhole(folder: string, what: string): Promise<void> {
  const store = await storeOf(1, { disk: await levelDisk(folder) })
  try {
    for (const [name, value] of Object.entries(VALUES)) assert.equal(await read(store, name), value, what)
    assert.equal(store.status().ops, OPS, `${what}: every op once`)
    assert.deepEqual((await store.verify()).damage, [], what)
  } finally {
    await closeStore(store)
  }
}
