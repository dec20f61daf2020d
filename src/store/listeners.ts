/** Who wants to be told of commits and events. A listener that throws does not keep the commit from its writers. */
import type { NodeEvents } from '../base/index.js'
import type { CommitNotice } from './index.js'

export class Listeners {
  readonly #commits = new Set<(notice: CommitNotice) => void>()
  readonly #events = new Map<keyof NodeEvents, Set<(event: never) => void>>()

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    this.#commits.add(listener)
    return () => this.#commits.delete(listener)
  }

  announce(notice: CommitNotice): void {
    if (notice.applied.length === 0) return
    for (const listener of this.#commits) call(listener, notice)
  }

  onEvent<K extends keyof NodeEvents>(type: K, listener: (event: NodeEvents[K]) => void): () => void {
    let listeners = this.#events.get(type)
    if (listeners === undefined) {
      listeners = new Set()
      this.#events.set(type, listeners)
    }
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  emit<K extends keyof NodeEvents>(type: K, event: NodeEvents[K]): void {
    for (const listener of this.#events.get(type) ?? []) {
      call(listener as (event: NodeEvents[K]) => void, event)
    }
  }
}

function call<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event)
  } catch (error) {
    // The fault of the listener's owner: it ends up where uncaught errors do.
    queueMicrotask(() => {
      throw error
    })
  }
}
