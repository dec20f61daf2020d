/**
 * Hand-made runs for the checkers: nodes that do what a test says, and the history of it. What a node's store answers is
 * what the reference gives for its batches, unless the test has it say something else.
 */

import type { VerifyReport } from '../../src/base/index.js'
import { DEFAULT_LIMITS } from '../../src/base/index.js'
import type { Author, Batch, Message, OpName } from '../../src/log/index.js'
import { peerIdOf } from '../../src/log/index.js'
import type { Cell, LocalWrite, PeerRecord, Store } from '../../src/store/index.js'
import { START_MS, Writer } from '../log/fixtures.js'
import { createCheckers } from './checkers/index.js'
import { Fold, Graph, opsOf } from './checkers/reference.js'
import type { ClientCall, HistoryEntry, HistoryEvent } from './history.js'
import type { Checker, SimNode, World } from './world.js'

export const ACCOUNT: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: true,
  kind: 'peer',
  blocked: false,
  addrs: []
}

/** A node whose every word is made up. */
export class StoryNode implements SimNode {
  readonly name: string
  readonly writer: Writer
  honest = true
  durable = true
  running = true
  paused = false
  life = 1
  incarnation = 1
  wallMs = START_MS
  readonly engine = undefined
  readonly connected: readonly Author[] = []
  readonly flipped = new Set<string>()
  fold: Fold
  readonly peers = new Map<string, PeerRecord>()
  /** What the store says in place of the truth. */
  says: {
    frontier?: string
    state?: string
    position?: number
    cell?: (cell: Cell | undefined) => Cell
    damage?: VerifyReport['damage']
  } = {}

  constructor(name: string, seed: number, graph: Graph) {
    this.name = name
    this.writer = new Writer(seed)
    this.fold = new Fold(graph)
  }

  get author(): Author {
    return this.writer.author
  }

  get store(): Store {
    const { fold, says, peers } = this
    const answers = {
      disk: { state: 'open' },
      mark: { position: says.position ?? fold.order.length, check: fold.checkAt(fold.order.length) },
      frontierDigest: () => says.frontier ?? fold.frontierDigest(),
      stateDigest: () => says.state ?? fold.stateDigest(),
      verify: async () => ({ damage: says.damage ?? [] }),
      peer: (peer: string) => peers.get(peer),
      get: async (key: Uint8Array) => {
        const cell = this.cell(key)
        return says.cell === undefined ? cell : says.cell(cell)
      }
    }
    return answers as unknown as Store
  }

  cell(key: Uint8Array): Cell | undefined {
    const hex = Buffer.from(key).toString('hex')
    const heads = (this.fold.heads.get(hex) ?? []).map(({ batch, index, op, demoted }) => {
      const { author, epoch, seq, time } = batch.header
      const id = batch.id.slice(0, 32)
      return { kind: op.kind, value: op.value, time, author, epoch, seq, index, id, demoted }
    })
    if (heads.length === 0) return undefined
    const winner = this.fold.winner(hex)
    const shown = heads.find(({ id, index }) => winner?.batch.id.startsWith(id) && winner.index === index)
    return { heads, winner: shown, changedAt: 0 } as unknown as Cell
  }
}

export class Story implements World {
  readonly seed = 1
  now = 0
  readonly limits = DEFAULT_LIMITS
  readonly strategy = 'latest'
  readonly history: HistoryEvent[] = []
  healed = false
  readonly graph = new Graph()
  readonly a = new StoryNode('a', 1, this.graph)
  readonly b = new StoryNode('b', 2, this.graph)
  readonly nodes = [this.a, this.b]
  readonly #checkers: readonly Checker[] = createCheckers()
  #ops = 0

  constructor() {
    for (const node of this.nodes) this.tell(node, { type: 'life', what: 'opened', log: [] })
  }

  sometimes(): void {
    // Nobody counts here.
  }

  trace(): void {
    // Nobody reads along.
  }

