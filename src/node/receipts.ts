/**
 * Receipts: how far a write has spread, counted from durable acknowledged positions, whichever way the op travelled.
 * A missed target is no error of the write. Nodes that are no neighbours are asked one by one, at a bounded rate.
 */

import type { AckTarget, Clock, Receipt, ReceiptState, WaitOptions } from '../base/index.js'
import { NatterError } from '../base/index.js'
import type { Author, BatchId, HybridTime, OpName, Tip } from '../log/index.js'
import { formatOpId, peerIdOf, shortId } from '../log/index.js'
import type { LoggedOp } from '../store/index.js'
import type { Membership, PeerBook } from './peer-book.js'
import { timeText } from './values.js'
import type { Progress } from './wait.js'
import { waitUntil } from './wait.js'

/** Milliseconds between two questions to nodes that are no neighbours: at most 20 a second. */
const ASK_EVERY_MS = 50
export const DEFAULT_WAIT_MS = 30_000

/** A write with its place in the log. */
export interface Written {
  readonly ops: readonly OpName[]
  readonly batch: BatchId
  readonly position: number
  readonly time: HybridTime
  readonly id?: string
}

export interface ReceiptsInit {
  readonly book: PeerBook
  readonly clock: Clock
  readonly progress: Progress
  readonly membership: () => Membership | undefined
  readonly cursor: (position: number) => string
}

export function checkAckTarget(target: unknown): asserts target is AckTarget {
  if (target === 'local' || target === 'all') return
  if (typeof target === 'number' && Number.isInteger(target) && target >= 0) return
  throw new NatterError('INVALID_ARGUMENT', "ack must be 'local', 'all' or a number of nodes")
}

export class Receipts {
  readonly #init: ReceiptsInit

  constructor(init: ReceiptsInit) {
    this.#init = init
  }

  /** The receipt of a write, after waiting for `target` if there is one. */
  async after(written: Written, target: AckTarget, options: WaitOptions): Promise<Receipt> {
    const counted = this.#init.book.counted()
    if (target === 'local' || target === 0) return this.#receipt(written, counted, true)
    return this.#wait(written, counted, target, options)
  }

  /** The receipt as of now; reached when every known node has the write. */
  now(written: Written): Receipt {
    const counted = this.#init.book.counted()
    return this.#receipt(written, counted, this.#acked(written, counted).length === counted.length)
  }

  /** `known`: the nodes that 'all' means. */
  async #wait(
    written: Written,
    known: readonly Author[],
    target: number | 'all',
    options: WaitOptions
  ): Promise<Receipt> {
    const { book, clock, progress } = this.#init
    const counted = () => (target === 'all' ? known : book.counted())
    const enough = () => this.#acked(written, counted()).length >= (target === 'all' ? known.length : target)
    let asking: AbortController | undefined
    const timer = clock.schedule(ASK_EVERY_MS, () => {
      asking = new AbortController()
      void this.#askOthers(written, asking.signal)
    })
    try {
      const timeoutMs = options.timeout ?? DEFAULT_WAIT_MS
      const reached = await waitUntil(enough, { progress, clock, timeoutMs, signal: options.signal })
      return this.#receipt(written, counted(), reached)
    } finally {
      timer.cancel()
      asking?.abort()
    }
  }

  /** Asks nodes without a stream how far they have this node's log, round by round, until told to stop. */
  async #askOthers(written: Written, signal: AbortSignal): Promise<void> {
    const { clock, book, membership } = this.#init
    while (!signal.aborted) {
      for (const peer of book.counted()) {
        const engine = membership()?.engine
        if (signal.aborted || engine === undefined) return
        if (book.holds(peer, this.#tip(written), written.position) !== undefined) continue
        const { state } = await engine.session(peer)
        if (state !== 'unknown' && state !== 'offline') continue
        await engine.ask(peer, { signal }).catch(() => undefined) // unreachable now: asked again in the next round
        await new Promise<void>(resolve => clock.schedule(ASK_EVERY_MS, resolve))
      }
      await new Promise<void>(resolve => clock.schedule(ASK_EVERY_MS, resolve))
    }
  }

  #tip(written: Written): Tip {
    const { author, epoch, seq } = written.ops[0]!
    return { author, epoch, seq, id: shortId(written.batch) }
  }

  #acked(written: Written, peers: readonly Author[]): { peer: Author; atMs: number }[] {
    const tip = this.#tip(written)
    const acked: { peer: Author; atMs: number }[] = []
    for (const peer of peers) {
      const held = this.#init.book.holds(peer, tip, written.position)
      if (held !== undefined) acked.push({ peer, atMs: held.atMs })
    }
    return acked
  }

  #receipt(written: Written, counted: readonly Author[], reached: boolean): Receipt {
    const acked = this.#acked(written, counted)
    const has = new Set(acked.map(ack => ack.peer))
    const state: ReceiptState = {
      opIds: written.ops.map(formatOpId),
      cursor: this.#init.cursor(written.position),
      at: timeText(written.time),
      applied: true,
      acks: acked.map(({ peer, atMs }) => ({ peer: peerIdOf(peer), at: new Date(atMs).toISOString() })),
      missing: counted.filter(peer => !has.has(peer)).map(peerIdOf),
      reached
    }
    if (written.id !== undefined) state.id = written.id
    const wait: Receipt['wait'] = (target, options = {}) => {
      checkAckTarget(target)
      return this.#wait(written, counted, target, options)
    }
    // Not enumerable, so that a receipt prints and serialises as its state.
    return Object.defineProperty({ ...state }, 'wait', { value: wait }) as Receipt
  }
}

/** What a write that stands in the log was. */
export function writtenOf(ops: readonly LoggedOp[]): Written {
  const { batch, position, time, clientId } = ops[0]!
  const written = { ops: ops.map(op => op.name), batch, position, time }
  return clientId === undefined ? written : { ...written, id: clientId }
}
