/** A host process, as the runner sees it: started, called by messages one at a time, ended. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Calls } from './host.js'

/** Milliseconds after which a call has failed, whatever it does. */
const CALL_MS = 150_000
/** Lines of what a process wrote to stderr that stand in the error of a call. */
const LAST_WORDS = 5

export class Remote {
  readonly #child: ChildProcess
  readonly #name: string
  #words = ''

  private constructor(child: ChildProcess, name: string) {
    this.#child = child
    this.#name = name
    const keep = (text: Buffer) => {
      this.#words = (this.#words + text.toString()).slice(-4096)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
  }

  /** Resolves when the process has loaded the system's modules. */
  static async start(system: string): Promise<Remote> {
    const child = fork(fileURLToPath(new URL('host.js', import.meta.url)), [system], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc']
    })
    const remote = new Remote(child, system)
    await remote.#answer('start')
    return remote
  }

  async call<K extends keyof Calls>(
    call: K,
    ...[argument]: Calls[K]['argument'] extends undefined ? [] : [Calls[K]['argument']]
  ): Promise<Calls[K]['answer']> {
    this.#child.send({ call, argument })
    return (await this.#answer(call)) as Calls[K]['answer']
  }

  async #answer(call: string): Promise<unknown> {
    const over = new AbortController()
    const timer = setTimeout(() => over.abort(), CALL_MS)
    try {
      const message = await Promise.race([
        once(this.#child, 'message', { signal: over.signal }),
        once(this.#child, 'exit', { signal: over.signal }).then(([code]) => {
          throw new Error(`the process ended (${code}): ${this.#lastWords()}`)
        })
      ])
      const [{ answer, error }] = message as [{ answer?: unknown; error?: string }]
      if (error !== undefined) throw new Error(error)
      return answer
    } catch (error) {
      if (over.signal.aborted && this.#child.exitCode === null) {
        throw new Error(`${this.#name}, ${call}: no answer after ${CALL_MS / 1000} s: ${this.#lastWords()}`)
      }
      throw new Error(`${this.#name}, ${call}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      clearTimeout(timer)
      over.abort()
    }
  }

  #lastWords(): string {
    return this.#words.trim().split('\n').slice(-LAST_WORDS).join(' | ')
  }

  /** Closes the store and ends the process. */
  async end(): Promise<void> {
    await this.call('close')
    await this.kill()
  }

  /** Ends the process; nothing when it has ended. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000)
    await exit
    clearTimeout(timer)
  }
}
