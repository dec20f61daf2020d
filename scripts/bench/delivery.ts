/** The delivery outbox: durable enqueues of many callers against what a program would write by hand on the same LevelDB. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { Outbox } from '../../src/delivery/index.js'
import type { Bench, Scale } from './harness.js'
import { CALLERS, concurrentRate, inTurns, pick, withFolder } from './harness.js'
import type { Line } from './line.js'
import { bareLine } from './line.js'
import type { Entry } from './records.js'
import { Records } from './records.js'

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

function runEnqueues(scale: Scale): Promise<Line[]> {
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
    const [records, same] = [new Records(), new Records()]
    const count = pick(scale, { quick: 10_000, full: 50_000 })
    try {
      const compared = await inTurns(
        scale,
        () => concurrentRate(operations(records.take(count)), scale.turnMs, op => outbox.enqueue(op)),
        () => concurrentRate(operations(same.take(count)), scale.turnMs, op => bare.put(op))
      )
      const note = 'bare: the same records and a group commit by hand'
      return [
        bareLine(
          `durable enqueues of ${CALLERS} callers at once`,
          compared,
          'ops/s',
          { atLeast: 0.5 },
          { note }
        )
      ]
    } finally {
      await outbox.close()
      await db.close()
    }
  })
}

function operations(list: readonly Entry[]): Made[] {
  return list.map(({ value }, n) => {
    return { id: randomUUID(), kind: 'http.post', target: `/inbox/${n % TARGETS}`, payload: value }
  })
}

export const deliveryBenches: readonly Bench[] = [{ name: 'delivery', run: runEnqueues }]