  tell(node: StoryNode, entry: Record<string, unknown> & { type: HistoryEvent['type'] }): void {
    const event = { ...entry, node: node.name, life: node.life, at: this.now } as HistoryEntry as HistoryEvent
    this.history.push(event)
    for (const checker of this.#checkers) checker.onEvent?.(event, this)
    this.settle()
  }

  settle(): void {
    for (const checker of this.#checkers) checker.afterEvent?.(this)
  }

  async end(): Promise<void> {
    this.healed = true
    for (const checker of this.#checkers) await checker.atEnd?.(this)
  }

  /** The author of the node signs it, and a client asked for it. */
  make(node: StoryNode, batch: Batch): Batch {
    const ops = opsOf(batch).map(({ op: { kind, key, value } }) =>
      value === undefined ? { kind, key } : { kind, key, value }
    )
    if (ops.length > 0) this.invoke(node, { kind: 'write', write: { ops } })
    const { author, epoch, seq } = batch.header
    this.tell(node, { type: 'signed', author, epoch, seq, id: batch.id })
    return batch
  }

  /** The node announces these as durable. */
  commit(
    node: StoryNode,
    batches: readonly Batch[],
    options: { check?: string; untold?: readonly Batch[] } = {}
  ): void {
    for (const batch of options.untold ?? []) node.fold.apply(batch)
    const before = node.fold.order.length
    for (const batch of batches) node.fold.apply(batch)
    const applied = batches.map((batch, i) => {
      const position = before + 1 + i
      const check = options.check ?? node.fold.checkAt(position) ?? ''
      return { batch, mark: { position, check }, local: batch.header.author === node.author }
    })
    this.tell(node, { type: 'commit', notice: { applied } })
  }

  /** A client writes, the node makes it and answers. */
  write(node: StoryNode, batch: Batch): void {
    this.make(node, batch)
    this.commit(node, [batch])
    this.answer(node, this.#ops - 1, batch)
  }

  invoke(node: StoryNode, call: ClientCall): number {
    this.tell(node, { type: 'invoke', op: this.#ops, call })
    return this.#ops++
  }

  answer(node: StoryNode, op: number, batch: Batch, repeated = false): void {
    const { author, epoch, seq, time, opCount } = batch.header
    const ops: OpName[] = Array.from({ length: opCount }, (_, index) => ({ author, epoch, seq, index }))
    const position = node.fold.positions.get(batch.id) ?? node.fold.order.length + 1
    const committed = { ops, batch: batch.id, position, time, repeated }
    this.tell(node, { type: 'ok', op, answer: { kind: 'write', committed } })
  }

  /** A write with these properties is made as this batch. */
  writeAs(node: StoryNode, write: LocalWrite, batch: Batch): void {
    const op = this.invoke(node, { kind: 'write', write })
    const { author, epoch, seq } = batch.header
    this.tell(node, { type: 'signed', author, epoch, seq, id: batch.id })
    this.commit(node, [batch])
    this.answer(node, op, batch)
  }

  /** The process ended, and another one opened the directory and found this. */
  reopen(node: StoryNode, log: readonly Batch[], what = 'killed'): void {
    this.tell(node, { type: 'life', what })
    node.life++
    if (what !== 'killed' && what !== 'power-cut') node.incarnation++
    node.fold = new Fold(this.graph, log)
    this.tell(node, { type: 'life', what: 'opened', log })
  }

  frame(node: StoryNode, other: StoryNode, message: Message, bytes = 100): void {
    const ends = { peer: other.author, other: other.name, stream: 1 }
    this.tell(node, { type: 'sent', ...ends, message, bytes })
    const back = { peer: node.author, other: node.name, stream: 1 }
    this.tell(other, { type: 'received', ...back, message, bytes })
  }

  /** The account of `other` at `node` becomes this. */
  account(node: StoryNode, other: StoryNode, change: Partial<PeerRecord>): void {
    const peer = peerIdOf(other.author)
    const before = node.peers.get(peer)
    const record = { ...(before ?? ACCOUNT), ...change }
    node.peers.set(peer, record)
    this.tell(node, { type: 'peer', peer, before, record })
  }
}
