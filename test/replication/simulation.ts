/**
 * Nodes of replication over a simulated network: virtual time, seeded delays for frames, disks and timers, streams
 * that can be cut, peers that can be stopped. After each ack it is checked that what is acknowledged is applied.
 */
import assert from 'node:assert/strict'
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, PROTOCOL } from '../../src/base/index.js'
import type { Author, Batch, Epoch, Message, ShortId, StoreId } from '../../src/log/index.js'
import { shortId } from '../../src/log/index.js'
import type { Effect, Event, ReplicationInit, SavedPeer, State } from '../../src/replication/index.js'
import { createState, inSync, step } from '../../src/replication/index.js'
import { DATABASE, Seeded } from '../log/fixtures.js'
import { back, ModelStore } from './model-store.js'

export interface SimulationInit {
  readonly seed: number
  /** Milliseconds that a frame travels: from, to. */
  readonly latencyMs?: readonly [number, number]
  readonly init?: Partial<ReplicationInit>
}

interface End {
  readonly node: SimNode
  readonly id: number
  open: boolean
  /** Frames of one direction arrive in order. */
  lastMs: number
}

interface Link {
  readonly ends: readonly [End, End]
}

export class Simulation {
  readonly random: Seeded
  readonly nodes: SimNode[] = []
  readonly options: SimulationInit
  now = 1_000_000
  nextStream = 1
  readonly links = new Set<Link>()
  readonly #queue: { atMs: number; order: number; run: () => void }[] = []
  #order = 0

  constructor(options: SimulationInit) {
    this.options = options
    this.random = new Seeded(options.seed)
  }

  node(name = this.nodes.length): SimNode {
    const author = (name + 1).toString(16).padStart(2, '0').repeat(32) as Author
    const node = new SimNode(this, new ModelStore(author, this.storeId()))
    this.nodes.push(node)
    return node
  }

  storeId(): StoreId {
    return this.random
      .bytes(8)
      .reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '') as StoreId
  }

  at(delayMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.now + delayMs, order: this.#order++, run })
  }

  between(from: number, to: number): number {
    return from + this.random.fraction() * (to - from)
  }

  /** Lets `ms` of virtual time pass. */
  run(ms: number): void {
    const until = this.now + ms
    for (;;) {
      let best = -1
      for (let i = 0; i < this.#queue.length; i++) {
        const entry = this.#queue[i]!
        const first = this.#queue[best]
        if (
          first === undefined ||
          entry.atMs < first.atMs ||
          (entry.atMs === first.atMs && entry.order < first.order)
        )
          best = i
      }
      const next = this.#queue[best]
      if (next === undefined || next.atMs > until) break
      this.#queue[best] = this.#queue.at(-1)!
      this.#queue.pop()
      this.now = Math.max(this.now, next.atMs)
      next.run()
    }
    this.now = until
  }

  /** Runs until all nodes hold the same, at most for `ms`; answers the virtual time it took. */
  converge(ms: number): number {
    const begin = this.now
    while (!this.converged()) {
      if (this.now - begin > ms) assert.fail(`not the same after ${ms} ms: ${this.describe()}`)
      this.run(10)
    }
    return this.now - begin
  }

  converged(): boolean {
    const digests = new Set(this.nodes.map(node => node.store.frontier.digest(nodeCrypto)))
    return digests.size === 1
  }

  describe(): string {
    return this.nodes
      .map(node => `${node.store.log.length} batches, ${node.state.asks.size} wanted`)
      .join('; ')
  }

  connect(a: SimNode, b: SimNode, both = false): void {
    this.#open(a, b)
    if (both) this.#open(b, a)
  }

  #open(from: SimNode, to: SimNode): void {
    const ends: [End, End] = [
      { node: from, id: this.nextStream++, open: true, lastMs: 0 },
      { node: to, id: this.nextStream++, open: true, lastMs: 0 }
    ]
    const link = { ends }
    this.links.add(link)
    const openMs = this.latency()
    ends[0].lastMs = this.now + openMs
    from.opened(link, 0, to, true)
    this.at(openMs, () => {
      if (ends[1].open) to.opened(link, 1, from, false)
    })
  }

  latency(): number {
    const [from, to] = this.options.latencyMs ?? [1, 10]
    return this.between(from, to)
  }

  cut(link: Link): void {
    this.links.delete(link)
    for (const end of link.ends) {
      if (!end.open) continue
      end.open = false
      end.node.dispatch({ type: 'closed', stream: end.id, reason: 'cut' })
    }
  }

  cutAll(between?: (a: SimNode, b: SimNode) => boolean): void {
    for (const link of [...this.links]) {
      const [a, b] = link.ends
      if (between === undefined || between(a.node, b.node)) this.cut(link)
    }
  }

  linked(a: SimNode, b: SimNode): boolean {
    return [...this.links].some(
      ({ ends }) => ends.some(end => end.node === a) && ends.some(end => end.node === b)
    )
  }

  /** Carries a message to the other end. */
  carry(link: Link, side: 0 | 1, message: Message): void {
    const from = link.ends[side]
    const to = link.ends[side === 0 ? 1 : 0]
    const atMs = Math.max(this.now + this.latency(), from.lastMs)
    from.lastMs = atMs
    this.at(atMs - this.now, () => {
      if (to.open) to.node.arrive(to.id, message)
    })
  }
}

