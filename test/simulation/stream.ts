/**
 * Both ends of a simulated stream. Frames arrive in order, each as an event of the reader's process; what the reader
 * does not take stays in its socket up to a bound, and beyond that with the writer, who sees it as `buffered`.
 */
import type { Timer } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import type { SyncStream } from '../../src/net/index.js'
import type { Endpoint } from './endpoint.js'

/** A closed stream waits so long for the other side before it is reset, as the real one does. */
const closeTimeoutMs = 3_000

type Parcel = { readonly frame: Uint8Array } | 'end'

export class StreamEnd implements SyncStream {
  readonly peer: Author
  readonly outbound: boolean
  /** The same at both ends. */
  readonly number: number
  readonly home: Endpoint
  readonly #socketBytes: number
  readonly #drains: (() => void)[] = []
  other!: StreamEnd
  /** With this end's process. */
  readonly #unsent: Parcel[] = []
  #unsentBytes = 0
  /** Under way to the other end: with the time of arrival. */
  readonly #wire: { readonly parcel: Parcel; readonly at: number }[] = []
  #carrying: Timer | undefined
  #lastAt = 0
  /** Arrived here and not read. */
  readonly #inbox: Uint8Array[] = []
  /** On the wire to this end, or in its inbox. */
  #heldBytes = 0
  #ended = false
  #error: Error | undefined
  #closing = false
  #over = false
  #wake: (() => void) | undefined
  #closeTimer: Timer | undefined
  frozen = false

  constructor(home: Endpoint, peer: Author, outbound: boolean, number: number, socketBytes: number) {
    this.home = home
    this.peer = peer
    this.outbound = outbound
    this.number = number
    this.#socketBytes = socketBytes
  }

  get over(): boolean {
    return this.#over
  }

  get buffered(): number {
    return this.#over ? 0 : this.#unsentBytes
  }

  get frames(): AsyncIterable<Uint8Array> {
    return this.#read()
  }

  onDrain(listener: () => void): void {
    this.#drains.push(listener)
  }

  send(frame: Uint8Array): void {
    if (this.#over || this.#closing) return
    this.home.network.sent(this, frame)
    this.#unsent.push({ frame })
    this.#unsentBytes += frame.length
    this.#pump()
    if (this.#unsentBytes === 0) this.#drained()
  }

  async close(): Promise<void> {
    if (this.#over || this.#closing) return
    this.#closing = true
    this.#unsent.push('end')
    this.#pump()
    this.#closeTimer = this.home.clockless(closeTimeoutMs, () => this.abort(new Error('not closed in time')))
  }

  abort(error: Error): void {
    if (this.#over) return
    this.fail(error)
    const { other } = this
    if (!other.over)
      other.home.clockless(this.home.latencyTo(other.home), () => other.fail(new Error('reset')))
  }

  /** The stream is gone for this end. */
  fail(error: Error): void {
    if (this.#over) return
    this.#error = error
    this.#inbox.length = 0
    this.#finish()
  }

  freeze(frozen: boolean): void {
    this.frozen = frozen
    // In the reader's process: one that is dead or paused by now reads nothing.
    if (!frozen) this.home.clockless(0, () => this.#notify())
  }

  /** Carries on what a cut held up. */
  carry(): void {
    if (this.#carrying !== undefined || this.other.over) return
    const next = this.#wire[0]
    if (next === undefined) return
    const { timeline } = this.home.network
    this.#carrying = timeline.after(next.at - timeline.now, this.other.home.life, () => {
      this.#carrying = undefined
      this.#deliver()
    })
  }

  #deliver(): void {
    const { other } = this
    if (other.over || this.home.network.isCut(this.home, other.home)) return
    const next = this.#wire.shift()
    if (next === undefined) return
    other.take(next.parcel)
    this.carry()
    this.#endIfBoth()
  }

  take(parcel: Parcel): void {
    if (this.#over) return
    if (parcel === 'end') this.#ended = true
    else {
      this.home.network.received(this, parcel.frame)
      this.#inbox.push(parcel.frame)
    }
    this.#notify()
    if (this.#ended) this.#endIfBoth()
  }

  #pump(): void {
    const { other } = this
    const { timeline } = this.home.network
    while (this.#unsent.length > 0 && (other.#heldBytes < this.#socketBytes || this.#unsent[0] === 'end')) {
      const parcel = this.#unsent.shift()!
      if (parcel !== 'end') {
        this.#unsentBytes -= parcel.frame.length
        other.#heldBytes += parcel.frame.length
      }
      this.#lastAt = Math.max(this.#lastAt, timeline.now + this.home.latencyTo(other.home))
      this.#wire.push({ parcel, at: this.#lastAt })
    }
    this.carry()
  }

  #drained(): void {
    this.home.clockless(0, () => {
      if (!this.#over && this.#unsentBytes === 0) for (const listener of this.#drains) listener()
    })
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const frame = this.frozen ? undefined : this.#inbox.shift()
        if (frame !== undefined) {
          this.#heldBytes -= frame.length
          this.other.#taken()
          yield frame
        } else if (this.#error !== undefined) throw this.#error
        else if (this.#ended && this.#inbox.length === 0) return
        else {
          await new Promise<void>(resolve => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      // As the real one: at the end of the peer's side, and when the reader wants no more.
      void this.close()
    }
  }

  /** The other end's socket has room. */
  #taken(): void {
    if (this.#over || this.#unsent.length === 0) return
    const had = this.#unsentBytes
    this.#pump()
    if (had > 0 && this.#unsentBytes === 0) this.#drained()
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #endIfBoth(): void {
    if (!this.#ended || !this.#closing || this.#unsent.length > 0 || this.#wire.length > 0) {
      return
    }
    this.#finish()
  }

  #finish(): void {
    this.#over = true
    this.#closeTimer?.cancel()
    this.#unsent.length = 0
    this.#unsentBytes = 0
    this.home.forget(this)
    this.#notify()
  }
}
