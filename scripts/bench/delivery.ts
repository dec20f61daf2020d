/** The delivery outbox: durable enqueues of many callers against what a program would write by hand on the same LevelDB. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Outbox } from '../../src/delivery/index.js'
import type { Bench, Done, Scale } from './harness.js'
import { inTurns, pick, Stopwatch, withFolder } from './harness.js'
import type { Line } from './line.js'
import { bareLine } from './line.js'
import type { Entry } from './records.js'
import { Records } from './records.js'

const CALLERS = 64
/** Targets that the callers enqueue for. */
const TARGETS = 16

interface Made {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly payload: unknown
}

/**
 * What a program would write by hand, about the bytes that the outbox writes: the operation and its state under a rising
 * number, its id, its place among those that wait, a record of the log. What waits while a synced batch is written goes
 * into the next.
 */
class BareQueue {
  readonly #db: ClassicLevel<Buffer, Buffer>
  #waiting: { op: Made; resolve: () => void; reject: (error: unknown) => void }[] = []
  #writing = false
  #count = 0

  constructor(db: ClassicLevel<Buffer, Buffer>) {
    this.#db = db
  }

  put(op: Made): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ op, resolve, reject })
      if (!this.#writing) void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#writing = true
    await undefined // callers of the same turn share a batch
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0)
      const batch = this.#db.batch()
      for (const { op } of group) {
        const number = this.#count++
        const { id, target, ...content } = op
        const state = { id, target, status: 'pending', attempt: 0, nextRetryAtMs: 0, createdAtMs: Date.now() }
        batch.put(keyOf('log', number), Buffer.from(JSON.stringify({ type: 'put', id, ...content })))
        batch.put(keyOf('state', number), Buffer.from(JSON.stringify(state)))
        batch.put(keyOf(`id ${id}`, number), EMPTY)
        batch.put(keyOf('pending', number), EMPTY)
        batch.put(keyOf(`queue ${target}`, number), EMPTY)
      }
      try {
        await batch.write({ sync: true })
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#writing = false
  }
}

const EMPTY = Buffer.alloc(0)

function keyOf(space: string, number: number): Buffer {
  const key = Buffer.alloc(space.length + 8, space, 'latin1')
  key.writeBigUInt64BE(BigInt(number), space.length)
  return key
}

async function runEnqueues(scale: Scale): Promise<Line[]> {
  return withFolder(async folder => {
    const outbox = await Outbox.open({ dataDir: join(folder, 'outbox') })
    const db = new ClassicLevel<Buffer, Buffer>(join(folder, 'bare'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 16 * 1024 * 1024,
      maxFileSize: 16 * 1024 * 1024
    })
    await db.open()
    const bare = new BareQueue(db)
    const count = pick(scale, { quick: 5_000, full: 20_000 })
    const turn = (records: Records, enqueue: (op: Made) => Promise<unknown>) => () =>
      concurrentRate(records.take(count).map(made), scale.turnMs, enqueue)
    try {
      const compared = await inTurns(
        scale,
        turn(new Records(), ({ id: _, ...op }) => outbox.enqueue(op)),
        turn(new Records(), op => bare.put(op))
      )
      const what = `durable enqueues of ${CALLERS} callers at once`
      const note = 'bare: the same records and a group commit by hand'
      return [bareLine(what, compared, 'ops/s', { atLeast: 0.5 }, { note })]
    } finally {
      await outbox.close()
      await db.close()
    }
  })
}

function made({ value }: Entry, n: number): Made {
  return {
    id: randomBytes(12).toString('hex'),
    kind: 'http.post',
    target: `/inbox/${n % TARGETS}`,
    payload: value
  }
}

/** Calls a second by callers that each await their own before the next. */
async function concurrentRate(
  list: readonly Made[],
  maxMs: number,
  call: (op: Made) => Promise<unknown>
): Promise<Done> {
  const watch = new Stopwatch()
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < list.length && watch.passedMs < maxMs) await call(list[next++]!)
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return watch.done(next)
}

export const deliveryBenches: readonly Bench[] = [{ name: 'delivery', run: runEnqueues }]
