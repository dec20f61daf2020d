/** A node in a process of its own, called from the benchmark by messages. Run by itself it is that process. */
import '../../src/polyfills.js'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ComponentLogger, Logger } from '@libp2p/interface'
import type { NodeStatus } from '../../src/base/index.js'
import type { NodeOptions } from '../../src/node.js'
import type { Entry } from './harness.js'

interface Calls {
  /** Loads and runs everything once, in memory: what `start` measures after it is the node, not its modules. */
  warm: { argument: undefined; answer: undefined }
  /** Opens the node; answers the milliseconds from the call to the first read. */
  start: {
    argument: { options: NodeOptions; firstRead?: string }
    answer: { openMs: number; status: NodeStatus }
  }
  status: { argument: undefined; answer: NodeStatus }
  /** Batches that came by streams and by gossip, copies included, since the last call. */
  copies: { argument: undefined; answer: number }
  rss: { argument: undefined; answer: number }
  put: { argument: Entry[]; answer: undefined }
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
  call<K extends keyof Calls>(name: K, argument: Calls[K]['argument']): Promise<Calls[K]['answer']> {
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

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return
    this.#child.disconnect()
    await once(this.#child, 'exit')
  }
}

/** Counts batches by the lines that a node logs about frames and gossip. */
function countingLogger(count: (batches: number) => void): ComponentLogger {
  const lineOf = (format: unknown, args: unknown[]) =>
    String(format).replace(/%[a-z]/g, () => String(args.shift()))
  const forComponent = (name: string): Logger => {
    const log = (format: unknown, ...args: unknown[]) => {
      const line = lineOf(format, args)
      const run = name === 'natter:sync' ? /← RUN (\d+) batches/.exec(line) : null
      if (run !== null) count(Number(run[1]))
      else if (name === 'natter:gossip' && line.includes(' brought ')) count(1)
    }
    const quiet = () => undefined
    return Object.assign(log, {
      error: quiet,
      trace: quiet,
      enabled: name.startsWith('natter:'),
      newScope: (scope: string) => forComponent(`${name}:${scope}`)
    })
  }
  return { forComponent }
}

async function serveFarNode(): Promise<void> {
  const { createNode } = await import('../../src/node.js')
  let node: Awaited<ReturnType<typeof createNode>> | undefined
  let copies = 0
  const logger = countingLogger(count => {
    copies += count
  })
  const calls: { [K in keyof Calls]: (argument: Calls[K]['argument']) => Promise<Calls[K]['answer']> } = {
    async warm() {
      const other = await createNode({ mdns: false })
      await other.db.put('warm', true)
      await other.stop()
      return undefined
    },
    async start({ options, firstRead }) {
      const startedAtMs = performance.now()
      node = await createNode({ ...options, logger })
      if (firstRead !== undefined) await node.db.get(firstRead)
      return { openMs: performance.now() - startedAtMs, status: await node.status() }
    },
    status: () => node!.status(),
    async copies() {
      const counted = copies
      copies = 0
      return counted
    },
    async rss() {
      return process.memoryUsage.rss()
    },
    async put(list) {
      await node!.db.batch(list.map(({ key, value }) => ({ type: 'put', key, value })))
      return undefined
    },
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await serveFarNode()
