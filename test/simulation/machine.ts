/**
 * A node of the run: its key, its directory, and the process that runs on it, if one does. The process is the real
 * store, disk and engine, started and stopped in the order in which the composition root does it.
 */
import type { Crypto, Limits, Signer } from '../../src/base/index.js'
import { toHex } from '../../src/base/index.js'
import { LevelDisk } from '../../src/disk/level-disk.js'
import { SpaceGuard } from '../../src/disk/space-guard.js'
import type { Engine, EngineInit } from '../../src/engine/index.js'
import { createEngine } from '../../src/engine/index.js'
import type { Author } from '../../src/log/index.js'
import { authorOf, decodeHeader } from '../../src/log/index.js'
import type { Strategy } from '../../src/merge/index.js'
import type { Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/index.js'
import type { Life, Timeline, WallClock } from './clock.js'
import type { Dice } from './dice.js'
import { type Directory, requireSentinel } from './directory.js'
import type { SimDisk } from './disk.js'
import { Endpoint } from './endpoint.js'
import type { HistoryEntry } from './history.js'
import type { SimLevel } from './level.js'
import { logOf } from './log-of.js'
import type { SimNetwork } from './network.js'
import { tapStore } from './tap.js'
import type { SimNode } from './world.js'

export const NETWORK = 'simulation'
/** What can be told of a node whose process is gone. */
const AFTER_DEATH: ReadonlySet<string> = new Set(['life', 'disk', 'indeterminate'])

/** Small enough that lists of keys are made, filled and read again within the few hundred writes of a run. */
const KEY_FILTER = { listKeys: 12, listBytes: 2048, missed: 3 }
const NOTHING: ReadonlySet<string> = new Set()

/** What all nodes of a run have in common. */
export interface Ground {
  readonly timeline: Timeline
  readonly network: SimNetwork
  readonly crypto: Crypto
  readonly limits: Limits
  readonly strategy: Strategy
  readonly engine: Omit<EngineInit, 'limits' | 'log'>
  newLife(): Life
  happened(entry: HistoryEntry): void
  sometimes(what: string): void
  log(name: string, scope: string, line: string): void
  /** Something that must never happen. */
  broken(property: string, message: string): void
  /** After each account that moved at a node. */
  progress(machine: Machine): void
}

/** A process that is up. */
interface Running {
  readonly store: Store
  readonly engine: Engine
  readonly disk: LevelDisk
}

type Phase = 'down' | 'starting' | 'up' | 'stopping'

export class Machine implements SimNode {
  readonly name: string
  readonly honest = true
  readonly durable: boolean
  readonly wall: WallClock
  readonly dice: Dice
  readonly ground: Ground
  directory: Directory
  incarnation = 1
  phase: Phase = 'down'
  /** Stopped for good: a clone that the operator noticed. */
  retired = false
  /** Walks of clients that have not ended, in the life that is. */
  readonly walks = new Set<Promise<unknown>>()
  /** The life in which its store was repaired last. */
  repairedIn = 0
  /** The operator keeps it down. */
  held = false
  endpoint: Endpoint | undefined
  /** Why the last start did not succeed. */
  refusal: string | undefined
  #signer: Signer
  #author: Author
  #life: Life | undefined
  #running: Running | undefined
  #levels: SimLevel[] = []

  constructor(init: {
    name: string
    durable: boolean
    wall: WallClock
    dice: Dice
    ground: Ground
    signer: Signer
    directory: (machine: Machine) => Directory
  }) {
    this.name = init.name
    this.durable = init.durable
    this.wall = init.wall
    this.dice = init.dice
    this.ground = init.ground
    this.#signer = init.signer
    this.#author = authorOf(init.signer.publicKey)
    this.directory = init.directory(this)
  }

  get signer(): Signer {
    return this.#signer
  }

  get author(): Author {
    return this.#author
  }

  /** Another key: another author from here on. */
  set signer(signer: Signer) {
    this.#signer = signer
    this.#author = authorOf(signer.publicKey)
  }

  get running(): boolean {
    return this.phase === 'up'
  }

  get paused(): boolean {
    return this.#life?.paused ?? false
  }

  get life(): number {
    return this.#life?.number ?? 0
  }

  get wallMs(): number {
    return this.wall.now()
  }

  get process(): Life | undefined {
    return this.#life
  }

  get store(): Store | undefined {
    return this.#running?.store
  }

  get engine(): Engine | undefined {
    return this.#running?.engine
  }

  get disk(): SimDisk {
    return this.directory.disk
  }

  get connected(): readonly Author[] {
    return [...(this.endpoint?.connections.entries() ?? [])]
      .filter(([, connection]) => !connection.broken)
      .map(([peer]) => peer)
  }

  get flipped(): ReadonlySet<string> {
    const { flipped } = this.directory.disk
    return flipped.size === 0 ? NOTHING : new Set(flipped.keys())
  }

  /** `life`: whose word it is; that of a dead process is no news, whatever of it still runs. */
  tell(entry: { readonly type: HistoryEntry['type'] } & Record<string, unknown>, life = this.#life): void {
    if ((life?.alive === false || life !== this.#life) && !AFTER_DEATH.has(entry.type)) return
    this.ground.happened({ ...entry, node: this.name, life: this.life } as HistoryEntry)
  }

  // Processes

  start(): void {
    if (this.phase !== 'down' || this.retired) return
    this.phase = 'starting'
    this.refusal = undefined
    const life = this.ground.newLife()
    this.#life = life
    this.#levels = []
    this.#start(life).catch((error: unknown) => {
      if (!life.alive) return
      this.refusal = codeOf(error)
      this.phase = 'down'
      life.alive = false
      this.directory.disk.crash(false)
      if (this.endpoint !== undefined) this.ground.network.left(this.endpoint, false)
      this.endpoint = undefined
      this.tell({ type: 'life', what: 'refused', detail: this.refusal })
    })
  }

  async #start(life: Life): Promise<void> {
    const { ground, directory, dice } = this
    const clock = this.wall.view(life)
    const storeId = await directory.opened(life)
    const disk = await this.#openDisk(life)
    try {
      const store = await openStore({
        disk,
        network: NETWORK,
        signer: this.#watchedSigner(life),
        crypto: ground.crypto,
        clock,
        random: dice,
        limits: ground.limits,
        strategy: () => ground.strategy,
        storeId,
        keyFilter: KEY_FILTER
      })
      this.tell({ type: 'life', what: 'opened', log: logOf(directory.disk) })
      await requireSentinel(directory, store)
      await directory.remember(store.storeId, life)
      store.onCommit(() => this.durable && directory.note(store.mark, clock.now()))
      await this.#join(life, store, disk)
    } catch (error) {
      await disk.close()
      throw error
    }
  }

  #openDisk(life: Life): Promise<LevelDisk> {
    const { disk } = this.directory
    const clock = this.wall.view(life)
    return LevelDisk.open({
      location: this.name,
      durability: this.durable ? 'fsync' : 'os',
      clock,
      level: () => {
        const level = disk.handle(life)
        this.#levels.push(level)
        return level.asLevel
      },
      guard: new SpaceGuard(() => disk.space(), clock, this.ground.limits.freeBytes),
      probe: () => disk.probe(life)
    })
  }

  async #join(life: Life, store: Store, disk: LevelDisk): Promise<void> {
    const { ground } = this
    this.#watch(store, life)
    const endpoint = new Endpoint(ground.network, this.name, this.author, life)
    const engine = createEngine(
      {
        store: tapStore(store, this, life),
        net: endpoint,
        clock: this.wall.view(life),
        random: this.dice,
        crypto: ground.crypto
      },
      {
        ...ground.engine,
        limits: ground.limits,
        log: (scope, line) => {
          if (!life.alive) return
          ground.log(this.name, scope, line)
          if (line.startsWith('a fault:')) ground.broken('no faults of the engine', `${this.name}: ${line}`)
        }
      }
    )
    engine.onProgress(() => ground.progress(this))
    this.endpoint = endpoint
    await endpoint.start({
      ...engine.handlers,
      onRefused: () => undefined,
      onDiscovered: () => undefined
    })
    await engine.start()
    this.#running = { store, engine, disk }
    this.phase = 'up'
    this.tell({ type: 'life', what: 'started' })
  }

  #watch(store: Store, life: Life): void {
    store.onCommit(notice => this.tell({ type: 'commit', notice }, life))
    for (const what of ['fork', 'clock', 'conflict', 'unreadable', 'storage'] as const) {
      store.onEvent(what, event => this.tell({ type: 'notice', what, event }, life))
    }
  }

  #watchedSigner(life: Life): Signer {
    const { publicKey } = this.signer
    return {
      publicKey,
      sign: message => {
        const headerBytes = message.subarray(message.indexOf(0) + 1)
        const { author, epoch, seq } = decodeHeader(headerBytes)
        const id = toHex(this.ground.crypto.sha256(headerBytes))
        this.tell({ type: 'signed', author, epoch, seq, id }, life)
        return this.signer.sign(message)
      }
    }
  }

  /** Stops in order; resolves when everything is closed. */
  async stop(): Promise<void> {
    const life = this.#life
    const running = this.#running
    if (this.phase !== 'up' || running === undefined || life === undefined) return
    this.phase = 'stopping'
    await running.engine.stop()
    await this.endpoint?.stop()
    const { mark } = running.store
    await running.store.close()
    await running.disk.close()
    if (this.durable) this.directory.sentinelAt(mark)
    await Promise.allSettled(this.walks) // clients close their iterators when they are told
    const left: string[] = []
    for (const { isOpen, resources } of this.#levels) {
      if (isOpen) left.push('a handle on the database')
      for (const resource of resources) left.push(resource)
    }
    this.#running = undefined
    this.phase = 'down'
    this.tell({ type: 'life', what: 'stopped', left })
    if (left.length > 0) this.ground.broken('nothing is left behind', `${this.name} left ${left.join(', ')}`)
  }

  /** The process that stopped in order has exited: nothing of it is waited for. */
  leave(life: Life | undefined): void {
    if (life !== this.#life || life === undefined || this.phase !== 'down') return
    this.endpoint = undefined
  }

  /** Ends the process at once. */
  crash(power: boolean): void {
    const life = this.#life
    if (life === undefined || this.phase === 'down') return
    life.alive = false
    this.walks.clear() // no read of theirs is answered any more
    this.directory.disk.crash(power)
    if (this.endpoint !== undefined) this.ground.network.left(this.endpoint, power)
    this.endpoint = undefined
    this.#running = undefined
    this.phase = 'down'
    this.tell({ type: 'life', what: power ? 'power-cut' : 'killed' })
  }

  pause(): void {
    if (this.#life === undefined || this.phase === 'down' || this.#life.paused) return
    this.#life.paused = true
    this.tell({ type: 'life', what: 'paused' })
  }

  resume(): void {
    if (this.#life?.paused !== true) return
    this.ground.timeline.resume(this.#life)
    this.tell({ type: 'life', what: 'resumed' })
  }

  /** Puts another directory in the place of this node's; the process must be down. */
  replace(directory: Directory): void {
    this.directory = directory
    this.incarnation++
  }
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
