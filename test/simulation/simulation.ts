/**
 * One run: the world that a seed makes, from its first event to the last check. Faults happen for a while, then
 * everything heals, and within a bound of virtual time all nodes must hold the same and say so themselves.
 */
import type { Limits } from '../../src/base/index.js'
import type { Author } from '../../src/log/index.js'
import { databaseIdOf, peerIdOf } from '../../src/log/index.js'
import type { Strategy } from '../../src/merge/index.js'
import { createCheckers } from './checkers/index.js'
import { Life, Timeline } from './clock.js'
import { Keys } from './crypto.js'
import { Dice } from './dice.js'
import type { Endpoint } from './endpoint.js'
import { Faults } from './faults.js'
import { FrameReader } from './frames.js'
import type { HistoryEntry, HistoryEvent } from './history.js'
import { Liar } from './liar.js'
import { LiarLog } from './liar-log.js'
import { lineOf } from './lines.js'
import type { Ground } from './machine.js'
import { type Machine, NETWORK } from './machine.js'
import { SimNetwork } from './network.js'
import { Operator } from './operator.js'
import type { Plan } from './plan.js'
import { planOf } from './plan.js'
import { Receipts } from './receipts.js'
import type { Counts } from './sometimes.js'
import { Spotter } from './spotter.js'
import type { StreamEnd } from './stream.js'
import { Trace } from './trace.js'
import { Workload } from './workload.js'
import type { Checker, SimNode, World } from './world.js'
import { PropertyBroken } from './world.js'

/** Virtual milliseconds after the last fault in which everybody must hold the same. */
const livenessMs = 240_000
/** Between two looks at whether it is so. */
const lookMs = 250
/** A stream whose peer seems silent, by a clock that was set, is given up within so long. */
const aftermathMs = 12_000
/** After a stop: a peer that broke the protocol has a second to read why; no other timer outlives the process. */
const afterglowMs = 2_000

export interface SimulationOptions {
  /** Keep every line of the trace. @default the newest */
  readonly wholeTrace?: boolean
  /** Kinds of faults to leave out. */
  readonly without?: readonly string[]
}

export class Simulation implements World {
  readonly seed: number
  readonly plan: Plan
  readonly timeline = new Timeline()
  readonly network: SimNetwork
  readonly operator: Operator
  readonly counts: Counts = {}
  readonly lines: Trace
  readonly history: HistoryEvent[] = []
  healed = false
  readonly #dice: Dice
  readonly #keys = new Keys()
  readonly #checkers: readonly Checker[]
  readonly #watching: readonly Checker[]
  readonly #frames: FrameReader
  readonly #faults: Faults
  readonly #workload: Workload
  readonly #receipts = new Receipts()
  readonly #spotter: Spotter
  readonly #names = new Map<string, string>()
  #liar: Liar | undefined
  #nodes: readonly SimNode[] = []
  #lives = 0
  #failure: PropertyBroken | undefined

