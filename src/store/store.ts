/** The store as its users hold it: it puts the parts of this folder together and adds nothing of its own. */
import type { Clock, NodeEvents, ScrubStatus, Timer, VerifyOptions, VerifyReport } from '../base/index.js'
import type { Disk, DiskSnapshot } from '../disk/index.js'
import type {
  Author,
  BareHeader,
  Batch,
  BatchId,
  BatchName,
  DatabaseId,
  Frontier,
  Mark,
  OpName,
  StoreId,
  Tip
} from '../log/index.js'
import { clientIdHash, shortId } from '../log/index.js'
import { backlogOf } from './backlog.js'
import type { Committer } from './commit.js'
import type { DamageReports } from './damage.js'
import { isDamage } from './damage.js'
import type { LogReader } from './history.js'
import type { HoleKeeper } from './hole-keeper.js'
import type { HoleTable } from './holes.js'
import type {
  ApplyResult,
  Cell,
  CellIterator,
  CommitNotice,
  Committed,
  KeyRange,
  LocalWrite,
  LoggedOp,
  MissingHere,
  PeerRecord,
  RunReader,
  Store,
  StoreInit,
  StoreStatus
} from './index.js'
import type { KeyFilterLoader } from './key-filter-loader.js'
import type { Lineage } from './lineage.js'
import type { Listeners } from './listeners.js'
import { prepareWrite } from './local-write.js'
import { NO_CHECK } from './log-record.js'
import type { PeerTable } from './peers.js'
import type { ProgramAcks } from './program-acks.js'
import type { CellReader } from './reads.js'
import type { Renewal } from './renewal.js'
import type { Request } from './requests.js'
import { enqueued } from './requests.js'
import { Run } from './runs.js'
import type { ScrubberInit } from './scrub.js'
import { Scrubber } from './scrub.js'
import type { State } from './state.js'
import { StoreSurvey } from './survey.js'
import { verifyOpenStore } from './verify-open.js'

/** How long a changed account of a peer waits for a commit to ride on. */
const peerDelayMs = 1_000
/** Missing batches that are told at a time: more follow as these come. */
const missingListed = 1024

export interface StoreParts {
  readonly init: StoreInit
  readonly author: Author
  readonly database: DatabaseId
  readonly storeId: StoreId
  readonly state: () => State
  readonly committer: Committer
  readonly cells: CellReader
  readonly log: LogReader
  readonly lineage: Lineage
  readonly peers: PeerTable
  readonly programs: ProgramAcks
  readonly events: Listeners
  readonly damage: DamageReports
  readonly holes: HoleTable
  readonly keeper: HoleKeeper
  readonly renewal: Renewal
  readonly filterLoader: KeyFilterLoader
  /** Builds what memory holds anew from the disk. */
  readonly reload: () => Promise<unknown>
  readonly scrub: Pick<ScrubberInit, 'onDamage' | 'isVacant'>
  /** Stops listening to the disk. */
  readonly detach: () => void
}

