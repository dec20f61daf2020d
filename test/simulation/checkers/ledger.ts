/**
 * What the checkers remember together: every batch that was ever seen, what each node is known to hold on its disk, in
 * the order of its positions, and which client asked for what. Fed with each event before the checkers look at it.
 *
 * A replica here is what a node announced as durable in this directory; what a crash may take of it is for the checker
 * of durability to say, which compares it with what the next process found.
 */
import type { Author, Batch, BatchId } from '../../../src/log/index.js'
import type { HistoryEvent, Invoked } from '../history.js'
import type { SimNode, World } from '../world.js'
import { Fold, Graph } from './reference.js'

/** What a node found when it opened its log, beside what it had announced before. */
export interface Found {
  readonly node: SimNode
  readonly before: readonly Batch[]
  readonly after: readonly Batch[]
  /** Another directory: it was lost, put back, rolled back or copied since. */
  readonly isNew: boolean
}

interface Replica {
  fold: Fold
  incarnation: number
}

export class Ledger {
  readonly graph = new Graph()
  readonly invoked = new Map<number, Invoked>()
  /** By author, all that a node of it ever announced as durable. */
  readonly everHeld = new Map<Author, Set<BatchId>>()
  /** By batch, the nodes that have it on their disks now. */
  readonly holders = new Map<BatchId, Set<string>>()
  readonly #replicas = new Map<string, Replica>()
  readonly #listeners: ((found: Found) => void)[] = []

  /** Called when a process opened its log. */
  onFound(listener: (found: Found) => void): void {
    this.#listeners.push(listener)
  }

  /** What the node announced as durable in its directory. */
  fold(name: string): Fold {
    return this.#replica(name).fold
  }

  #replica(name: string): Replica {
    let replica = this.#replicas.get(name)
    if (replica === undefined) {
      replica = { fold: new Fold(this.graph), incarnation: 0 }
      this.#replicas.set(name, replica)
    }
    return replica
  }

  /** Nodes with this author's key. */
  nodesOf(world: World, author: Author): SimNode[] {
    return world.nodes.filter(node => node.honest && node.author === author)
  }

  take(event: HistoryEvent, world: World): void {
    this.graph.strategy = world.strategy
    switch (event.type) {
      case 'invoke':
        this.invoked.set(event.op, event)
        return
      case 'commit': {
        const node = nodeOf(world, event.node)
        const { fold } = this.#replica(event.node)
        for (const { batch, mark } of event.notice.applied) {
          // Told again after a fence, which the checker of durability compares; or behind one that was never told.
          if (mark.position !== fold.order.length + 1) continue
          this.#hold(node, batch)
          fold.apply(batch)
        }
        return
      }
      case 'life':
        if (event.what === 'opened' && event.log !== undefined) {
          this.#opened(nodeOf(world, event.node), event.log)
        }
        return
      case 'heard':
      case 'published':
        if (event.batch !== undefined) this.graph.add(event.batch)
        return
      case 'apply':
        for (const batch of event.batches) this.graph.add(batch)
    }
  }

  #hold(node: SimNode, batch: Batch): void {
    const held = this.everHeld.get(node.author) ?? new Set()
    this.everHeld.set(node.author, held.add(batch.id))
    const holders = this.holders.get(batch.id) ?? new Set()
    this.holders.set(batch.id, holders.add(node.name))
  }

  #opened(node: SimNode, log: readonly Batch[]): void {
    const replica = this.#replica(node.name)
    const before = replica.fold.order
    const isNew = replica.incarnation !== node.incarnation
    const goesOn = before.every((batch, i) => log[i]?.id === batch.id)
    const told = { node, before: [...before], after: log, isNew }
    if (goesOn) for (const batch of log.slice(before.length)) replica.fold.apply(batch)
    else {
      for (const { id } of before) this.holders.get(id)?.delete(node.name)
      replica.fold = new Fold(this.graph, log)
    }
    replica.incarnation = node.incarnation
    for (const batch of log) this.#hold(node, batch)
    for (const listener of this.#listeners) listener(told)
  }
}

export function nodeOf(world: World, name: string): SimNode {
  const node = world.nodes.find(one => one.name === name)
  if (node === undefined) throw new TypeError(`no node ${name}`)
  return node
}
