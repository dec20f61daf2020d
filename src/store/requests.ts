/** A request on its way into a commit, which its caller may give up as long as no commit has taken it. */
import { NatterError } from '../base/index.js'
import type { Committer, Request } from './commit.js'

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
