/**
 * One running peer: what the library gives to its user. Composes the store with the network side; keeps no state of
 * its own but the event target. Shapes: src/base/shapes.ts.
 */

import type * as shapes from '../base/index.js'
import { NatterError } from '../base/index.js'
import { peerIdOf, requireOpId } from '../log/index.js'
import { ReplicatedLevel } from '../store/replicated-level.js'
import { VERSION } from '../version.js'
import type { DeliveryHost } from './delivery/host.js'
import type { ServedAt } from './doctor/index.js'
import { Doctor } from './doctor/index.js'
import { changesFeed, formatCursor } from './feed.js'
import type { Ground } from './ground.js'
import { listCells, listConflicts, listHistory, listVersions, resolvingOp } from './key-views.js'
import type { MemberSide } from './member-side.js'
import type { NodeOptions } from './options.js'
import { checkNames } from './options.js'
import { PeerBook } from './peer-book.js'
import { acceptProgramOps, ackFromProgram } from './programs.js'
import { checkAckTarget, Receipts, writtenOf } from './receipts.js'
import { Steering } from './steering.js'
import { cellInfo, encodeKey, isPresent, toLocalOp } from './values.js'
import { outboxInfos, outboxOps, peerInfos } from './views.js'
import { Progress, throwIfAborted } from './wait.js'
import type { Wal } from './wal.js'
import { walOf } from './wal.js'

export type NatterNode = RunningNode

/** Dispatches `CustomEvent`s whose `detail` is the payload of `NodeEvents`. */
export interface TypedEvents extends EventTarget {
  addEventListener<K extends keyof shapes.NodeEvents>(
    type: K,
    listener: (event: CustomEvent<shapes.NodeEvents[K]>) => void,
    options?: AddEventListenerOptions | boolean
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean
  ): void
}

export interface RunningNodeParts {
  readonly ground: Ground
  readonly side: MemberSide
  readonly delivery: DeliveryHost | undefined
  readonly options: NodeOptions
  readonly limits: shapes.Limits
}

export class RunningNode implements shapes.NodeFace {
  readonly peerId: string
  readonly events: TypedEvents = new EventTarget() as TypedEvents
  readonly db: ReplicatedLevel<string, unknown>
  readonly sync: shapes.NodeFace['sync']
  readonly wal: Wal

  readonly #ground: Ground
  readonly #side: MemberSide
  readonly #delivery: DeliveryHost | undefined
  readonly #limits: shapes.Limits
  readonly #book: PeerBook
  readonly #progress = new Progress()
  readonly #receipts: Receipts
  readonly #startedAtMs: number
  readonly #name: string
  readonly #doctor: Doctor
  #servers: (ServedAt & { close(): Promise<void> })[] = []
  #stopping: Promise<void> | undefined