export class SimNode {
  readonly sim: Simulation
  store: ModelStore
  state: State
  readonly sent: Message[] = []
  readonly received: Message[] = []
  readonly closes: Extract<Effect, { type: 'close' }>[] = []
  readonly rounds: Extract<Effect, { type: 'roundEnded' }>[] = []
  readonly suspects: Author[] = []
  readonly troubles: string[] = []
  applies = 0
  readonly saved = new Map<Author, SavedPeer>()
  /** While stopped, as a process is by SIGSTOP: what arrives waits. */
  stopped = false
  readonly #inbox: [number, Message][] = []
  #streams = new Map<
    number,
    { link: Link; side: 0 | 1; walk: Set<number>; queue: Promise<void> | undefined }
  >()
  #epochs = 0
  #disk = 0
  #life = 0

  constructor(sim: Simulation, store: ModelStore) {
    this.sim = sim
    this.store = store
    this.state = this.#create()
    this.#mint()
  }

  get author(): Author {
    return this.store.author
  }

  #mint(): void {
    this.store.mint((this.#epochs++).toString(16).padStart(8, '0').padEnd(16, 'e') as Epoch)
  }

  #create(): State {
    const own = this.store.frontier.of(this.store.author).map(tip => this.store.positions.get(tip.id)!)
    return createState({
      author: this.store.author,
      database: DATABASE,
      store: this.store.storeId,
      durable: true,
      mark: this.store.mark,
      tips: [...this.store.frontier],
      lastOwn: Math.max(0, ...own),
      hashes: nodeCrypto,
      seed: this.sim.random.below(2 ** 31),
      intervalMs: 10_000,
      timeoutMs: 30_000,
      differential: true,
      limits: DEFAULT_LIMITS,
      ...this.sim.options.init
    })
  }

  /** Ends the process and starts it again, on its disk or on another. */
  restart(store = this.store): void {
    this.sim.cutAll((a, b) => a === this || b === this)
    // Accounts live in the store: another disk has others.
    if (store !== this.store) this.saved.clear()
    this.store = store
    this.#life++
    this.#streams.clear()
    this.state = this.#create()
    this.#mint()
  }

  write(text: string, deps: readonly Batch[] = []): Batch {
    const applied = this.store.write(text, deps)
    this.dispatch({ type: 'committed', applied: [applied] })
    return applied.batch
  }

  /** Takes batches in as if they had come by gossip. */
  gossip(from: SimNode, batches: readonly Batch[]): void {
    this.dispatch({ type: 'gossiped', from: from.author, batches })
  }

  copies(batch: Batch): number {
    let count = 0
    for (const message of this.received) {
      if (message.type === 'run') count += message.batches.filter(other => other.id === batch.id).length
    }
    return count
  }

  inSync(peer: SimNode): boolean {
    return inSync(this.state, peer.author)
  }

  acked(peer: SimNode): number {
    return this.state.accounts.get(peer.author)?.acked ?? 0
  }

  opened(link: Link, side: 0 | 1, peer: SimNode, outbound: boolean): void {
    const { id } = link.ends[side]
    this.#streams.set(id, { link, side, walk: new Set(), queue: undefined })
    const saved = this.saved.get(peer.author)
    const event = { type: 'opened', stream: id, peer: peer.author, outbound, rttMs: 10 } as const
    this.dispatch(saved === undefined ? event : { ...event, saved })
  }

  arrive(stream: number, message: Message): void {
    if (this.stopped) this.#inbox.push([stream, message])
    else this.receive(stream, message)
  }

