/**
 * The pipeline of commits: local writes, batches of other nodes and small upkeep go to the disk in groups.
 *
 * While a commit is in flight arrivals gather; the next commit takes the remote batches in order, then the local
 * writes in queue order. Keeps the order: durable, then memory, then listeners, then the callers. What is refused
 * (a condition, a reused id) fails alone. After an error of the disk what was in flight ends as the disk said, what
 * was queued as STORE_FENCED.
 */
import type { Clock, NodeEvents } from '../base/index.js'
import { isNatterError, messageOf, NatterError } from '../base/index.js'
import type { Disk } from '../disk/index.js'
import type { Batch } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { CellNote } from './cells.js'
import { Draft } from './draft.js'
import { filledText } from './hole-keeper.js'
import type { HoleTable } from './holes.js'
import type { ApplyResult, CommitNotice, Committed } from './index.js'
import { positionName } from './inspection.js'
import { textOf } from './keys.js'
import type { BranchCache } from './lineage.js'
import type { LocalInit, LocalOutcome } from './local.js'
import { LocalWriter } from './local.js'
import type { PreparedWrite } from './local-write.js'
import type { RemoteOp } from './prepare.js'
import { remoteOps, Wanted } from './prepare.js'
import type { RebuildCell } from './rebuild.js'
import { RemoteSession } from './remote.js'
import type { ApplyRequest, Request, UpkeepRequest, WriteRequest } from './requests.js'
import type { Meta, State } from './state.js'

/** Bytes of remote bodies that one commit takes: keeps the memory of a commit bounded. */
const remoteBytes = 16 * 1024 * 1024
/** Cells that one commit makes again from the log. */
const remadeKeys = 256

export interface CommitterInit extends LocalInit {
  readonly disk: Disk
  readonly clock: Clock
  readonly branches: BranchCache
  readonly identity: Pick<Meta, 'storeId' | 'database' | 'author'>
  readonly state: () => State
  readonly rebuild: RebuildCell
  readonly holes: HoleTable
  /** Told of a position whose record is damaged. */
  readonly onDamage: (position: number, error: NatterError) => void
  /** Told of each place that was damaged and is whole again. */
  readonly mended: (where: string) => void
  /** Makes the running checks fit again behind what was filled. */
  readonly renewChecks: () => void
  /** Told of how many cells a commit looked for and did not find. */
  readonly missed: (count: number) => void
  /** Puts into a commit what waits for one. */
  readonly addWaiting: (draft: Draft) => void
  readonly announce: (notice: CommitNotice) => void
  readonly emit: <K extends keyof NodeEvents>(type: K, event: NodeEvents[K]) => void
  /** Where a write stands whose id was known. */
  readonly repeated: (ops: readonly { position: number; index: number }[]) => Promise<Committed>
}

export class Committer {
  readonly #init: CommitterInit
  #queue: Request[] = []
  #running: Promise<void> | undefined
  /** Settles when commits may go on; undefined while they may. */
  #held: Promise<void> | undefined
  #inFlight: Promise<void> | undefined
  #generation = 0
  #closed = false

  constructor(init: CommitterInit) {
    this.#init = init
  }

  enqueue(request: Request): void {
    const refused = this.#refusal(request)
    if (refused !== undefined) {
      request.reject(refused)
      return
    }
    this.#queue.push(request)
    this.#running ??= this.#run()
  }

  /** Has `run` take part in a commit; resolves when that is durable. */
  upkeep(run: UpkeepRequest['run']): Promise<void> {
    return new Promise((resolve, reject) => this.enqueue({ type: 'upkeep', run, resolve, reject }))
  }

  /** Has a damaged cell written anew. The read that ran into it has told of it; the next one tries again. */
  repair(key: Uint8Array): void {
    const done = (): void => undefined
    this.enqueue({ type: 'upkeep', keys: [key], run: done, resolve: done, reject: done })
  }

