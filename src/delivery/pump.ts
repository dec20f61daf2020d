/**
 * One tick: settles what an earlier one could not, takes over what dead owners left, and sends what is due, in as many
 * lanes as there are workers.
 *
 * Keeps, for each operation: reserved in this process, then its claim on disk, then sent, then its end on disk, then told
 * and let go. An end that the disk did not take is kept and written first thing in the next tick, so an operation that
 * was sent is not sent again because of a full disk. Leaves to `worker.ts` and `engine.ts` when a tick is.
 */
import type { Timer } from '../base/index.js'
import { DELIVERY, isNatterError, messageOf } from '../base/index.js'
import { holdProcess, systemClock } from '../base/system.js'
import { Dispenser } from './dispenser.js'
import type { EngineEvents, EventsOf, Operation, SendResult, Transport } from './index.js'
import { operationOf } from './operation.js'
import type { Outbox, OutboxParts } from './outbox.js'
import { outboxParts } from './outbox.js'
import type { Accepts } from './reads.js'
import type { StateRecord } from './records.js'
import * as transitions from './transitions.js'
import { unlessDamaged } from './transitions.js'

export interface PumpInit {
  readonly outbox: Outbox
  readonly transport: Transport
  readonly lanes: number
  /** Operations of one lane in one tick. */
  readonly batchLimit: number
  readonly inflightTimeoutMs: number
  readonly sendTimeoutMs: number
  readonly accepts: Accepts | undefined
}

/** How an attempt ended, with its end not on disk yet. */
interface Ended {
  readonly seq: number
  readonly id: string
  readonly attempt: number
  readonly result: SendResult
  readonly givenBack: boolean
}

/** Why a send is aborted: there was no answer in time, or the engine stops. */
const STOPPED = 'the engine was stopped'

export class Pump {
  readonly events = new EventTarget() as EventsOf<EngineEvents>
  readonly #init: PumpInit
  readonly #parts: OutboxParts
  readonly #owner: string
  readonly #sends = new Set<AbortController>()
  /** Ticks and lanes that have not ended. */
  readonly #running = new Set<Promise<number>>()
  /** While some of them run. */
  #letGo: (() => void) | undefined
  /** Lanes at work. */
  #busy = 0
  #unsettled: Ended[] = []
  #halted = false

  constructor(init: PumpInit) {
    this.#init = init
    this.#parts = outboxParts(init.outbox)
    this.#owner = init.outbox.owner
  }

  /**
   * Answers how many operations it sent. Rejects with what the disk rejects with; the rest is for the next tick. With
   * `freed` it ends as soon as one lane has nothing more to do, and calls that when one has that sent something: a send
   * that hangs holds its lane, and not what comes meanwhile. The process does not end while a lane is at work.
   */
  tick(nowMs: number | undefined, online: boolean, freed?: () => void): Promise<number> {
    return this.#run(this.#tick(nowMs, online, freed))
  }

  /** Has `halt`, the outbox that closes, and the end of the process wait for it. */
  #run(running: Promise<number>): Promise<number> {
    this.#letGo ??= this.#hold()
    this.#running.add(running)
    const ended = (): void => {
      this.#running.delete(running)
      if (this.#running.size > 0) return
      this.#letGo?.()
      this.#letGo = undefined
    }
    running.then(ended, ended)
    return running
  }

