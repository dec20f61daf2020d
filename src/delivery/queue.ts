/**
 * The queue of one target within a draft: who is first, who is in flight, who may be claimed next.
 *
 * Keeps: the first operation of the queue stands among those that may be claimed exactly when none of the queue is in
 * flight; no other of the queue stands there. What a change will need is read when the queue is opened, so changes do
 * not wait.
 */
import { damaged } from '../base/sealed-record.js'
import type { Draft } from './draft.js'
import type { TargetRecord } from './records.js'

export class Queue {
  readonly #draft: Draft
  readonly #target: string
  #record: TargetRecord | undefined
  /** The first behind the one that may leave, if that is the head. */
  readonly #next: number | undefined

  private constructor(
    draft: Draft,
    target: string,
    record: TargetRecord | undefined,
    next: number | undefined
  ) {
    this.#draft = draft
    this.#target = target
    this.#record = record
    this.#next = next
  }

  /**
   * Opens the queue of a target. `moving`: the operation that may leave it, be retried or come back; without it only
   * `append` and `occupy` may be called.
   */
  static async of(draft: Draft, target: string, moving?: number): Promise<Queue> {
    const record = await draft.target(target)
    let next: number | undefined
    if (record !== undefined && moving !== undefined) {
      if (record.head === moving) next = await draft.nextInQueue(target, moving, record.tail)
      for (const seq of next === undefined ? [record.head] : [record.head, next]) {
        if ((await draft.state(seq)) === undefined)
          throw damaged(`the queue of ${target}`, new Error(`operation ${seq} is not there`))
      }
    }
    return new Queue(draft, target, record, next)
  }

  /** A new operation stands last. */
  append(seq: number): void {
    this.#draft.enterQueue(this.#target, seq)
    const record = this.#record
    if (record !== undefined) {
      this.#set({ ...record, tail: seq })
      return
    }
    this.#set({ head: seq, busy: 0, tail: seq })
    this.#offer(seq, seq)
  }

  /** The first was claimed; its state says so already. */
  occupy(seq: number): void {
    this.#set({ ...this.#record!, busy: seq })
  }

  /** The one in flight is final. */
  finish(seq: number, position: number): void {
    this.#set({ ...this.#record!, busy: 0 })
    this.leave(seq, position)
  }

  /** The one in flight will be retried. */
  release(position: number): void {
    this.#set({ ...this.#record!, busy: 0 })
    this.#offer(this.#record!.head, position)
  }

  /** A final one waits again, at its old place. */
  comeBack(seq: number, position: number): void {
    this.#draft.enterQueue(this.#target, seq)
    const record = this.#record
    if (record === undefined) {
      this.#set({ head: seq, busy: 0, tail: seq })
      this.#offer(seq, position)
    } else if (seq > record.head) {
      this.#set({ ...record, tail: Math.max(record.tail, seq) })
    } else {
      this.#withdraw(record.head)
      this.#set({ ...record, head: seq })
      if (record.busy === 0) this.#offer(seq, position)
    }
  }

  /** One that is not in flight leaves. */
  leave(seq: number, position: number): void {
    this.#draft.leaveQueue(this.#target, seq)
    const record = this.#record!
    if (record.head !== seq) {
      // It ended behind one that came back meanwhile, or was dropped from the middle.
      if (record.busy === 0) this.#offer(record.head, position)
      return
    }
    if (this.#next === undefined) {
      this.#set(undefined)
      return
    }
    this.#set({ ...record, head: this.#next })
    if (record.busy === 0) this.#offer(this.#next, position)
  }

  /** Puts an operation among those that may be claimed, unless it stands there. */
  #offer(seq: number, position: number): void {
    const state = this.#draft.here(seq)
    if (state.place === 0 && state.status !== 'inflight')
      this.#draft.setState(seq, { ...state, place: state.status === 'pending' ? position : 1 })
  }

  #withdraw(seq: number): void {
    const state = this.#draft.here(seq)
    if (state.place > 0) this.#draft.setState(seq, { ...state, place: 0 })
  }

  #set(record: TargetRecord | undefined): void {
    this.#record = record
    this.#draft.setTarget(this.#target, record)
  }
}