export class LogStore implements Store {
  readonly disk: Disk
  readonly author: Author
  readonly database: DatabaseId
  readonly storeId: StoreId
  readonly #parts: StoreParts
  readonly #clock: Clock
  #frontierDigest: { mark: Mark; hex: string } | undefined
  #peerTimer: Timer | undefined
  #closed = false
  readonly #scrubber: Scrubber

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#clock = parts.init.clock
    this.disk = parts.init.disk
    this.author = parts.author
    this.database = parts.database
    this.storeId = parts.storeId
    this.#scrubber = new Scrubber({
      ...parts.scrub,
      disk: this.disk,
      hashes: parts.init.crypto,
      clock: this.#clock,
      missing: () => parts.holes.size + parts.holes.open.size,
      end: () => this.mark.position,
      repair: () => this.verify({ repair: true }),
      onFile: error => parts.damage.tell(error, 'stop the node and run natter verify --repair --data DIR')
    })
    this.#scrubber.start()
  }

  get scrub(): ScrubStatus {
    return this.#scrubber.status
  }

  get frontier(): Frontier {
    return this.#parts.state().frontier
  }

  get mark(): Mark {
    return this.#parts.state().mark
  }

  frontierDigest(): string {
    const { mark, frontier } = this.#parts.state()
    if (this.#frontierDigest?.mark !== mark) {
      this.#frontierDigest = { mark, hex: frontier.digest(this.#parts.init.crypto) }
    }
    return this.#frontierDigest.hex
  }

  stateDigest(): string {
    return this.#parts.state().digest.hex()
  }

  status(): StoreStatus {
    return { ...this.#parts.state().totals }
  }

  survey(): StoreSurvey {
    return new StoreSurvey(this.#parts)
  }

  onCommit(listener: (notice: CommitNotice) => void): () => void {
    return this.#parts.events.onCommit(listener)
  }

  onEvent<K extends keyof NodeEvents>(type: K, listener: (event: NodeEvents[K]) => void): () => void {
    return this.#parts.events.onEvent(type, listener)
  }

  async write(write: LocalWrite, options: { signal?: AbortSignal } = {}): Promise<Committed> {
    const prepared = prepareWrite(write, this.#parts.init.crypto)
    const { signal } = options
    return this.#enqueue((resolve, reject) => ({ type: 'write', prepared, resolve, reject }), signal)
  }

  apply(batches: readonly Batch[], proof: readonly BareHeader[] = []): Promise<ApplyResult[]> {
    return this.#enqueue((resolve, reject) => ({ type: 'apply', batches, proof, resolve, reject }))
  }

  get(key: Uint8Array, options?: { snapshot?: DiskSnapshot | undefined }): Promise<Cell | undefined> {
    return this.#parts.cells.get(key, options)
  }

  getMany(
    keys: readonly Uint8Array[],
    options?: { snapshot?: DiskSnapshot | undefined }
  ): Promise<(Cell | undefined)[]> {
    return this.#parts.cells.getMany(keys, options)
  }

  iterate(range: KeyRange, options?: { snapshot?: DiskSnapshot | undefined }): CellIterator {
    return this.#parts.cells.iterate(range, options)
  }

  conflicts(after?: Uint8Array): AsyncIterable<{ key: Uint8Array; cell: Cell }> {
    return this.#parts.cells.conflicts(after)
  }

  history(key: Uint8Array): AsyncIterable<LoggedOp> {
    return this.#parts.log.history(key)
  }

  replay(from: number): AsyncIterable<LoggedOp> {
    return this.#parts.log.replay(from)
  }

  changesAfter(
    from: number,
    count: number
  ): Promise<{ upTo: number; keys: { key: Uint8Array; op: LoggedOp; cell: Cell }[] }> {
    return this.#parts.log.changesAfter(from, count)
  }

  findOp(name: OpName): Promise<LoggedOp | undefined> {
    return this.#parts.log.findOp(name)
  }

  findClientId(id: string): Promise<LoggedOp[] | undefined> {
    return this.#parts.log.findClientId(clientIdHash(id, this.#parts.init.crypto))
  }

  async hasBatch(tip: Tip): Promise<boolean> {
    return (await this.#parts.log.place(tip)) !== undefined
  }

  async batchesAt({ author, epoch, seq }: BatchName): Promise<Tip[]> {
    const number = this.#parts.state().authors.numberOf(author)
    if (number === undefined) return []
    const places = await this.#parts.lineage.findAll(number, epoch, seq)
    return places.map(({ id }) => ({ author, epoch, seq, id: shortId(id) }))
  }

  async positionOf(tip: Tip): Promise<number | undefined> {
    return (await this.#parts.log.place(tip))?.position
  }

  async checkAt(position: number): Promise<string | undefined> {
    const { mark } = this.#parts.state()
    if (position === mark.position) return mark.check
    if (position === 0) return NO_CHECK
    try {
      return (await this.#parts.log.record(position))?.check
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#parts.damage.tell(error, 'positions of peers that rest on it are void')
      return undefined
    }
  }

  async tipsSince(position: number): Promise<{ tips: Tip[]; mark: Mark }> {
    const state = this.#parts.state()
    const tips: Tip[] = []
    for (const tip of state.tips.values()) if (tip.position > position) tips.push(state.tipName(tip))
    return { tips, mark: state.mark }
  }

  openRun(): RunReader {
    const { init, log, lineage, damage } = this.#parts
    return new Run({ disk: init.disk, hashes: init.crypto, log, lineage, damage })
  }

  backlog(
    above: number,
    has: (tip: Tip) => boolean
  ): Promise<{ ops: number; bytes: number; oldestMs: number }> {
    return backlogOf({ ...this.#parts, nowMs: this.#clock.now() }, above, has)
  }

  peer(peer: string): PeerRecord | undefined {
    return this.#parts.peers.get(peer)
  }

  peers(): IterableIterator<[string, PeerRecord]> {
    return this.#parts.peers.entries()
  }

  savePeer(peer: string, record: PeerRecord): void {
    this.#parts.peers.set(peer, record)
    this.#savePeersSoon()
  }

  keepPeer(peer: string, record: PeerRecord): Promise<void> {
    this.#parts.peers.set(peer, record)
    return this.#parts.committer.upkeep(() => undefined)
  }

  forgetPeer(peer: string): Promise<void> {
    return this.#parts.programs.forget(peer)
  }

  ackFromProgram(from: string, ops: readonly OpName[]): Promise<void> {
    return this.#parts.programs.ack(from, ops)
  }

  programHas(from: string, name: OpName): Promise<boolean> {
    return this.#parts.programs.has(from, name)
  }

  missing(limit = missingListed): Promise<MissingHere[]> {
    return this.#parts.keeper.missing(limit)
  }

  onMissing(listener: () => void): () => void {
    return this.#parts.holes.onChange(listener)
  }

  noteUnanswered(batch: BatchId): void {
    this.#parts.holes.noteUnanswered(batch)
  }

  verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    return verifyOpenStore(this.#parts, options)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#peerTimer?.cancel()
    const { committer, peers, detach } = this.#parts
    if (peers.isDirty && this.disk.state === 'open')
      await committer.upkeep(() => undefined).catch(() => undefined)
    await this.#scrubber.close()
    await this.#parts.keeper.close()
    await this.#parts.renewal.close()
    await this.#parts.filterLoader.close()
    await committer.close()
    detach()
  }

  #savePeersSoon(): void {
    this.#peerTimer ??= this.#clock.schedule(peerDelayMs, () => {
      this.#peerTimer = undefined
      if (this.#closed || !this.#parts.peers.isDirty) return
      // The disk has told everybody why it failed; what is not saved stays so and is tried again.
      this.#parts.committer
        .upkeep(() => undefined)
        .catch(() => {
          if (!this.#closed) this.#savePeersSoon()
        })
    })
  }

  #enqueue<T>(
    request: (resolve: (value: T) => void, reject: (error: unknown) => void) => Request,
    signal?: AbortSignal
  ): Promise<T> {
    return enqueued(this.#parts.committer, request, signal)
  }
}
