/** Real peers for tests: each a process of `natter up` with a directory of its own, spoken to over HTTP. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const BIN = fileURLToPath(new URL('../../src/cli/bin.js', import.meta.url))
const READY_WITHIN_MS = 30_000

export interface ReadyLine {
  event: 'ready'
  peerId: string
  addrs: string[]
  http: string
  dataDir: string
  pid: number
}

export interface PeerInit {
  dataDir: string
  args?: readonly string[]
  /** Run inside this network namespace. */
  netns?: string
  /** Laid over the environment of the test. */
  env?: Readonly<Record<string, string>>
  /** How to ask it, where the test itself cannot reach it. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any
}

export class PeerProcess {
  readonly init: PeerInit
  readonly ready: ReadyLine
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #stderr: string[]

  private constructor(
    init: PeerInit,
    child: ChildProcess,
    ended: Promise<number | null>,
    ready: ReadyLine,
    stderr: string[]
  ) {
    this.init = init
    this.#child = child
    this.#ended = ended
    this.ready = ready
    this.#stderr = stderr
  }

  /** Resolves when the process has printed its ready line; rejects with its errors when it ends before. */
  static async start(init: PeerInit): Promise<PeerProcess> {
    const args = ['up', '--json', '--data', init.dataDir, '--http', '0', '--no-mdns', ...(init.args ?? [])]
    const command =
      init.netns === undefined ? [process.execPath] : ['ip', 'netns', 'exec', init.netns, process.execPath]
    const child = spawn(command[0]!, [...command.slice(1), BIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...init.env }
    })
    const stderr: string[] = []
    child.stderr!.setEncoding('utf8').on('data', (text: string) => stderr.push(text))
    const ended = once(child, 'close').then(([code]) => code as number | null)
    const ready = await firstReadyLine(child, ended, stderr)
    return new PeerProcess(init, child, ended, ready, stderr)
  }

  get peerId(): string {
    return this.ready.peerId
  }

  get http(): string {
    return this.ready.http
  }

  /** An address of this peer on loopback. */
  get addr(): string {
    return this.ready.addrs.find(addr => addr.startsWith('/ip4/127.')) ?? this.ready.addrs[0]!
  }

  get stderr(): string {
    return this.#stderr.join('')
  }

  /** Sends the signal and resolves with the exit code when the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal)
    return this.#ended
  }

  /** Resolves with the exit code when the process is gone, whoever ended it. */
  get ended(): Promise<number | null> {
    return this.#ended
  }

  /** A new process on the same directory, without the environment that this one was given. */
  restart(args = this.init.args ?? []): Promise<PeerProcess> {
    const { env: _, ...init } = this.init
    return PeerProcess.start({ ...init, args })
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<Answer> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await (this.init.fetch ?? fetch)(this.http + path, {
      method,
      headers: { ...json, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: response.status, body: await response.json() }
  }

  get(path: string): Promise<Answer> {
    return this.request('GET', path)
  }

  put(key: string, value: unknown, query = '', headers: Record<string, string> = {}): Promise<Answer> {
    return this.request('PUT', `/kv/${encodeURIComponent(key)}${query}`, { value }, headers)
  }

  async value(key: string): Promise<unknown> {
    const { status, body } = await this.get(`/kv/${encodeURIComponent(key)}`)
    return status === 200 ? body.value : undefined
  }

  async digests(): Promise<{ frontier: string; state: string; keys: number; ops: number }> {
    const { body } = await this.get('/status')
    return { frontier: body.frontierDigest, state: body.stateDigest, keys: body.keys, ops: body.ops }
  }
}

async function firstReadyLine(
  child: ChildProcess,
  ended: Promise<number | null>,
  stderr: string[]
): Promise<ReadyLine> {
  const lines = createInterface({ input: child.stdout! })
  const timeout = AbortSignal.timeout(READY_WITHIN_MS)
  const line = await Promise.race([
    once(lines, 'line', { signal: timeout }).then(([text]) => text as string),
    ended.then(code => {
      throw new Error(`natter up ended with ${code}: ${stderr.join('')}`)
    })
  ])
  child.stdout!.resume()
  return JSON.parse(line) as ReadyLine
}

/** Runs `natter` once and resolves with what it printed and its exit code. */
export async function natter(
  args: readonly string[],
  options: { api?: string; input?: string; env?: Record<string, string>; netns?: string } = {}
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    ...options.env,
    ...(options.api === undefined ? {} : { NATTER_API: options.api })
  }
  const command =
    options.netns === undefined
      ? [process.execPath]
      : ['ip', 'netns', 'exec', options.netns, process.execPath]
  const child = spawn(command[0]!, [...command.slice(1), BIN, ...args], {
    env,
    stdio: ['pipe', 'pipe', 'pipe']
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.end(options.input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Directories and processes of one test, all gone at its end. */
export class Fleet {
  #root: string | undefined
  readonly #peers = new Set<PeerProcess>()

  async root(): Promise<string> {
    this.#root ??= await mkdtemp(join(tmpdir(), 'natter-test-'))
    return this.#root
  }

  async dir(name: string): Promise<string> {
    return join(await this.root(), name)
  }

  async start(name: string, args: readonly string[] = [], netns?: string): Promise<PeerProcess> {
    const dataDir = await this.dir(name)
    return this.startWith({ dataDir, args, ...(netns === undefined ? {} : { netns }) })
  }

  async startWith(init: PeerInit): Promise<PeerProcess> {
    return this.adopt(await PeerProcess.start(init))
  }

  adopt(peer: PeerProcess): PeerProcess {
    this.#peers.add(peer)
    return peer
  }

  async restart(peer: PeerProcess, args?: readonly string[]): Promise<PeerProcess> {
    return this.adopt(await peer.restart(args))
  }

  /** Stops every process that still runs and removes the directories. */
  async end(): Promise<void> {
    await Promise.all([...this.#peers].map(peer => peer.stop('SIGKILL')))
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true })
  }
}