  #hold(): () => void {
    const { ledger } = this.#parts
    const forget = ledger.use(() => this.halt())
    const letGo = ledger.clock === systemClock ? holdProcess() : undefined
    return () => {
      forget()
      letGo?.()
    }
  }

  /**
   * Begins no more sends until `resume`, gives those under way two seconds to end, aborts the others and waits until
   * what they claimed is given back.
   */
  async halt(): Promise<void> {
    this.#halted = true
    let timer: Timer | undefined
    const grace = new Promise<void>(resolve => {
      timer = this.#parts.ledger.clock.schedule(DELIVERY.stopMs, resolve)
    })
    const ended = Promise.allSettled(this.#running)
    await Promise.race([ended, grace])
    timer?.cancel()
    for (const send of this.#sends) send.abort(STOPPED)
    await ended
  }

  resume(): void {
    this.#halted = false
  }

  async #tick(nowMs: number | undefined, online: boolean, freed?: () => void): Promise<number> {
    const { ledger, reads, sweeper } = this.#parts
    const time = (): number => nowMs ?? ledger.clock.now()
    for (let ended = this.#unsettled.shift(); ended !== undefined; ended = this.#unsettled.shift())
      await this.#settle(ended, time())
    await this.#takeOver(time())
    let sent = 0
    if (online) {
      const { lanes, batchLimit, accepts } = this.#init
      const count = freed === undefined ? lanes : Math.max(1, lanes - this.#busy)
      const dispenser = new Dispenser(ledger, reads, count * batchLimit, time, accepts)
      const started = Array.from({ length: count }, () => this.#run(this.#lane(dispenser, time)))
      sent = await (freed === undefined ? allOf(started) : this.#firstOf(started, freed))
      if (!dispenser.isSpent && this.#busy === 0 && !this.#halted) this.#tell('idle', {})
    }
    await sweeper.sweep(time())
    return sent
  }

  /**
   * What was sent by the lanes that have ended, once one has. For each of the others that sent something `freed` is called
   * when it ends; how one failed is told.
   */
  async #firstOf(started: readonly Promise<number>[], freed: () => void): Promise<number> {
    let sent = 0
    let isOver = false
    const watched = started.map(async lane => {
      try {
        const count = await lane
        sent += count
        if (isOver && count > 0) freed()
      } catch (error) {
        if (!isOver) throw error
        this.#tellError(error)
      }
    })
    try {
      await Promise.race(watched)
    } finally {
      isOver = true
    }
    return sent
  }

  async #lane(dispenser: Dispenser, time: () => number): Promise<number> {
    this.#busy++
    try {
      return await this.#work(dispenser, time)
    } finally {
      this.#busy--
    }
  }

  async #work(dispenser: Dispenser, time: () => number): Promise<number> {
    const { reserved } = this.#parts.ledger
    let sent = 0
    while (!this.#halted) {
      const seq = await dispenser.next()
      if (seq === undefined) break
      let ended: Ended | undefined
      try {
        const op = await this.#claim(seq, time())
        if (op !== undefined) {
          ended = await this.#send(seq, op)
          sent++
        }
      } catch (error) {
        reserved.delete(seq)
        // Its own record is damaged: others go on. Everything else is the disk, and true for all.
        if (!isNatterError(error, 'STORE_DAMAGED')) throw error
        this.#tellError(error)
      }
      if (ended === undefined) reserved.delete(seq)
      else await this.#settle(ended, time())
      if (ended?.result.ok !== true) dispenser.stands()
    }
    return sent
  }

  /** The operation with its claim on disk; undefined when it cannot be claimed any more. */
  async #claim(seq: number, nowMs: number): Promise<Operation | undefined> {
    const { ledger } = this.#parts
    const owner = this.#owner
    const state = await ledger.call({
      seqs: [seq],
      run: (draft, rules) => transitions.claim(draft, rules, seq, owner, nowMs)
    })
    if (state === undefined) return undefined
    try {
      return operationOf(state, await ledger.content(seq))
    } catch (error) {
      if (!isNatterError(error, 'STORE_DAMAGED')) throw error
      // What is to be sent is lost: that is said, and its target is not held up by it.
      await this.#settle(this.#ended(seq, state, failed(messageOf(error), false)), nowMs)
      return undefined
    }
  }

  async #send(seq: number, op: Operation): Promise<Ended> {
    const { transport, sendTimeoutMs } = this.#init
    const abort = new AbortController()
    this.#sends.add(abort)
    const timer = this.#parts.ledger.clock.schedule(sendTimeoutMs, () =>
      abort.abort(`no answer within ${sendTimeoutMs} ms`)
    )
    const { signal } = abort
    try {
      const aborted = new Promise<SendResult>(resolve => {
        signal.addEventListener('abort', () => resolve(failed(String(signal.reason), true)), { once: true })
      })
      const answered = Promise.resolve()
        .then(() => transport.send(op, { signal }))
        .then(checkResult, error => failed(messageOf(error), true))
      const result = await Promise.race([aborted, answered])
      return this.#ended(seq, op, result, signal.aborted && signal.reason === STOPPED && !result.ok)
    } finally {
      timer.cancel()
      this.#sends.delete(abort)
    }
  }

  #ended(
    seq: number,
    { id, attempt }: Pick<StateRecord, 'id' | 'attempt'>,
    result: SendResult,
    givenBack = false
  ): Ended {
    return { seq, id, attempt, result, givenBack }
  }

  /** Makes the end of an attempt durable and lets the operation go; keeps it for the next tick where the disk refuses. */
  async #settle(ended: Ended, nowMs: number): Promise<void> {
    const { ledger } = this.#parts
    const { seq, id, attempt, result, givenBack } = ended
    const end = { id, owner: this.#owner, attempt, nowMs }
    try {
      const [type, detail] = await ledger.call({
        seqs: [seq],
        ids: [id],
        run: (draft, rules) =>
          result.ok
            ? transitions.complete(draft, end)
            : transitions.fail(draft, rules, end, failureOf(result, givenBack))
      })
      ledger.reserved.delete(seq)
      this.#tell(type, detail)
    } catch (error) {
      if (isNatterError(error) && error.row.retryable) {
        this.#unsettled.push(ended)
        throw error
      }
      ledger.reserved.delete(seq)
      // Ended by somebody else, or by an earlier try that was made after all.
      if (!isNatterError(error, 'OPERATION_NOT_HELD') && !isNatterError(error, 'NOT_FOUND')) throw error
      const { details } = error
      if (result.ok && details['status'] === 'done' && details['attempt'] === attempt)
        this.#tell('sent', { id, attempt })
    }
  }

  async #takeOver(nowMs: number): Promise<void> {
    const { ledger, reads } = this.#parts
    const { inflightTimeoutMs } = this.#init
    const isLeft = ({ updatedAtMs }: StateRecord): boolean =>
      updatedAtMs <= nowMs - inflightTimeoutMs || updatedAtMs > nowMs + inflightTimeoutMs
    for (;;) {
      const limit = DELIVERY.takenOverItems + ledger.reserved.size
      const found = await reads.left(nowMs, inflightTimeoutMs, limit)
      const seqs = found.filter(seq => !ledger.reserved.has(seq))
      if (seqs.length === 0) return
      const taken = await ledger.call({
        seqs,
        run: async (draft, rules, tell) => {
          let count = 0
          for (const seq of seqs) {
            if (ledger.reserved.has(seq)) continue
            const taking = transitions.takeOver(draft, rules, seq, nowMs, isLeft)
            const outcome = await taking.catch(unlessDamaged)
            if (outcome?.value === true) count++
            if (outcome?.telling !== undefined) tell(outcome.telling)
          }
          return { value: count }
        }
      })
      if (taken === 0 || found.length < limit) return
    }
  }

  #tell<K extends keyof EngineEvents>(type: K, detail: EngineEvents[K]): void {
    this.events.dispatchEvent(new CustomEvent(type, { detail }))
  }

  #tellError(error: unknown): void {
    this.#tell('error', { code: isNatterError(error) ? error.code : undefined, message: messageOf(error) })
  }
}

async function allOf(lanes: readonly Promise<number>[]): Promise<number> {
  let sent = 0
  for (const lane of await Promise.allSettled(lanes)) {
    if (lane.status === 'rejected') throw lane.reason
    sent += lane.value
  }
  return sent
}

function failed(error: string, retryable: boolean): SendResult {
  return { ok: false, retryable, error }
}

/** A transport that answers anything else has a fault: its operation is kept and tried again. */
function checkResult(result: SendResult): SendResult {
  if (result?.ok === true) return result
  if (result?.ok === false && typeof result.retryable === 'boolean') return result
  return failed('the transport did not say how the attempt ended', true)
}

function failureOf(result: Exclude<SendResult, { ok: true }>, givenBack: boolean): transitions.Failure {
  const { retryable, retryAfterMs } = result
  const error = transitions.errorText(result.error)
  return { error, retryable, retryAfterMs, givenBack }
}
