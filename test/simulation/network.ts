/**
 * The simulated network: who can reach whom, how long it takes, and what gets lost. Connections come by themselves
 * between running processes whose link is whole, as a redialler makes them; each side hears of their end in its time.
 *
 * A cut link holds frames up, as TCP does, until it heals or the connection is given up. Gossip may be lost, doubled
 * and overtaken.
 */
import { createHash } from 'node:crypto'
import type { Author } from '../../src/log/index.js'
import type { Timeline } from './clock.js'
import type { Dice } from './dice.js'
import type { Endpoint } from './endpoint.js'
import type { StreamEnd } from './stream.js'

export interface NetHabits {
  /** Of a frame or a gossip message, milliseconds. */
  readonly latencyMs: readonly [number, number]
  /** Bytes that a socket takes which nobody reads. */
  readonly socketBytes: number
}

/** Who wants to know what goes over the network. */
export interface NetEvents {
  sent(end: StreamEnd, frame: Uint8Array): void
  received(end: StreamEnd, frame: Uint8Array): void
  published(from: Endpoint, data: Uint8Array): void
  heard(at: Endpoint, from: Author, data: Uint8Array): void
  lost(): void
  doubled(): void
  reset(): void
  refused(): void
  penalty(at: Endpoint, peer: Author, reason: string): void
  connection(a: Endpoint, b: Endpoint, up: boolean): void
}

export class Connection {
  readonly ends: readonly [Endpoint, Endpoint]
  broken = false
  /** Sides that have not heard of the end yet. */
  believers = 2

  constructor(a: Endpoint, b: Endpoint) {
    this.ends = [a, b]
  }

  otherOf(end: Endpoint): Endpoint {
    return this.ends[0] === end ? this.ends[1] : this.ends[0]
  }
}

export class SimNetwork {
  readonly timeline: Timeline
  readonly dice: Dice
  readonly habits: NetHabits
  readonly events: NetEvents
  /** Every author that presence knows. */
  authors: readonly Author[] = []
  readonly #endpoints = new Set<Endpoint>()
  readonly #connections = new Set<Connection>()
  /** Directions of links that let nothing through, `from>to` by names of nodes. */
  readonly #cuts = new Set<string>()
  #streams = 0
  // What faults turn on for a while.
  gossipLoss = 0
  gossipDoubling = 0
  refusals = 0
  /** Chance of each frame to have its stream reset. */
  resets = 0
  /** Milliseconds on top of the latency, at most. */
  lagMs = 0

  constructor(init: { timeline: Timeline; dice: Dice; habits: NetHabits; events: NetEvents }) {
    this.timeline = init.timeline
    this.dice = init.dice
    this.habits = init.habits
    this.events = init.events
  }

  nextStream(): number {
    return ++this.#streams
  }

  latency(_from: Endpoint, _to: Endpoint): number {
    const own = this.dice.between(...this.habits.latencyMs)
    return this.lagMs === 0 ? own : own + this.dice.fraction() * this.lagMs
  }

  refuses(): boolean {
    const refused = this.refusals > 0 && this.dice.chance(this.refusals)
    if (refused) this.events.refused()
    return refused
  }

