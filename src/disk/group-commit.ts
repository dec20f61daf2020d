/**
 * A queue in front of a commit: what arrives while one run is in flight forms the next run.
 *
 * Keeps: items run in the order of their arrival, each in exactly one run, one run at a time; when nothing is in flight
 * a run begins in the same turn of the event loop, without a timer, with all that this turn brings; a run never exceeds
 * its bounds unless one item alone does. Leaves to its user:
 * what a run does, and settling whoever waits for an item.
 */

export interface GroupCommitInit<T> {
  /** Makes all items of one run durable and settles them. A rejection goes to `failed`, item by item. */
  run(items: readonly T[]): Promise<void>
  /** Called for each item of a run that rejected. */
  failed(item: T, error: unknown): void
  /** What an item counts towards `limit`. @default 1 */
  size?(item: T): number
  /** Sum of sizes that one run takes: further items go into the next. @default no limit */
  limit?: number
}

export class GroupCommit<T> {
  readonly #init: GroupCommitInit<T>
  #queue: T[] = []
  #loop: Promise<void> | undefined

  constructor(init: GroupCommitInit<T>) {
    this.#init = init
  }

  /** Items that wait for the next run. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Adds an item to the next run. */
  push(item: T): void {
    this.#queue.push(item)
    this.#loop ??= this.#work()
  }

  /** Takes an item out that no run has taken yet; answers false when it is too late. */
  remove(item: T): boolean {
    const at = this.#queue.indexOf(item)
    if (at < 0) return false
    this.#queue.splice(at, 1)
    return true
  }

  /** Takes out everything that no run has taken yet. */
  clear(): T[] {
    return this.#queue.splice(0)
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#loop !== undefined) await this.#loop
  }

  async #work(): Promise<void> {
    await undefined // callers of the same turn share a run
    while (this.#queue.length > 0) {
      const items = this.#take()
      try {
        await this.#init.run(items)
      } catch (error) {
        for (const item of items) this.#init.failed(item, error)
      }
    }
    this.#loop = undefined
  }

  #take(): T[] {
    const { size, limit = Number.POSITIVE_INFINITY } = this.#init
    let sum = 0
    let count = 0
    for (const item of this.#queue) {
      sum += size?.(item) ?? 1
      if (count > 0 && sum > limit) break
      count++
    }
    if (count === this.#queue.length) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    return this.#queue.splice(0, count)
  }
}
