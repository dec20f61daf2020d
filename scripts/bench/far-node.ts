/**
 * A node in a process of its own, called by messages. Run by itself this file is that process, and holds nothing but the
 * node: what it takes of the machine is what a program with a node in it takes.
 */
import '../../src/polyfills.js'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { NodeStatus } from '../../src/base/index.js'
import type { NodeOptions } from '../../src/node.js'
import type { Counts } from './counting.js'
import type { PutOp } from './records.js'

export interface Memory {
  /** MB resident, and those of them that stand in no file. */
  rss: number
  anonymous: number
}

interface Calls {
  /** Runs everything once, in memory: what `start` measures after it is the node, not its modules. */
  warm: { argument: undefined; answer: undefined }
  /** Opens the node; answers the milliseconds from the call to the first read. */
  start: {
    /** `counted`: what comes in is counted, which takes time. */
    argument: { options: NodeOptions; firstRead?: string; counted?: boolean }
    answer: { openMs: number }
  }
  status: { argument: undefined; answer: NodeStatus }
  /** Since the last call. */
  counts: { argument: undefined; answer: Counts }
  memory: { argument: undefined; answer: Memory }
  put: { argument: PutOp[]; answer: undefined }
  /** Makes so many records of a prefix and writes them in batches; answers the highest memory seen. */
  fill: { argument: { prefix: string; count: number; batch: number }; answer: Memory }
  /** Notes for each change from now on when it is seen; `seen` answers milliseconds on the clock of the machine by key. */
  watch: { argument: undefined; answer: undefined }
  seen: { argument: undefined; answer: [key: string, atMs: number][] }
  pause: { argument: undefined; answer: undefined }
  resume: { argument: undefined; answer: undefined }
  stop: { argument: undefined; answer: undefined }
}

export class FarNode {
  readonly #child: ChildProcess
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts the process and loads the modules; the node is opened by `call('start', …)`. */
  static async spawn(): Promise<FarNode> {
    const child = fork(fileURLToPath(import.meta.url), [])
    await once(child, 'message')
    return new FarNode(child)
  }

  /** One at a time, in order. */
  call<K extends keyof Calls>(
    name: K,
    ...[argument]: Calls[K]['argument'] extends undefined ? [] : [Calls[K]['argument']]
  ): Promise<Calls[K]['answer']> {
    const answer = this.#turn.then(async () => {
      this.#child.send({ name, argument })
      const [message] = (await once(this.#child, 'message')) as [
        { answer?: Calls[K]['answer']; error?: string }
      ]
      if (message.error !== undefined) throw new Error(`${name} at the far node: ${message.error}`)
      return message.answer as Calls[K]['answer']
    })
    this.#turn = answer.catch(() => undefined) // told to the caller
    return answer
  }

  /** Stops the process where it is, as a peer that hangs; and lets it go on. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }
}

async function memoryHere(): Promise<Memory> {
  const rss = process.memoryUsage.rss() / 1e6
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '') // Linux only
  const anonymous = /^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]
  return { rss, anonymous: anonymous === undefined ? rss : (Number(anonymous) * 1024) / 1e6 }
}

async function serveFarNode(): Promise<void> {
  const { createNode } = await import('../../src/node.js')
  const { Counting } = await import('./counting.js')
  const counting = new Counting()
  let node: Awaited<ReturnType<typeof createNode>> | undefined
  const seen = new Map<string, number>()
  const calls: { [K in keyof Calls]: (argument: Calls[K]['argument']) => Promise<Calls[K]['answer']> } = {
    async warm() {
      const other = await createNode({ mdns: false })
      await other.db.put('warm', true)
      await other.stop()
      return undefined
    },
    async start({ options, firstRead, counted }) {
      if (counted) counting.countChecks()
      const startedAtMs = performance.now()
      node = await createNode(counted ? { ...options, logger: counting.logger } : options)
      if (firstRead !== undefined) await node.db.get(firstRead)
      return { openMs: performance.now() - startedAtMs }
    },
    status: () => node!.status(),
    counts: async () => counting.take(),
    memory: memoryHere,
    async put(ops) {
      await node!.db.batch(ops)
      return undefined
    },
    async fill({ prefix, count, batch }) {
      const { Records } = await import('./records.js')
      const records = new Records(prefix)
      let most = await memoryHere()
      for (let done = 0; done < count; done += batch) {
        await node!.db.batch(records.batches(Math.min(batch, count - done), batch)[0]!)
        const now = await memoryHere()
        if (now.anonymous > most.anonymous) most = now
      }
      return most
    },
    async watch() {
      const changes = node!.changes({ since: 'now' })
      void (async () => {
        for await (const change of changes) {
          if (change.type === 'put') seen.set(change.key!, machineMs())
        }
      })()
      return undefined
    },
    seen: async () => [...seen],
    async pause() {
      await node!.sync.pause()
      return undefined
    },
    async resume() {
      await node!.sync.resume()
      return undefined
    },
    async stop() {
      await node!.stop()
      return undefined
    }
  }
  process.on('message', async ({ name, argument }: { name: keyof Calls; argument: never }) => {
    try {
      process.send!({ answer: await calls[name](argument) })
    } catch (error) {
      process.send!({ error: String(error) })
    }
  })
  process.once('disconnect', () => void Promise.resolve(node?.stop()).then(() => process.exit(0)))
  process.send!({})
}

/** Milliseconds on a clock that all processes of the machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveFarNode()
