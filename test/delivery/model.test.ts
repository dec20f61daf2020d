/**
 * Random histories of calls against a plain model of the promises: which operations may be claimed, in which state each
 * is, what the counts and the log say. The model keeps everything in one list and derives readiness by its definition.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isNatterError } from '../../src/base/index.js'
import type { OperationStatus } from '../../src/delivery/index.js'
import { NetworkProbe, Outbox, RecordingTransport, SyncWorker } from '../../src/delivery/index.js'
import { openMemoryDisk } from '../../src/disk/index.js'
import { seededFractions, testSeed } from '../support/random.js'
import { EXACT, records } from './with-outbox.js'

interface Modelled {
  readonly id: string
  readonly target: string
  readonly ordered: boolean
  status: OperationStatus
  attempt: number
  forgiven: number
  dueMs: number
  claimedAtMs: number
}

class Dice {
  readonly #fraction: () => number

  constructor(seed: number) {
    this.#fraction = seededFractions(seed)
  }

  chance(probability: number): boolean {
    return this.#fraction() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#fraction() * from.length)]!
  }
}

const OWNERS = ['one', 'two'] as const
const MAX_ATTEMPTS = 3
const TIMEOUT_MS = 3_000

class Model {
  ops: Modelled[] = []
  owners = new Map<string, string>()
  log: string[] = []

  isFinal(op: Modelled): boolean {
    return op.status === 'done' || op.status === 'permanent-failed'
  }

  isReady(op: Modelled, nowMs: number): boolean {
    if (op.status !== 'pending' && !(op.status === 'failed' && op.dueMs <= nowMs)) return false
    if (!op.ordered) return true
    const queue = this.ops.filter(other => other.ordered && other.target === op.target)
    const before = queue.slice(0, queue.indexOf(op))
    return before.every(other => this.isFinal(other)) && queue.every(other => other.status !== 'inflight')
  }

  ready(nowMs: number): string[] {
    return this.ops.filter(op => this.isReady(op, nowMs)).map(op => op.id)
  }

  counts(): Record<OperationStatus, number> {
    const counts = { pending: 0, inflight: 0, done: 0, failed: 0, 'permanent-failed': 0 }
    for (const op of this.ops) counts[op.status]++
    return counts
  }
}

class Run {
  readonly model = new Model()
  readonly dice: Dice
  readonly #outbox: Outbox
  nowMs = 1_000
  #made = 0

  constructor(outbox: Outbox, dice: Dice) {
    this.#outbox = outbox
    this.dice = dice
  }

  async step(): Promise<void> {
    const steps = [this.#put, this.#put, this.#claim, this.#claim, this.#complete, this.#fail, this.#fail]
    const rare = [this.#retry, this.#drop, this.#takeOver, this.#wait]
    await this.dice.pick([...steps, ...rare]).call(this)
  }

  async check(outbox = this.#outbox): Promise<void> {
    const { model, nowMs } = this
    const ready = await outbox.ready(nowMs)
    assert.deepEqual(new Set(ready.map(op => op.id)), new Set(model.ready(nowMs)), 'what may be claimed')
    assert.deepEqual(outbox.counts(), model.counts())
    for (const [at, op] of (await outbox.list()).entries()) {
      const wanted = model.ops[at]!
      const { id, status, attempt, nextRetryAtMs } = op
      assert.deepEqual(
        { id, status, attempt },
        { id: wanted.id, status: wanted.status, attempt: wanted.attempt }
      )
      assert.equal(nextRetryAtMs, status === 'failed' ? wanted.dueMs : null)
      assert.equal(op.owner, status === 'inflight' ? model.owners.get(id) : null)
    }
    assert.deepEqual(
      (await records(outbox)).map(record => `${record.type} ${record.id}`),
      model.log
    )
  }

  async #put(): Promise<void> {
    const id = `op-${this.#made++}`
    const target = this.dice.pick(['a', 'b', 'c'])
    const ordered = this.dice.chance(0.8)
    await this.#outbox.enqueue({ kind: 'k', target, id }, this.nowMs, { ordered })
    const op = { id, target, ordered, status: 'pending', attempt: 0, forgiven: 0, dueMs: 0, claimedAtMs: 0 }
    this.model.ops.push(op as Modelled)
    this.model.log.push(`put ${id}`)
  }

  #any(): Modelled | undefined {
    const { ops } = this.model
    return ops.length === 0 ? undefined : this.dice.pick(ops.slice(-12))
  }

  async #claim(): Promise<void> {
    const op = this.#any()
    if (op === undefined) return
    const owner = this.dice.pick(OWNERS)
    const may = this.model.isReady(op, this.nowMs)
    assert.equal(await this.#outbox.as(owner).claim(op.id, this.nowMs), may, `claim of ${op.id}`)
    if (!may) return
    Object.assign(op, { status: 'inflight', attempt: op.attempt + 1, claimedAtMs: this.nowMs })
    this.model.owners.set(op.id, owner)
    this.model.log.push(`claim ${op.id}`)
  }

  async #end(op: Modelled, call: (outbox: Outbox) => Promise<void>): Promise<boolean> {
    const owner = this.dice.pick(OWNERS)
    const may = op.status === 'inflight' && this.model.owners.get(op.id) === owner
    const made = call(this.#outbox.as(owner))
    if (may) await made
    else await assert.rejects(made, error => isNatterError(error, 'OPERATION_NOT_HELD'))
    return may
  }

  async #complete(): Promise<void> {
    const op = this.#any()
    if (op === undefined) return
    if (!(await this.#end(op, outbox => outbox.complete(op.id, this.nowMs)))) return
    op.status = 'done'
    this.model.log.push(`done ${op.id}`)
  }

  async #fail(): Promise<void> {
    const op = this.#any()
    if (op === undefined) return
    const retryable = this.dice.chance(0.8)
    const { nowMs } = this
    if (!(await this.#end(op, outbox => outbox.fail(op.id, 'no', { retryable, nowMs })))) return
    const counted = op.attempt - op.forgiven
    if (!retryable || counted >= MAX_ATTEMPTS) op.status = 'permanent-failed'
    else Object.assign(op, { status: 'failed', dueMs: nowMs + 500 * 2 ** (counted - 1) })
    this.model.log.push(`${op.status} ${op.id}`)
  }

  async #retry(): Promise<void> {
    const op = this.#any()
    if (op === undefined) return
    const made = this.#outbox.retry(op.id, this.nowMs)
    if (op.status === 'inflight')
      return assert.rejects(made, error => isNatterError(error, 'OPERATION_IN_FLIGHT'))
    if (op.status === 'done') return assert.rejects(made, error => isNatterError(error, 'OPERATION_DONE'))
    await made
    if (op.status === 'pending') return
    Object.assign(op, { status: 'pending', forgiven: op.attempt })
    this.model.log.push(`retry ${op.id}`)
  }

  async #drop(): Promise<void> {
    const op = this.#any()
    if (op === undefined || this.dice.chance(0.5)) return
    const made = this.#outbox.drop(op.id, this.nowMs)
    if (op.status === 'inflight')
      return assert.rejects(made, error => isNatterError(error, 'OPERATION_IN_FLIGHT'))
    await made
    this.model.ops = this.model.ops.filter(other => other !== op)
    this.model.log.push(`drop ${op.id}`)
  }

  /** A worker that is offline takes over and sends nothing. */
  async #takeOver(): Promise<void> {
    const worker = new SyncWorker({
      outbox: this.#outbox,
      transport: new RecordingTransport(),
      probe: this.offline,
      inflightTimeoutMs: TIMEOUT_MS
    })
    assert.equal(await worker.tick(this.nowMs), 0)
    const left = this.model.ops
      .filter(op => op.status === 'inflight' && op.claimedAtMs <= this.nowMs - TIMEOUT_MS)
      .sort((a, b) => a.claimedAtMs - b.claimedAtMs)
    for (const op of left) {
      Object.assign(op, { status: 'failed', dueMs: this.nowMs })
      this.model.log.push(`failed ${op.id}`)
    }
  }

  readonly offline = new NetworkProbe(() => false)

  async #wait(): Promise<void> {
    this.nowMs += this.dice.pick([100, 700, 2_500])
  }
}

describe('the outbox', () => {
  it('does what its model does, in random histories', async () => {
    const dice = new Dice(testSeed('delivery model'))
    for (let round = 0; round < 10; round++) {
      const disk = await openMemoryDisk()
      const settings = { disk, owner: 'one', retry: { ...EXACT, maxAttempts: MAX_ATTEMPTS } }
      const outbox = await Outbox.over(settings)
      const run = new Run(outbox, dice)
      for (let step = 0; step < 100; step++) {
        await run.step()
        await run.check()
      }
      await outbox.close()
      const again = await Outbox.over(settings)
      await run.check(again)
      await again.close()
      await disk.close()
    }
  })
})
