/** Starts and watches the processes of peer-main.ts. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { PeerMainOptions } from './peer-main.js'
import { until } from './support.js'

const MAIN = fileURLToPath(new URL('./peer-main.js', import.meta.url))

export interface PeerEvent {
  readonly event: string
  readonly peer?: string | null
  readonly reason?: string
  readonly addrs?: string[]
  readonly tookMs?: number
}

export class PeerChild {
  readonly events: PeerEvent[] = []
  addrs: string[] = []
  errors = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown[]>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#exit = once(child, 'exit')
    createInterface({ input: child.stdout! }).on('line', line => this.events.push(JSON.parse(line)))
    child.stderr!.on('data', chunk => {
      this.errors += chunk
    })
  }

  /** In a network namespace, if one is named. */
  static async start(options: PeerMainOptions, host?: string): Promise<PeerChild> {
    const command = [process.execPath, MAIN, JSON.stringify(options)]
    const all = host === undefined ? command : ['ip', 'netns', 'exec', host, ...command]
    const peer = new PeerChild(spawn(all[0]!, all.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] }))
    peer.addrs = (await peer.has('ready')).addrs!
    return peer
  }

  get peerId(): string {
    return this.addrs[0]!.split('/').at(-1)!
  }

  told(event: string, peer?: string): PeerEvent | undefined {
    return this.events.find(one => one.event === event && (peer === undefined || one.peer === peer))
  }

  async has(event: string, peer?: string): Promise<PeerEvent> {
    await until(`${event} ${peer ?? ''} ${this.errors}`, () => this.told(event, peer) !== undefined, 20_000)
    return this.told(event, peer)!
  }

  /** Asks it to stop and resolves with its exit code and the milliseconds until it was gone. */
  async stop(): Promise<{ code: unknown; tookMs: number }> {
    const startedAt = Date.now()
    this.#child.stdin!.end()
    const [code] = await this.#exit
    return { code, tookMs: Date.now() - startedAt }
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#exit
  }
}
