/** What is asked of a commit, and a request on its way into one, which its caller may give up until a commit has taken it. */
import { NatterError } from '../base/index.js'
import type { BareHeader, Batch } from '../log/index.js'
import type { Committer } from './commit.js'
import type { Draft } from './draft.js'
import type { ApplyResult, Committed } from './index.js'
import type { PreparedWrite } from './local-write.js'

export interface WriteRequest {
  readonly type: 'write'
  readonly prepared: PreparedWrite
  resolve(committed: Committed): void
  reject(error: unknown): void
}

export interface ApplyRequest {
  readonly type: 'apply'
  readonly batches: readonly Batch[]
  readonly proof: readonly BareHeader[]
  resolve(results: ApplyResult[]): void
  reject(error: unknown): void
}

/** Anything else that is to be written: accounts of peers. */
export interface UpkeepRequest {
  readonly type: 'upkeep'
  /** Keys whose cells are looked at: damaged ones are made again. */
  readonly keys?: readonly Uint8Array[]
  /** All of them are made again: they did not take in what the log holds. */
  readonly again?: boolean
  run(draft: Draft): Promise<void> | void
  resolve(): void
  reject(error: unknown): void
}

export type Request = WriteRequest | ApplyRequest | UpkeepRequest

export function enqueued<T>(
  committer: Committer,
  request: (resolve: (value: T) => void, reject: (error: unknown) => void) => Request,
  signal?: AbortSignal
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) {
      committer.enqueue(request(resolve, reject))
      return
    }
    if (signal.aborted) {
      reject(aborted(signal))
      return
    }
    // Once a commit has taken the write it is no longer known whether it can be undone: then its end is waited for.
    const giveUp = (): void => {
      if (committer.withdraw(made)) reject(aborted(signal))
    }
    const made = request(
      value => {
        signal.removeEventListener('abort', giveUp)
        resolve(value)
      },
      error => {
        signal.removeEventListener('abort', giveUp)
        reject(error)
      }
    )
    signal.addEventListener('abort', giveUp)
    committer.enqueue(made)
  })
}

function aborted(signal: AbortSignal): NatterError {
  return new NatterError('ABORTED', 'the write was given up before it was made', { cause: signal.reason })
}