  constructor({ ground, side, delivery, options, limits }: RunningNodeParts) {
    const { store, clock } = ground
    this.#ground = ground
    this.#side = side
    this.#delivery = delivery
    this.#limits = limits
    this.#name = options.name ?? ground.machineName
    this.#startedAtMs = clock.now()
    this.peerId = peerIdOf(store.author)
    this.#book = new PeerBook(store, () => side.membership)
    this.#receipts = new Receipts({
      book: this.#book,
      clock,
      progress: this.#progress,
      membership: () => side.membership,
      cursor: position => formatCursor(store, position)
    })
    this.#doctor = new Doctor({
      ...ground,
      limits,
      node: {
        book: this.#book,
        membership: () => side.membership,
        paused: () => side.paused,
        join: options,
        served: () => this.#servers
      },
      delivery: delivery?.desk
    })
    this.sync = new Steering({ store, clock, book: this.#book, progress: this.#progress, side })
    this.wal = walOf(store)
    this.db = ReplicatedLevel.over<string, unknown>(store, {
      keyEncoding: 'utf8',
      valueEncoding: 'json',
      limits,
      // Whichever of the two is asked first takes the other along.
      onClose: () => (this.#stopping === undefined ? this.stop() : undefined)
    })
    this.#forwardEvents()
  }

  #forwardEvents(): void {
    const { store } = this.#ground
    const emit =
      <K extends keyof shapes.NodeEvents>(type: K) =>
      (detail: shapes.NodeEvents[K]) => {
        this.events.dispatchEvent(new CustomEvent(type, { detail }))
        this.#progress.announce()
      }
    const forward = <K extends keyof shapes.NodeEvents>(type: K) => store.onEvent(type, emit(type))
    forward('conflict')
    forward('unreadable')
    forward('storage')
    forward('fork')
    forward('clock')
    store.onCommit(this.#progress.announce)
    this.#side.listen({
      peer: emit('peer'),
      refused: this.#doctor.noteRefusal,
      sync: emit('sync'),
      progress: this.#progress.announce
    })
  }

  async write(ops: readonly shapes.WriteOp[], options: shapes.WriteOptions = {}): Promise<shapes.Receipt> {
    checkNames(options, ['ack', 'timeout', 'if', 'id', 'signal'])
    throwIfAborted(options.signal)
    if (!Array.isArray(ops)) throw new NatterError('INVALID_ARGUMENT', 'ops must be a list')
    if (ops.length === 0) throw new NatterError('INVALID_ARGUMENT', 'a write needs at least one op')
    const target = options.ack ?? 'local'
    checkAckTarget(target)
    const conditions = Object.entries(options.if ?? {}).map(([key, opId]) => ({
      key: encodeKey(key),
      at: opId === null ? null : requireOpId(opId)
    }))
    const committed = await this.#ground.store.write(
      {
        ops: ops.map(op => toLocalOp(op, this.#limits)),
        ...(options.id === undefined ? {} : { id: options.id }),
        ...(conditions.length === 0 ? {} : { conditions })
      },
      options.signal === undefined ? {} : { signal: options.signal }
    )
    return this.#receipts.after(
      { ...committed, ...(options.id === undefined ? {} : { id: options.id }) },
      target,
      options
    )
  }

  async receipt(id: string, options: shapes.Signal = {}): Promise<shapes.Receipt> {
    throwIfAborted(options.signal)
    const { store } = this.#ground
    const name = /^[^.]{48,56}\.[0-9a-f]{16}\./.test(id) ? requireOpId(id) : undefined
    const op = name === undefined ? undefined : await store.findOp(name)
    const ops = name === undefined ? await store.findClientId(id) : op && [op]
    if (ops === undefined || ops.length === 0) {
      throw new NatterError('NOT_FOUND', `no op or write with the id ${id} is known here`)
    }
    return this.#receipts.now(writtenOf(ops))
  }

  async cell(key: string, options: shapes.Signal = {}): Promise<shapes.CellInfo> {
    throwIfAborted(options.signal)
    const bytes = encodeKey(key)
    const cell = await this.#ground.store.get(bytes)
    if (!isPresent(cell)) throw new NatterError('NOT_FOUND', 'not found')
    return cellInfo(bytes, cell)
  }

  cells(options: shapes.ListOptions = {}): AsyncIterable<shapes.CellInfo> {
    return listCells(this.#ground.store, options)
  }

  changes(options: shapes.ChangesOptions = {}): AsyncIterable<shapes.Change> {
    const { store, clock } = this.#ground
    return changesFeed({ store, clock, progress: this.#progress }, options)
  }

  async versions(key: string, options: shapes.Signal = {}): Promise<shapes.VersionInfo[]> {
    throwIfAborted(options.signal)
    return listVersions(this.#ground.store, key)
  }

  history(key: string, options: shapes.Signal = {}): AsyncIterable<shapes.VersionInfo> {
    return listHistory(this.#ground.store, key, options.signal)
  }

  async resolve(
    key: string,
    choice: { take: string } | { value: unknown },
    options: shapes.WriteOptions = {}
  ): Promise<shapes.Receipt> {
    return this.write([await resolvingOp(this.#ground.store, key, choice)], options)
  }

  conflicts(options: shapes.Signal = {}): AsyncIterable<{ key: string; versions: number }> {
    return listConflicts(this.#ground.store, options.signal)
  }

  peers(): Promise<shapes.PeerInfo[]> {
    return peerInfos(this.#views)
  }

  get #views() {
    const { store, clock } = this.#ground
    return { store, clock, book: this.#book, membership: () => this.#side.membership }
  }

  async connect(multiaddr: string, options: shapes.Signal = {}): Promise<{ peer: string }> {
    return { peer: peerIdOf(await this.#side.connect(multiaddr, options)) }
  }

  async forget(peer: string): Promise<void> {
    if (this.#ground.store.peer(peer)?.kind === 'program') return this.#ground.store.forgetPeer(peer)
    await this.#side.forget(this.#book.findKnown(peer))
    this.#progress.announce()
  }

  async block(peer: string): Promise<void> {
    await this.#side.block(this.#book.find(peer))
    this.#progress.announce()
  }

  invite(options: { rotate?: boolean } & shapes.Signal = {}): Promise<shapes.Invite> {
    return this.#side.invite(this.#book.counted().length > 0, options.rotate ?? false)
  }

  outboxes(): Promise<shapes.OutboxInfo[]> {
    return outboxInfos(this.#views)
  }

  async *outboxOps(
    peer: string,
    options: { limit?: number } & shapes.Signal = {}
  ): AsyncGenerator<shapes.OutboxOp> {
    const isProgram = this.#ground.store.peer(peer)?.kind === 'program'
    const owner = isProgram ? { program: peer } : { peer: this.#book.findKnown(peer) }
    for await (const op of outboxOps(this.#views, owner, options.limit ?? Number.POSITIVE_INFINITY)) {
      throwIfAborted(options.signal)
      yield op
    }
  }

  /** With a peer: the ops it has not acknowledged; without: every outbox. */
  outbox(): Promise<shapes.OutboxInfo[]>
  outbox(peer: string): AsyncIterable<shapes.OutboxOp>
  outbox(peer?: string): Promise<shapes.OutboxInfo[]> | AsyncIterable<shapes.OutboxOp> {
    return peer === undefined ? this.outboxes() : this.outboxOps(peer)
  }

  async status(): Promise<shapes.NodeStatus> {
    const { store, clock, network } = this.#ground
    const { disk } = store
    return {
      peerId: this.peerId,
      name: this.#name,
      network,
      addrs: this.#side.membership?.net.addrs() ?? [],
      cursor: formatCursor(store, store.mark.position),
      ...store.status(),
      frontierDigest: store.frontierDigest(),
      stateDigest: store.stateDigest(),
      uptimeMs: clock.now() - this.#startedAtMs,
      storage: {
        kind: disk.location === null ? 'memory' : 'disk',
        location: disk.location,
        durability: disk.durability,
        state: disk.state,
        ...(disk.reason === undefined ? {} : { reason: disk.reason }),
        freeBytes: await disk.freeBytes()
      },
      paused: this.#side.paused,
      version: VERSION
    }
  }

  async verify(options: shapes.VerifyOptions = {}): Promise<shapes.VerifyReport> {
    const report = await this.#ground.store.verify(options)
    this.#doctor.noteVerified(report)
    return report
  }

  doctor(options: shapes.Signal = {}): Promise<shapes.DoctorReport> {
    return this.#doctor.examine(options)
  }

  acceptProgramOps(from: string, ops: readonly unknown[]): Promise<shapes.ProgramResult> {
    return acceptProgramOps(this.#ground.store, this.#limits, from, ops)
  }

  ackFromProgram(from: string, ids: readonly string[]): Promise<void> {
    return ackFromProgram(this.#ground.store, from, ids)
  }

  ready(): { ready: boolean; reason?: string } {
    if (this.#stopping !== undefined) return { ready: false, reason: 'the node is stopping' }
    const { disk } = this.#ground.store
    if (disk.state === 'open') return { ready: true }
    return { ready: false, reason: disk.reason ?? 'the store is fenced' }
  }

  /** Serves the HTTP face for this node; it closes with the node. */
  async serve(options: shapes.ServeOptions = {}): Promise<shapes.Served> {
    const { serve } = await import('../http/index.js')
    const own = { limits: this.#limits, log: this.#ground.log, delivery: this.#delivery?.desk }
    const server = await serve(this, { ...own, ...options })
    const { token, tokenFile } = options
    const { url, host } = server
    const hasToken = token !== undefined || tokenFile !== undefined
    this.#servers.push({ url, host, hasToken, tokenFile, close: () => server.close() })
    await this.#ground.directory?.lock.describe({ http: server.url })
    return server
  }

  /** Leaves the network, closes the store. Within `limits.stopMs`; a second call joins the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await Promise.allSettled([...this.#servers.map(server => server.close()), this.#delivery?.stop()])
    this.#doctor.close()
    await this.#side.leave()
    await this.#ground.close()
    this.#progress.announce()
    if (this.db.status !== 'closed' && this.db.status !== 'closing') await this.db.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