  isCut(from: { name: string }, to: { name: string }): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from.name}>${to.name}`)
  }

  connections(): Connection[] {
    return [...this.#connections].filter(({ broken }) => !broken)
  }

  streams(): StreamEnd[] {
    return [...this.#endpoints].flatMap(endpoint => [...endpoint.streams])
  }

  // Processes

  joined(endpoint: Endpoint): void {
    this.#endpoints.add(endpoint)
    for (const other of this.#endpoints) this.#dial(endpoint, other)
  }

  /** A process is gone. `silent`: with its machine, so that peers hear nothing for a while. */
  left(endpoint: Endpoint, silent: boolean): void {
    this.#endpoints.delete(endpoint)
    endpoint.running = false
    for (const connection of this.#connections) {
      if (connection.ends.includes(endpoint)) this.breakConnection(connection, silent ? 15_000 : 50)
    }
  }

  // Connections

  #dial(a: Endpoint, b: Endpoint): void {
    if (a.author === b.author) return
    this.timeline.after(this.dice.between(5, 800), undefined, () => this.#connect(a, b))
  }

  #connect(a: Endpoint, b: Endpoint): void {
    if (!this.#endpoints.has(a) || !this.#endpoints.has(b)) return
    if (this.#isUnder(a, b) || this.isCut(a, b) || this.isCut(b, a)) return
    const others = [a.connections.get(b.author), b.connections.get(a.author)]
    if (others.some(other => other?.broken === false)) return
    // One of the two does not know yet that an earlier connection is gone, or cannot answer.
    const isDeaf = others.some(other => other !== undefined) || a.life.paused || b.life.paused
    if (isDeaf || a.circuit(b.author) === 'open' || b.circuit(a.author) === 'open') {
      this.timeline.after(1000, undefined, () => this.#connect(a, b))
      return
    }
    const connection = new Connection(a, b)
    this.#connections.add(connection)
    this.events.connection(a, b, true)
    for (const end of connection.ends) {
      end.clockless(this.latency(a, b), () => {
        if (!connection.broken) end.told(connection, true)
      })
    }
  }

  #isUnder(a: Endpoint, b: Endpoint): boolean {
    for (const { ends } of this.#connections) if (ends.includes(a) && ends.includes(b)) return true
    return false
  }

  /** Ends a connection; each side hears of it within `withinMs`. */
  breakConnection(connection: Connection, withinMs = 50): void {
    if (connection.broken) return
    connection.broken = true
    const [a, b] = connection.ends
    this.events.connection(a, b, false)
    let lastMs = 0
    for (const end of connection.ends) {
      const delayMs = this.dice.fraction() * withinMs
      lastMs = Math.max(lastMs, delayMs)
      end.clockless(delayMs, () => end.told(connection, false))
    }
    this.timeline.after(lastMs + 1, undefined, () => {
      this.#connections.delete(connection)
      this.#dialAround(connection)
    })
  }

  /** Both ends look for each other again, and for whoever else could not be reached for their sake. */
  #dialAround({ ends }: Connection): void {
    for (const end of ends) {
      if (this.#endpoints.has(end)) for (const other of this.#endpoints) this.#dial(end, other)
    }
  }

  // Links

  /** Lets nothing through from one node to the other. Connections over the link are given up after `patienceMs`. */
  cut(from: string, to: string, patienceMs: number): void {
    this.#cuts.add(`${from}>${to}`)
    this.timeline.after(patienceMs, undefined, () => {
      for (const connection of this.connections()) {
        const [a, b] = connection.ends
        if (this.isCut(a, b) || this.isCut(b, a)) this.breakConnection(connection, 2000)
      }
    })
  }

  heal(from: string, to: string): void {
    if (!this.#cuts.delete(`${from}>${to}`)) return
    for (const stream of this.streams()) {
      if (stream.home.name === from && stream.other.home.name === to) stream.carry()
    }
    for (const a of this.#endpoints) {
      for (const b of this.#endpoints) if (a.name === from && b.name === to) this.#dial(a, b)
    }
  }

  healAll(): void {
    for (const link of [...this.#cuts]) {
      const [from = '', to = ''] = link.split('>')
      this.heal(from, to)
    }
    for (const endpoint of this.#endpoints) {
      for (const peer of [...endpoint.frozen]) endpoint.freeze(peer, false)
    }
    this.gossipLoss = 0
    this.gossipDoubling = 0
    this.refusals = 0
    this.resets = 0
    this.lagMs = 0
  }

  // What travels

  sent(end: StreamEnd, frame: Uint8Array): void {
    this.events.sent(end, frame)
    if (this.resets === 0 || !this.dice.chance(this.resets)) return
    this.events.reset()
    end.home.clockless(this.latency(end.home, end.other.home), () => end.abort(new Error('cut off')))
  }

  received(end: StreamEnd, frame: Uint8Array): void {
    this.events.received(end, frame)
  }

  publish(from: Endpoint, data: Uint8Array): void {
    this.events.published(from, data)
    const name = createHash('sha256').update(data).digest('base64')
    from.seenGossip.add(name)
    this.#flood(from, data, name)
  }

  #flood(from: Endpoint, data: Uint8Array, name: string): void {
    for (const connection of from.connections.values()) {
      const to = connection.otherOf(from)
      if (connection.broken || this.isCut(from, to)) continue
      if (this.gossipLoss > 0 && this.dice.chance(this.gossipLoss)) {
        this.events.lost()
        continue
      }
      const doubled = this.gossipDoubling > 0 && this.dice.chance(this.gossipDoubling)
      if (doubled) this.events.doubled()
      for (let copy = doubled ? 0 : 1; copy < 2; copy++) {
        to.clockless(this.latency(from, to) * (1 + copy), () => this.#arrive(to, from, data, name, doubled))
      }
    }
  }

  #arrive(to: Endpoint, from: Endpoint, data: Uint8Array, name: string, again: boolean): void {
    if (!to.running || (to.seenGossip.has(name) && !again)) return
    const isNew = !to.seenGossip.has(name)
    to.seenGossip.add(name)
    this.events.heard(to, from.author, data)
    const verdict = to.handlers?.onGossip(data, from.author) ?? 'ignore'
    Promise.resolve(verdict).then(
      judged => {
        if (judged === 'accept' && isNew && to.running) this.#flood(to, data, name)
      },
      // The real net logs it; here it must not happen.
      error =>
        queueMicrotask(() => {
          throw error
        })
    )
  }
}
