/**
 * Virtual time: a heap of events, each of one life of a process or of the world itself. What a dead process waits for
 * never comes; what a process that stands still waits for comes, in its order, when it goes on.
 *
 * An event is over after one turn of the macrotask queue: every promise of the parts under test settles in microtasks.
 */
import type { Clock, Timer } from '../../src/base/index.js'

/** Wall clock at the begin of a run, milliseconds since the Unix epoch. */
export const BEGIN_MS = 1_700_000_000_000

/** One life of a process. */
export class Life {
  readonly number: number
  alive = true
  paused = false
  /** Events that wait for it to go on. */
  readonly held: (() => void)[] = []

  constructor(number: number) {
    this.number = number
  }
}

interface Entry {
  readonly at: number
  readonly order: number
  readonly life: Life | undefined
  readonly run: () => void
  cancelled: boolean
}

export class Timeline {
  /** Milliseconds since the run began. */
  now = 0
  /** Events that ran. */
  count = 0
  readonly #heap: Entry[] = []
  #order = 0

  /** Has `run` called in `delayMs`. Events of one time run in the order in which they were asked for. */
  after(delayMs: number, life: Life | undefined, run: () => void): Timer {
    if (life?.alive === false) return { cancel: () => undefined }
    const at = this.now + Math.max(0, delayMs)
    const entry: Entry = { at, order: this.#order++, life, run, cancelled: false }
    this.#push(entry)
    return {
      cancel: () => {
        entry.cancelled = true
      }
    }
  }

  /** Settles after `delayMs`; never for a life that ended. */
  wait(delayMs: number, life: Life | undefined): Promise<void> {
    return new Promise(resolve => this.after(delayMs, life, resolve))
  }

  /** A process goes on: what it missed happens now. */
  resume(life: Life): void {
    life.paused = false
    for (const run of life.held.splice(0)) this.after(0, life, run)
  }

  /** Events that are still to come for a life. */
  left(life: Life): number {
    return life.held.length + this.#heap.filter(entry => entry.life === life && !entry.cancelled).length
  }

  /** Runs events until `done`, at most up to the time `until`; `after` is called behind each of them. */
  async run(until: number, after: () => void, done: () => boolean = () => false): Promise<void> {
    while (!done()) {
      const next = this.#heap[0]
      if (next === undefined || next.at > until) {
        this.now = until
        return
      }
      this.#pop()
      if (next.cancelled || next.life?.alive === false) continue
      this.now = next.at
      if (next.life?.paused === true) {
        const { life, run } = next
        life.held.push(() => {
          if (!next.cancelled) run()
        })
        continue
      }
      this.count++
      next.run()
      await settled()
      after()
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!before(entry, heap[above]!)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++
      if (!before(heap[below]!, last)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Resolves when everything that was started has come to a standstill. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** What the processes of one machine take for the time: it may be wrong, leap, or stand still. Timers run true. */
export class WallClock {
  readonly #timeline: Timeline
  #offsetMs: number
  #frozenAt: number | undefined

  constructor(timeline: Timeline, offsetMs: number) {
    this.#timeline = timeline
    this.#offsetMs = offsetMs
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  now(): number {
    return this.#frozenAt ?? Math.floor(BEGIN_MS + this.#timeline.now + this.#offsetMs)
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs
  }

  freeze(): void {
    this.#frozenAt = this.now()
  }

  /** Goes on from where it stood. */
  thaw(): void {
    if (this.#frozenAt === undefined) return
    this.#offsetMs = this.#frozenAt - BEGIN_MS - this.#timeline.now
    this.#frozenAt = undefined
  }

  /** As one process sees it. */
  view(life: Life): Clock {
    return {
      now: () => this.now(),
      schedule: (delayMs, run) => this.#timeline.after(delayMs, life, run)
    }
  }
}
