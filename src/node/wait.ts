/** Waiting for something to become true, by being told of progress: no polling, a deadline, and a way to give up. */

import type { Clock } from '../base/index.js'
import { NatterError } from '../base/index.js'

/** Tells its listeners that something moved: a commit, a peer's account, a connection. */
export class Progress {
  readonly #listeners = new Set<() => void>()

  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly announce = (): void => {
    for (const listener of [...this.#listeners]) listener()
  }
}

export interface WaitInit {
  readonly progress: Progress
  readonly clock: Clock
  /** Absent: no deadline. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

/** Resolves true as soon as `holds` does, false at the deadline; rejects `ABORTED` when the signal fires. */
export async function waitUntil(holds: () => boolean | Promise<boolean>, init: WaitInit): Promise<boolean> {
  const { progress, clock, timeoutMs, signal } = init
  let wake: () => void = () => undefined
  let expired = false
  const stopListening = progress.listen(() => wake())
  const timer =
    timeoutMs === undefined
      ? undefined
      : clock.schedule(timeoutMs, () => {
          expired = true
          wake()
        })
  const onAbort = () => wake()
  signal?.addEventListener('abort', onAbort)
  try {
    while (true) {
      throwIfAborted(signal)
      const woken = new Promise<void>(resolve => {
        wake = resolve
      })
      if (await holds()) return true
      if (expired) return false
      if (!signal?.aborted) await woken
    }
  } finally {
    stopListening()
    timer?.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Throws `ABORTED` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new NatterError('ABORTED', 'the call was given up', { cause: signal.reason })
}
