/**
 * What is under way on a server: every request with the signal that ends it, so that a stop can end all of them.
 *
 * One controller a request, and no signal derived from one that lives as long as the server: Node.js keeps a trace of
 * every derived signal on its source, which would grow with each request.
 */
import { NatterError } from '../base/index.js'

export class Lifetime {
  readonly #calls = new Map<AbortController, Promise<void>>()
  #stopping = false

  get stopping(): boolean {
    return this.#stopping
  }

  /** Runs `work` with a controller of its own; `stop` aborts it and waits for the work to end. */
  async run(work: (call: AbortController) => Promise<void>): Promise<void> {
    const call = new AbortController()
    const done = work(call)
    this.#calls.set(call, done)
    try {
      await done
    } finally {
      this.#calls.delete(call)
    }
  }

  /** Aborts everything that is under way and resolves when it has ended, or after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true
    for (const call of this.#calls.keys()) call.abort(new NatterError('NOT_READY', 'the node is stopping'))
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, withinMs)
    })
    await Promise.race([late, Promise.allSettled(this.#calls.values())])
    clearTimeout(timer)
  }
}