  /** Has cells made again that did not take in what the log holds, a piece at a time. */
  remake(keys: readonly Uint8Array[]): void {
    const done = (): void => undefined
    for (let from = 0; from < keys.length; from += remadeKeys) {
      const some = keys.slice(from, from + remadeKeys)
      this.enqueue({ type: 'upkeep', keys: some, again: true, run: done, resolve: done, reject: done })
    }
  }

  /** Runs `work` while no commit is made: what arrives meanwhile waits in the queue. One at a time. */
  async exclusive<T>(work: () => Promise<T>): Promise<T> {
    while (this.#held !== undefined) await this.#held
    let release = (): void => undefined
    this.#held = new Promise<void>(resolve => {
      release = resolve
    })
    try {
      while (this.#inFlight !== undefined) await this.#inFlight
      return await work()
    } finally {
      this.#held = undefined
      release()
    }
  }

  /** Takes a request back that no commit has taken yet. */
  withdraw(request: Request): boolean {
    const at = this.#queue.indexOf(request)
    if (at < 0) return false
    this.#queue.splice(at, 1)
    return true
  }

  /** Memory was built anew: a commit that was being put together on the old one must not be made. */
  restart(): void {
    this.#generation++
  }

  /** Takes no more; resolves when nothing is queued or in flight. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== undefined) await this.#running
  }

  #refusal(request: Request): NatterError | undefined {
    const { disk, limits } = this.#init
    if (this.#closed || disk.state === 'closed') return new NatterError('STORE_CLOSED', 'the store is closed')
    if (disk.state === 'fenced') return fenced(disk.reason)
    if (request.type === 'write' && this.#queue.length >= limits.queuedWrites)
      return fenced('too many writes wait')
    return undefined
  }

  async #run(): Promise<void> {
    await undefined // callers of the same turn go into one commit
    while (this.#queue.length > 0) {
      while (this.#held !== undefined) await this.#held
      const taken = this.#take()
      this.#inFlight = this.#commit(taken)
      await this.#inFlight
      this.#inFlight = undefined
    }
    this.#running = undefined
  }

  /** Remote batches up to a bound, and everything local: those are bounded by the length of the queue. */
  #take(): Request[] {
    const taken: Request[] = []
    const left: Request[] = []
    let bytes = 0
    for (const request of this.#queue) {
      if (request.type === 'apply') {
        if (bytes > remoteBytes) {
          left.push(request)
          continue
        }
        for (const { body } of request.batches) bytes += body.length
      }
      taken.push(request)
    }
    this.#queue = left
    return taken
  }

  async #commit(requests: readonly Request[]): Promise<void> {
    const { disk } = this.#init
    const generation = this.#generation
    let done: Done
    try {
      done = await this.#draft(requests)
      if (disk.state !== 'open' || generation !== this.#generation) throw fenced(disk.reason)
    } catch (error) {
      await this.#fail(requests, error)
      return
    }
    const { draft } = done
    try {
      if (draft.write.length > 0) await disk.commit(draft.write)
    } catch (error) {
      for (const request of requests) request.reject(error)
      if (disk.state !== 'open') this.#rejectQueued(disk.reason)
      return
    }
    draft.publish()
    this.#fill(done.session)
    this.#tell(done)
    this.#init.announce({ applied: draft.applied })
    this.#resolve(requests, done)
    if (draft.missed > 0) this.#init.missed(draft.missed)
  }

  /** Nothing was made. One request that cannot be drafted, for damage it runs into, must not fail the others. */
  async #fail(requests: readonly Request[], error: unknown): Promise<void> {
    if (this.#init.disk.state !== 'open') {
      const reason = isNatterError(error, 'STORE_FENCED') ? error : fenced(messageOf(error))
      for (const request of requests) request.reject(reason)
      return
    }
    const [only] = requests
    if (requests.length === 1 && only !== undefined) only.reject(error)
    else for (const request of requests) await this.#commit([request])
  }

  #rejectQueued(reason: string | undefined): void {
    const queued = this.#queue
    this.#queue = []
    for (const request of queued) request.reject(fenced(reason))
  }

  async #draft(requests: readonly Request[]): Promise<Done> {
    const { disk, crypto, branches, strategy, clock, identity, rebuild, holes } = this.#init
    const state = this.#init.state()
    const nowMs = clock.now()
    const draft = new Draft({ disk, hashes: crypto, state, branches, strategy, nowMs, rebuild })
    const wanted = new Wanted(draft)
    const remote: { request: ApplyRequest; ops: Map<Batch, RemoteOp[]> }[] = []
    const local: PreparedWrite[] = []
    for (const request of requests) {
      if (request.type === 'write') {
        local.push(request.prepared)
        wanted.local(request.prepared.write, request.prepared.texts, crypto)
      } else if (request.type === 'apply') {
        const ops = new Map<Batch, RemoteOp[]>()
        for (const batch of request.batches) {
          // What fills a hole of the log is not applied again.
          const list = holes.get(batch.id) === undefined ? remoteOps(batch, crypto) : []
          wanted.remote(list)
          ops.set(batch, list)
        }
        remote.push({ request, ops })
      } else for (const key of request.keys ?? []) wanted.cell(textOf(key), key, request.again)
    }
    await wanted.load()
    const session = new RemoteSession(this.#init, draft)
    const results = new Map<Request, ApplyResult[]>()
    for (const { request, ops } of remote)
      results.set(request, await session.apply(request.batches, request.proof, ops))
    const writer = new LocalWriter(this.#init, draft)
    for (const prepared of local) await writer.add(prepared)
    const outcomes = await writer.finish()
    this.#init.addWaiting(draft)
    for (const request of requests) if (request.type === 'upkeep') await request.run(draft)
    draft.finish(identity)
    return { draft, results, outcomes, session }
  }

  /** Holes are filled: what could not be made from the log for their sake is made now. */
  #fill({ refill }: RemoteSession): void {
    if (refill.filled.length === 0) return
    const { holes, emit, disk, mended, renewChecks } = this.#init
    for (const hole of refill.filled) {
      holes.remove(hole)
      mended(positionName(hole.position))
      emit('storage', { state: disk.state, reason: filledText(hole) })
    }
    holes.changed()
    this.remake(refill.keys)
    if (refill.brokeChecks) renewChecks()
  }

  #tell({ draft, session }: Done): void {
    const { emit } = this.#init
    for (const fork of session.forks) emit('fork', fork)
    for (const [author, aheadMs] of session.ahead) emit('clock', { author: peerIdOf(author), aheadMs })
    for (const { key } of session.reused) {
      emit('conflict', { key: textOfKey(key), versions: 1, reason: 'id-reused' })
    }
    for (const note of draft.cells.notes) this.#tellCell(note)
  }

  #tellCell({ key, versions, reason, text }: CellNote): void {
    const { emit } = this.#init
    if (reason === 'conflict') emit('conflict', { key: textOfKey(key), versions, reason: 'concurrent' })
    else emit('unreadable', { key: textOfKey(key), reason: text })
  }

  #resolve(requests: readonly Request[], { results, outcomes }: Done): void {
    for (const request of requests) {
      if (request.type === 'apply') request.resolve(results.get(request)!)
      else if (request.type === 'upkeep') request.resolve()
      else this.#resolveWrite(request, outcomes.get(request.prepared)!)
    }
  }

  #resolveWrite(request: WriteRequest, outcome: LocalOutcome): void {
    if ('committed' in outcome) request.resolve(outcome.committed)
    else if ('refused' in outcome) request.reject(outcome.refused)
    else this.#init.repeated(outcome.repeated).then(request.resolve, request.reject)
  }
}

interface Done {
  readonly draft: Draft
  readonly results: ReadonlyMap<Request, ApplyResult[]>
  readonly outcomes: ReadonlyMap<PreparedWrite, LocalOutcome>
  readonly session: RemoteSession
}

function fenced(reason: string | undefined): NatterError {
  return new NatterError(
    'STORE_FENCED',
    `the write was not made: ${reason ?? 'the disk is being opened again'}`
  )
}

const lenient = new TextDecoder()

function textOfKey(key: Uint8Array): string {
  return lenient.decode(key)
}