  constructor(seed: number, options: SimulationOptions = {}) {
    this.seed = seed
    this.lines = new Trace(options.wholeTrace ?? false)
    this.#dice = new Dice(seed)
    const dice = this.#dice
    this.plan = planOf(dice.split())
    this.#checkers = createCheckers()
    this.#watching = this.#checkers.filter(checker => checker.afterEvent !== undefined)
    this.#frames = new FrameReader(this.#keys.crypto, databaseIdOf(NETWORK, this.#keys.crypto))
    this.#spotter = new Spotter(what => this.sometimes(what))
    const { timeline } = this
    this.network = new SimNetwork({
      timeline,
      dice: dice.split(),
      habits: this.plan.net,
      events: this.#netEvents()
    })
    this.operator = new Operator({
      seed,
      dice: dice.split(),
      timeline,
      ground: this.#ground(),
      keys: this.#keys,
      habits: this.plan.disk,
      mostClones: this.plan.mostClones,
      onGone: (machine, life) => this.#workload.crashed(machine, life),
      sometimes: what => this.sometimes(what)
    })
    this.#workload = this.#makeWorkload(dice.split())
    this.#faults = new Faults({
      dice: dice.split(),
      timeline,
      network: this.network,
      operator: this.operator,
      activeMs: this.plan.activeMs,
      machines: () => this.operator.machines,
      sometimes: what => this.sometimes(what),
      trace: line => this.trace(line),
      without: new Set(options.without ?? [])
    })
  }

  get now(): number {
    return this.timeline.now
  }

  get nodes(): readonly SimNode[] {
    const { machines } = this.operator
    if (this.#liar === undefined) return machines
    if (this.#nodes.length !== machines.length + 1) this.#nodes = [...machines, this.#liar]
    return this.#nodes
  }

  get limits(): Limits {
    return this.plan.limits
  }

  get strategy(): Strategy {
    return this.plan.strategy
  }

  get failure(): PropertyBroken | undefined {
    return this.#failure
  }

  sometimes(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  trace(line: string): void {
    this.lines.add(`${this.timeline.now.toFixed(2).padStart(10)} ${line}`)
  }

  /** Ends the run as failed; the first failure stands. */
  fail(property: string, message: string): void {
    if (this.#failure !== undefined) return
    this.#failure = new PropertyBroken(property, message)
    this.trace(`BROKEN ${property}: ${message}`)
  }

  #check(checker: Checker, look: () => void): void {
    try {
      look()
    } catch (error) {
      if (error instanceof PropertyBroken) this.fail(error.property, error.message)
      else this.fail(checker.name, error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
  }

  #happened(entry: HistoryEntry): void {
    const event = { ...entry, at: this.timeline.now } as HistoryEvent
    this.history.push(event)
    if (event.type === 'commit') this.#receipts.committed(event.life, event.notice.applied)
    const line = lineOf(event)
    if (line !== undefined) this.trace(`${event.node.padEnd(4)} ${line}`)
    this.#spotter.see(event, this.operator.machines)
    for (const checker of this.#checkers) {
      if (checker.onEvent !== undefined) this.#check(checker, () => checker.onEvent!(event, this))
    }
  }

  #afterEvent = (): void => {
    for (const checker of this.#watching) this.#check(checker, () => checker.afterEvent!(this))
  }

  // The parts

  #ground(): Ground {
    const { plan } = this
    return {
      timeline: this.timeline,
      network: this.network,
      crypto: this.#keys.crypto,
      limits: plan.limits,
      strategy: plan.strategy,
      engine: plan.engine,
      newLife: () => new Life(++this.#lives),
      happened: entry => this.#happened(entry),
      sometimes: what => this.sometimes(what),
      log: (name, scope, line) => this.trace(`${name.padEnd(4)} ${scope}: ${this.#named(line)}`),
      broken: (property, message) => this.fail(property, message),
      progress: machine => this.#receipts.look(machine)
    }
  }

  #nameOf(peer: string): string | undefined {
    if (!peer.startsWith('12D3Koo')) return undefined
    let name = this.#names.get(peer)
    if (name === undefined) {
      name = this.operator.machines.find(({ author }) => peerIdOf(author) === peer)?.name ?? peer.slice(-6)
      this.#names.set(peer, name)
    }
    return name
  }

  /** Peer ids by the names of their nodes. */
  #named(line: string): string {
    const end = line.indexOf(' ')
    const name = this.#nameOf(line.slice(0, end))
    return name === undefined ? line : name + line.slice(end)
  }

  #netEvents(): ConstructorParameters<typeof SimNetwork>[0]['events'] {
    const at = (endpoint: Endpoint): { node: string; life: number } => {
      return { node: endpoint.name, life: endpoint.life.number }
    }
    const framed = (end: StreamEnd): { peer: Author; other: string; stream: number } => {
      return { peer: end.peer, other: end.other.home.name, stream: end.number }
    }
    return {
      sent: (end, frame) => {
        const message = this.#frames.sent(end, frame)
        this.#happened({ type: 'sent', ...at(end.home), ...framed(end), message, bytes: frame.length })
      },
      received: (end, frame) => {
        const message = this.#frames.received(frame)
        this.#happened({ type: 'received', ...at(end.home), ...framed(end), message, bytes: frame.length })
      },
      published: (from, data) =>
        this.#happened({ type: 'published', ...at(from), batch: this.#frames.gossip(data) }),
      heard: (to, from, data) =>
        this.#happened({ type: 'heard', ...at(to), from, batch: this.#frames.gossip(data) }),
      lost: () => this.sometimes('gossip lost'),
      doubled: () => this.sometimes('gossip doubled'),
      reset: () => this.sometimes('stream reset'),
      refused: () => this.sometimes('stream refused'),
      penalty: (endpoint, peer, reason) => this.#penalized(endpoint, peer, reason),
      connection: (a, b, up) => this.trace(`${a.name} and ${b.name} ${up ? 'connect' : 'part'}`)
    }
  }

  #penalized(endpoint: Endpoint, peer: Author, reason: string): void {
    this.#happened({ type: 'penalty', node: endpoint.name, life: endpoint.life.number, peer, reason })
    if (this.operator.machines.some(({ author }) => author === peer))
      this.fail(
        'no honest node is blamed',
        `${endpoint.name} blames ${this.#nameOf(peerIdOf(peer))}: ${reason}`
      )
  }

  #makeWorkload(dice: Dice): Workload {
    const { plan } = this
    return new Workload({
      dice,
      keys: plan.keys,
      gapMs: plan.activeMs / plan.operations,
      largeValues: plan.largeValues,
      machines: () => this.operator.machines,
      after: (delayMs, run) => this.timeline.after(delayMs, undefined, run),
      broken: (property, message) => this.fail(property, message),
      sometimes: what => this.sometimes(what)
    })
  }

  // The run

  async run(): Promise<void> {
    const { plan, operator } = this
    this.trace(`seed ${this.seed}: ${describe(plan)}`)
    for (let i = 0; i < plan.nodes; i++) operator.add(i >= plan.unsynced)
    this.network.authors = operator.machines.map(({ author }) => author)
    for (const machine of operator.machines) operator.startSoon(machine, 300)
    if (plan.liar) await this.#addLiar()
    this.#workload.begin()
    this.#faults.begin()
    await this.#until(plan.activeMs)
    await this.#converge()
    if (this.#failure === undefined) await this.#atEnd()
    if (this.#failure === undefined) await this.#stopAll()
  }

  async #addLiar(): Promise<void> {
    const { plan, network } = this
    const dice = this.#dice.split()
    const { crypto } = this.#keys
    const database = databaseIdOf(NETWORK, crypto)
    const signer = this.#keys.make(this.seed)
    const log = new LiarLog({ dice, signer, crypto, database, keys: plan.keys, now: () => this.now })
    const gapMs = plan.activeMs / dice.whole(5, 40)
    this.#liar = new Liar({ name: 'liar', ground: this.#ground(), dice, log, database, gapMs })
    network.authors = [...network.authors, this.#liar.author]
    this.#names.set(peerIdOf(this.#liar.author), 'liar')
    await this.#liar.start()
  }

  async #until(atMs: number, done: () => boolean = () => false): Promise<void> {
    await this.timeline.run(atMs, this.#afterEvent, () => this.#failure !== undefined || done())
  }

  async #converge(): Promise<void> {
    if (this.#failure !== undefined) return
    const { operator, network } = this
    this.#faults.end()
    this.#workload.end()
    this.#liar?.leave()
    operator.heal()
    network.healAll()
    this.healed = true
    this.trace('everything is healed')
    const clones = operator.machines.filter(machine => machine.name.endsWith('c'))
    const originals = operator.machines.filter(({ author }) => clones.some(clone => clone.author === author))
    if (clones.length > 0) {
      await this.#stopEach(originals.filter(machine => !clones.includes(machine)))
      await this.#agree()
      for (const clone of clones) clone.retired = true
      await this.#stopEach(clones)
    }
    await this.#agree()
    // A clock that was set shortly before may yet end a stream: then they have to come together once more.
    await this.#until(this.now + aftermathMs)
    if (this.#failure === undefined) await this.#agree()
  }

  async #stopEach(machines: readonly Machine[]): Promise<void> {
    for (const machine of machines) {
      const isDown = (): boolean => machine.phase === 'down'
      machine.held = true
      await this.#until(this.now + 60_000, () => machine.phase === 'up' || isDown())
      this.operator.stop(machine, () => undefined)
      await this.#until(this.now + 60_000, isDown)
      if (this.#failure === undefined && !isDown())
        this.fail(
          'a stop comes to its end',
          `${machine.name} is ${machine.phase} a minute after it was asked to`
        )
    }
  }

  /** Brings up what may run, and waits until all hold the same. */
  async #agree(): Promise<void> {
    const deadline = this.now + livenessMs
    let reason: string | undefined = 'nobody looked'
    const running = this.#toRun()
    for (const machine of running) {
      machine.held = false
      this.operator.startSoon(machine, 100)
    }
    while (this.#failure === undefined && reason !== undefined && this.now < deadline) {
      await this.#until(this.now + lookMs)
      this.operator.giveUpLost()
      for (const machine of running) this.operator.repair(machine)
      reason = this.#disagreement(running)
    }
    if (this.#failure !== undefined) return
    if (reason !== undefined)
      this.fail('nodes come to agree', `${livenessMs} ms after the last fault ${reason}`)
    else if (this.#workload.pending > 0)
      this.fail('every call is answered', `nobody answers ${this.#workload.describePending()}`)
    else this.trace('everybody agrees')
  }

  /** Of a node and its clone, the clone while it may run. */
  #toRun(): Machine[] {
    const left = this.operator.machines.filter(({ retired }) => !retired)
    return left.filter(
      machine =>
        machine.name.endsWith('c') ||
        !left.some(other => other.name === `${machine.name}c` && other.author === machine.author)
    )
  }

  #disagreement(machines: readonly Machine[]): string | undefined {
    const [first, ...others] = machines
    for (const machine of machines) if (!machine.running) return `${machine.name} is ${machine.phase}`
    for (const { name, disk } of machines) {
      if ([...disk.flipped.values()].some(({ batch }) => batch !== undefined))
        return `${name} has a damaged batch`
    }
    for (const machine of others) {
      if (machine.store!.frontierDigest() !== first!.store!.frontierDigest())
        return `${machine.name} and ${first!.name} hold other batches`
      if (machine.store!.stateDigest() !== first!.store!.stateDigest())
        return `${machine.name} and ${first!.name} hold the same batches and another state`
    }
    for (const machine of machines) {
      for (const other of machines) {
        if (other.author === machine.author) continue
        if (!machine.engine!.inSync(other.author)) return `${machine.name} is not in sync with ${other.name}`
      }
    }
    return undefined
  }

  async #atEnd(): Promise<void> {
    for (const checker of this.#checkers) {
      if (checker.atEnd === undefined) continue
      let done = false
      const look = async (): Promise<void> => checker.atEnd!(this)
      look().then(
        () => {
          done = true
        },
        error => {
          done = true
          this.#check(checker, () => {
            throw error
          })
        }
      )
      await this.#until(this.now + 60_000, () => done)
      if (!done) this.fail(checker.name, 'its last look did not come to an end')
    }
  }

  /** Everybody stops; nothing may be left behind. */
  async #stopAll(): Promise<void> {
    const lives = this.operator.machines.flatMap(({ process }) => process ?? [])
    await this.#stopEach(this.operator.machines.filter(({ phase }) => phase !== 'down'))
    await this.#until(this.now + afterglowMs)
    if (this.#failure !== undefined) return
    for (const life of lives) {
      const left = life.alive ? this.timeline.left(life) : 0
      if (left > 0) this.fail('nothing is left behind', `${left} timers of a process that was stopped`)
    }
    const streams = this.network.streams()
    if (streams.length > 0) this.fail('nothing is left behind', `${streams.length} streams are open`)
  }
}

function describe(plan: Plan): string {
  const { nodes, activeMs, operations, keys, strategy } = plan
  return `${nodes} nodes, ${Math.round(activeMs)} ms, ${operations} operations on ${keys} keys, ${strategy}`
}