  goOn(): void {
    this.stopped = false
    for (const [stream, message] of this.#inbox.splice(0)) this.receive(stream, message)
    this.dispatch({ type: 'wake' })
  }

  /** Looks up what a message needs, on a disk that takes its time, and lets it in, in order. */
  receive(stream: number, message: Message): void {
    this.received.push(message)
    this.#later(() => {
      const bytes = sizeOf(message)
      const event = { type: 'received', stream, message, bytes } as const
      if (message.type === 'hello') {
        const { cursor } = message
        const cursorValid =
          cursor !== undefined &&
          cursor.store === this.store.storeId &&
          this.store.marks[cursor.position]?.check === cursor.check
        this.dispatch({ ...event, cursorValid })
      } else if (message.type === 'heads') {
        this.dispatch({ ...event, applied: message.tips.map(tip => this.store.has(tip.id)) })
      } else this.dispatch(event)
    })
  }

  /** Runs after what was asked of this node's disk before. */
  #later(run: () => void): void {
    const life = this.#life
    this.#disk = Math.max(this.#disk, this.sim.now) + this.sim.between(0, 0.5)
    this.sim.at(this.#disk - this.sim.now, () => {
      if (life === this.#life) run()
    })
  }

  dispatch(event: Event): void {
    for (const effect of step(this.state, event, this.sim.now)) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send':
      case 'sendRun': {
        const stream = this.#streams.get(effect.stream)
        if (stream === undefined) return
        if (effect.message.type === 'ack') this.#checkAck(stream.link, stream.side, effect.message.position)
        this.sent.push(effect.message)
        if (stream.link.ends[stream.side].open) this.sim.carry(stream.link, stream.side, effect.message)
        if (effect.type === 'sendRun') {
          this.dispatch({ type: 'sent', stream: effect.stream, bytes: sizeOf(effect.message) })
        }
        return
      }
      case 'apply':
        this.applies++
        this.#later(() => {
          const { outcomes, applied } = this.store.apply(effect.batches)
          if (applied.length > 0) this.dispatch({ type: 'committed', applied })
          const { stream, from, bytes, proof, since } = effect
          this.dispatch({ type: 'results', stream, from, bytes, proof, since, outcomes })
        })
        return
      case 'readHeads':
        this.#later(() => {
          const tips = this.store.tipsSince(effect.since)
          this.#later(() => this.dispatch({ type: 'headsRead', stream: effect.stream, tips }))
        })
        return
      case 'serve':
        this.#later(() => {
          const { want, stream } = effect
          const answer = this.store.answer(want)
          for (const position of answer ?? []) this.#streams.get(stream)?.walk.add(position)
          this.dispatch({ type: 'served', stream, tip: want.tip, known: answer !== undefined })
        })
        return
      case 'readRun':
        this.#later(() => this.#readRun(effect.stream, effect.maxBytes))
        return
      case 'readBack':
        this.#later(() => {
          const { stream, tip } = effect
          this.dispatch({ type: 'backRead', stream, tip, have: back(this.store, tip) })
        })
        return
      case 'savePeer':
        this.saved.set(effect.peer, effect.record)
        return
      case 'close': {
        this.closes.push(effect)
        const stream = this.#streams.get(effect.stream)
        if (stream === undefined) return
        const other = stream.link.ends[stream.side === 0 ? 1 : 0]
        stream.link.ends[stream.side].open = false
        this.sim.at(this.sim.latency() + 10, () => {
          this.sim.links.delete(stream.link)
          if (!other.open) return
          other.open = false
          other.node.dispatch({ type: 'closed', stream: other.id, reason: 'closed by the peer' })
        })
        return
      }
      case 'roundEnded':
        this.rounds.push(effect)
        return
      case 'suspect':
        this.suspects.push(effect.peer)
        return
      case 'wake': {
        const life = this.#life
        this.sim.at(Math.max(0, effect.atMs - this.sim.now), () => {
          if (life === this.#life && !this.stopped) this.dispatch({ type: 'wake' })
        })
        return
      }
      case 'trouble':
        this.troubles.push(effect.reason)
        return
      case 'progress':
      case 'roundBegan':
        return
    }
  }

  #readRun(id: number, maxBytes: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const batches: Batch[] = []
    let bytes = 0
    for (const position of [...stream.walk].sort((a, b) => a - b)) {
      const batch = this.store.log[position - 1]!
      if (batches.length > 0 && bytes + batch.body.length > maxBytes) break
      batches.push(batch)
      bytes += batch.body.length + batch.headerBytes.length
      stream.walk.delete(position)
    }
    this.dispatch({ type: 'runRead', stream: id, batches, proof: [], done: stream.walk.size === 0 })
  }

  /** The promise of an ack: everything that the peer has up to that position is applied here. */
  #checkAck(link: Link, side: 0 | 1, position: number): void {
    const peer = link.ends[side === 0 ? 1 : 0].node
    for (const batch of peer.store.log.slice(0, position)) {
      assert.ok(this.store.has(shortId(batch.id)), 'acknowledged what is not applied')
    }
  }
}

/** About the bytes that a message takes. */
export function sizeOf(message: Message): number {
  switch (message.type) {
    case 'run':
      return message.batches.reduce((sum, batch) => sum + batch.body.length + 120, 20)
    case 'heads':
      return 40 + message.tips.length * 30
    case 'hello':
      return 150 + message.yours.length * 30
    case 'want':
      return 40 + message.have.length * 30
    default:
      return 30
  }
}

/** Accounts may never claim more than is true: what a node believes acknowledged is applied there. */
export function checkAccounts(sim: Simulation): void {
  for (const node of sim.nodes) {
    for (const peer of sim.nodes) {
      if (peer === node) continue
      for (const batch of node.store.log.slice(0, node.acked(peer))) {
        assert.ok(peer.store.has(shortId(batch.id)), 'an account claims what the peer does not have')
      }
    }
  }
}

export function idsOf(batches: readonly Batch[]): ShortId[] {
  return batches.map(batch => shortId(batch.id))
}

export const frameWindow = PROTOCOL.windowBytes
