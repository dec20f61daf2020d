/** HTTP into a network namespace: a process that lives there and asks for the test, which cannot reach it itself. */
import '../../src/polyfills.js'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./relay-main.js', import.meta.url))

interface Told {
  id: number
  status: number
  text: string
  error?: string
}

export class Relay {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<Response>>()
  #count = 0

  constructor(netns: string) {
    this.#child = spawn('ip', ['netns', 'exec', netns, process.execPath, MAIN], {
      stdio: ['pipe', 'pipe', 'inherit']
    })
    createInterface({ input: this.#child.stdout! }).on('line', line => this.#told(JSON.parse(line) as Told))
    this.#child.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the relay ended'))
      this.#waiting.clear()
    })
  }

  /** What the global `fetch` does, from inside. Of `init` it knows method, headers and a body of text. */
  readonly fetch = (url: string, init: RequestInit = {}): Promise<Response> => {
    const id = this.#count++
    const waiting = Promise.withResolvers<Response>()
    this.#waiting.set(id, waiting)
    const { method = 'GET', headers = {}, body = null } = init
    this.#child.stdin!.write(`${JSON.stringify({ id, url, method, headers, body })}\n`)
    return waiting.promise
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #told({ id, status, text, error }: Told): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(new Response(text, { status }))
    else waiting?.reject(new Error(error))
  }
}
