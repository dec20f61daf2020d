/**
 * A small node in memory for tests of the faces: versions, receipts, changes and client ids behave as they do on a
 * real one; peers, rounds and storage are what a test sets. It has no log, no network and no disk.
 */
import { randomBytes } from 'node:crypto'
import type {
  CellInfo,
  Change,
  ChangesOptions,
  DoctorReport,
  ListOptions,
  NodeFace,
  NodeStatus,
  OutboxInfo,
  OutboxOp,
  PeerAck,
  PeerInfo,
  ProgramResult,
  Receipt,
  SyncRound,
  VerifyOptions,
  VerifyReport,
  VersionInfo,
  WaitTarget,
  WriteOp,
  WriteOptions
} from '../../src/base/index.js'
import { compareBytes, NatterError, utf8 } from '../../src/base/index.js'

export const PEER_ID = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
export const OTHER_PEER_ID = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
const STORE_ID = '0123456789abcdef'

interface Written {
  readonly key: string
  readonly version: VersionInfo
  readonly position: number
}

export class FakeNode implements NodeFace {
  readonly peerId = PEER_ID
  readonly events = new EventTarget()
  readonly calls: string[] = []
  peerList: PeerInfo[] = []
  outboxList: OutboxInfo[] = []
  acks: PeerAck[] = []
  readiness: { ready: boolean; reason?: string } = { ready: true }
  storageState: NodeStatus['storage']['state'] = 'open'
  /** What the next write rejects with. */
  failure: Error | undefined
  verification: VerifyReport = {
    ok: true,
    batches: 0,
    ops: 0,
    keys: 0,
    damage: [],
    repaired: [],
    waiting: []
  }
  /** Bytes that are not JSON, by key, in base64. */
  readonly rawValues = new Map<string, string>()
  /** Change events taken by readers so far. */
  pulled = 0
  readers = 0

  readonly #log: Written[] = []
  readonly #heads = new Map<string, Written[]>()
  readonly #byId = new Map<string, { content: string; opIds: string[] }>()
  readonly #epoch = randomBytes(8).toString('hex')
  #seq = 0
  readonly #written = new EventTarget()

  async write(ops: readonly WriteOp[], options: WriteOptions = {}): Promise<Receipt> {
    if (this.failure !== undefined) throw this.failure
    const content = JSON.stringify(ops)
    const known = options.id === undefined ? undefined : this.#byId.get(options.id)
    if (known !== undefined) {
      if (known.content !== content) throw new NatterError('ID_REUSED', 'the id was used for another write')
      return this.#receiptOf(known.opIds, options)
    }
    for (const [key, at] of Object.entries(options.if ?? {})) {
      if ((this.#winner(key)?.version.opId ?? null) !== at) {
        throw new NatterError('PRECONDITION_FAILED', 'the key is not at that op')
      }
    }
    const opIds = this.#append(PEER_ID, ops)
    if (options.id !== undefined) this.#byId.set(options.id, { content, opIds })
    return this.#receiptOf(opIds, options)
  }

  /** A concurrent write of another node: it overwrites nothing. */
  remote(key: string, value: unknown): string {
    return this.#append(OTHER_PEER_ID, [{ type: 'put', key, value }], false)[0]!
  }

  async receipt(id: string): Promise<Receipt> {
    const opIds = this.#byId.get(id)?.opIds ?? this.#log.filter(w => w.version.opId === id).map(() => id)
    if (opIds.length === 0) throw new NatterError('NOT_FOUND', 'no such op')
    const own = [...this.#byId].find(([, entry]) => entry.opIds === opIds)?.[0]
    return this.#receiptOf(opIds, own === undefined ? {} : { id: own })
  }

  async cell(key: string): Promise<CellInfo> {
    const winner = this.#winner(key)
    if (winner === undefined) throw new NatterError('NOT_FOUND', `${key} is absent`)
    return this.#cellOf(winner)
  }

  async *cells(options: ListOptions = {}): AsyncGenerator<CellInfo> {
    const { prefix = '', gt, gte, lt, lte, reverse, limit = Number.POSITIVE_INFINITY } = options
    const before = (a: string, b: string) => compareBytes(utf8(a), utf8(b))
    let left = limit
    const keys = [...this.#heads.keys()].sort(before)
    for (const key of reverse === true ? keys.reverse() : keys) {
      if (!key.startsWith(prefix) || (gt !== undefined && before(key, gt) <= 0)) continue
      if ((gte !== undefined && before(key, gte) < 0) || (lt !== undefined && before(key, lt) >= 0)) continue
      if (lte !== undefined && before(key, lte) > 0) continue
      const winner = this.#winner(key)
      if (winner === undefined) continue
      if (left-- === 0) return
      yield this.#cellOf(winner)
    }
  }

  async *changes(options: ChangesOptions = {}): AsyncGenerator<Change> {
    const { since = 'now', prefix = '', limit = Number.POSITIVE_INFINITY, signal, live = true } = options
    let position = since === 'start' ? 0 : since === 'now' ? this.#log.length : positionOf(since)
    if (position > this.#log.length) throw new NatterError('CURSOR_GONE', 'the cursor is not in this log')
    let left = limit
    let caughtUp = false
    this.readers++
    try {
      while (signal?.aborted !== true) {
        const written = this.#log[position]
        if (written === undefined) {
          if (!caughtUp) yield { type: 'caught-up', cursor: cursorOf(position) }
          caughtUp = true
          if (!live) return
          const woken = new AbortController()
          await new Promise<void>(resolve => {
            const options = { once: true, signal: woken.signal }
            this.#written.addEventListener('write', () => resolve(), options)
            signal?.addEventListener('abort', () => resolve(), options)
          })
          woken.abort()
          continue
        }
        position++
        if (!written.key.startsWith(prefix)) continue
        if (this.#log.slice(position).some(later => later.key === written.key)) continue
        const { opId, at, author, value } = written.version
        const origin =
          author === PEER_ID ? ({ origin: 'local' } as const) : { origin: 'remote' as const, from: author }
        this.pulled++
        yield value === undefined
          ? { type: 'del', cursor: cursorOf(position), key: written.key, opId, at, ...origin }
          : { type: 'put', cursor: cursorOf(position), key: written.key, value, opId, at, ...origin }
        if (--left === 0) return
      }
    } finally {
      this.readers--
    }
  }

  async versions(key: string): Promise<VersionInfo[]> {
    const winner = this.#winner(key)
    return (this.#heads.get(key) ?? []).map(head => ({ ...head.version, winner: head === winner }))
  }

  async *history(key: string): AsyncGenerator<VersionInfo> {
    for (const written of [...this.#log].reverse()) if (written.key === key) yield written.version
  }

  async resolve(
    key: string,
    choice: { take: string } | { value: unknown },
    options: WriteOptions = {}
  ): Promise<Receipt> {
    const heads = this.#heads.get(key) ?? []
    if (heads.length === 0) throw new NatterError('NOT_FOUND', `${key} is absent`)
    if ('value' in choice) return this.write([{ type: 'put', key, value: choice.value }], options)
    const taken = heads.find(head => head.version.opId === choice.take)
    if (taken === undefined) throw new NatterError('NOT_FOUND', 'no such version')
    return this.write([{ type: 'put', key, value: taken.version.value }], options)
  }

  async *conflicts(): AsyncGenerator<{ key: string; versions: number }> {
    for (const [key, heads] of [...this.#heads].sort()) {
      if (heads.length > 1) yield { key, versions: heads.length }
    }
  }

  peers(): PeerInfo[] {
    return this.peerList
  }

  async connect(multiaddr: string): Promise<{ peer: string }> {
    if (!multiaddr.startsWith('/'))
      throw new NatterError('INVALID_MULTIADDR', `not a multiaddr: ${multiaddr}`)
    this.calls.push(`connect ${multiaddr}`)
    return { peer: OTHER_PEER_ID }
  }

  async forget(peer: string): Promise<void> {
    this.calls.push(`forget ${this.#peer(peer)}`)
  }

  async block(peer: string): Promise<void> {
    this.calls.push(`block ${this.#peer(peer)}`)
  }

  async invite(options: { rotate?: boolean } = {}) {
    this.calls.push(`invite ${options.rotate === true}`)
    return { invite: 'natter1:secret', network: 'default', addrs: ['/ip4/127.0.0.1/tcp/4001'] }
  }

  async outboxes(): Promise<OutboxInfo[]> {
    return this.outboxList
  }

  async *outboxOps(peer: string, options: { limit?: number } = {}): AsyncGenerator<OutboxOp> {
    this.#peer(peer)
    for (const { key, version } of this.#log.slice(0, options.limit)) {
      yield { opId: version.opId, kind: version.kind, key, at: version.at }
    }
  }

  readonly sync = {
    now: async (peer?: string): Promise<SyncRound[]> => {
      const id = peer === undefined ? OTHER_PEER_ID : this.#peer(peer)
      return [
        {
          peer: id,
          status: 'ok',
          sent: 0,
          received: 0,
          bytesSent: 80,
          bytesReceived: 80,
          roundTrips: 1,
          durationMs: 1
        }
      ]
    },
    wait: async (target: WaitTarget): Promise<void> => {
      this.calls.push(`wait ${JSON.stringify({ ...target, signal: undefined })}`)
      if ((target.connected ?? 0) > this.peerList.length) {
        throw new NatterError('TARGET_NOT_REACHED', `connected to ${this.peerList.length}`)
      }
    },
    pause: async (): Promise<void> => void this.calls.push('pause'),
    resume: async (): Promise<void> => void this.calls.push('resume')
  }

  async status(): Promise<NodeStatus> {
    return {
      peerId: PEER_ID,
      name: 'fake <node>',
      network: 'default',
      addrs: [],
      cursor: cursorOf(this.#log.length),
      ops: this.#log.length,
      keys: this.#heads.size,
      bytes: 0,
      frontierDigest: '00',
      stateDigest: '00',
      uptimeMs: 1,
      storage: {
        kind: 'memory',
        location: null,
        durability: 'memory',
        state: this.storageState,
        freeBytes: null
      },
      paused: false,
      version: '0.1.0'
    }
  }

  async doctor(): Promise<DoctorReport> {
    const checks: DoctorReport['checks'] = [
      { name: 'version', status: 'ok', evidence: 'natter 0' },
      {
        name: 'peers',
        status: 'warn',
        evidence: 'connected to 0 of 1 known node',
        remedy: 'Wait.',
        details: {}
      }
    ]
    const leftOut = [{ name: 'directory', reason: 'the node has no directory' }]
    const at = new Date(0).toISOString()
    return {
      status: 'warn',
      at,
      peerId: PEER_ID,
      network: 'n',
      running: true,
      checks,
      leftOut,
      durationMs: 1
    }
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    this.calls.push(`verify ${JSON.stringify({ repair: options.repair })}`)
    return this.verification
  }

  async acceptProgramOps(from: string, ops: readonly unknown[]): Promise<ProgramResult> {
    if (from === PEER_ID) throw new NatterError('FROM_IS_A_PEER', 'from is the id of a peer')
    const result: ProgramResult = { ackedIds: [], rejected: [] }
    for (const op of ops as { id: string; kind: 'put' | 'del'; key: string; value?: unknown }[]) {
      try {
        if (typeof op?.id !== 'string') throw new NatterError('INVALID_ARGUMENT', 'an op needs an id')
        if (op.kind !== 'put' && op.kind !== 'del')
          throw new NatterError('INVALID_ARGUMENT', 'kind is put or del')
        await this.write([{ type: op.kind, key: op.key, value: op.value }], { id: op.id })
        result.ackedIds.push(op.id)
      } catch (error) {
        const { code, message, row } = error as NatterError
        result.rejected.push({ id: op?.id ?? null, code, error: message, retryable: row.retryable })
      }
    }
    return result
  }

  async ackFromProgram(from: string, ids: readonly string[]): Promise<void> {
    this.calls.push(`ack ${from} ${ids.join(' ')}`)
  }

  ready(): { ready: boolean; reason?: string } {
    return this.readiness
  }

  async stop(): Promise<void> {
    this.readiness = { ready: false, reason: 'stopped' }
  }

  #append(author: string, ops: readonly WriteOp[], overwrite = true): string[] {
    const seq = ++this.#seq
    return ops.map((op, index) => {
      const key = String(op.key)
      const opId = `${author}.${this.#epoch}.${seq}.${index}`
      const version: VersionInfo = {
        opId,
        kind: op.type,
        ...(op.type === 'put' ? { value: structuredClone(op.value) } : {}),
        at: new Date().toISOString(),
        hlc: seq.toString(16).padStart(16, '0'),
        author,
        winner: true
      }
      const written = { key, version, position: this.#log.length + 1 }
      this.#log.push(written)
      this.#heads.set(key, overwrite ? [written] : [...(this.#heads.get(key) ?? []), written])
      this.#written.dispatchEvent(new Event('write'))
      return opId
    })
  }

  #winner(key: string): Written | undefined {
    const head = this.#heads.get(key)?.at(-1)
    return head?.version.kind === 'del' ? undefined : head
  }

  #cellOf({ key, version }: Written): CellInfo {
    const { value, opId, at } = version
    const raw = this.rawValues.get(key)
    const conflicts = this.#heads.get(key)!.length - 1
    return raw === undefined
      ? { key, value, opId, at, conflicts }
      : { key, value: null, valueBase64: raw, opId, at, conflicts }
  }

  #receiptOf(opIds: string[], options: WriteOptions): Receipt {
    const { id, ack = 'local' } = options
    const written = this.#log.find(w => w.version.opId === opIds[0])!
    const target = ack === 'all' ? this.peerList.length : ack === 'local' ? 0 : ack
    return {
      opIds,
      ...(id === undefined ? {} : { id }),
      cursor: cursorOf(written.position),
      at: written.version.at,
      applied: true,
      acks: this.acks,
      missing: this.peerList
        .map(peer => peer.peer)
        .filter(peer => !this.acks.some(known => known.peer === peer)),
      reached: this.acks.length >= target,
      wait: async (n, { timeout = 30_000, signal } = {}) => {
        const now = () => this.#receiptOf(opIds, { ...options, ack: n })
        if (now().reached) return now()
        await new Promise<void>((resolve, reject) => {
          setTimeout(resolve, timeout).unref()
          signal?.addEventListener('abort', () => reject(new NatterError('ABORTED', 'given up')))
        })
        return now()
      }
    }
  }

  #peer(text: string): string {
    const found = this.peerList.filter(peer => peer.peer.startsWith(text) || peer.name === text)
    if (found.length === 0) throw new NatterError('UNKNOWN_PEER', `no such peer: ${text}`)
    if (found.length > 1) throw new NatterError('AMBIGUOUS_PEER', `more than one peer fits: ${text}`)
    return found[0]!.peer
  }
}

function cursorOf(position: number): string {
  return `${STORE_ID}.${position}`
}

function positionOf(cursor: string): number {
  const match = /^([0-9a-f]{16})\.([0-9]+)$/.exec(cursor)
  if (match === null) throw new NatterError('INVALID_CURSOR', `not a cursor: ${cursor}`)
  if (match[1] !== STORE_ID) throw new NatterError('CURSOR_FOREIGN', 'the cursor is of another node')
  return Number(match[2])
}

export function peerInfo(over: Partial<PeerInfo> = {}): PeerInfo {
  return {
    peer: OTHER_PEER_ID,
    name: 'shop',
    state: 'current',
    addrs: ['/ip4/127.0.0.1/tcp/4001'],
    rttMs: 1,
    theyLack: { ops: 0, bytes: 0, oldestMs: 0 },
    weLack: { ops: 0, bytes: 0, oldestMs: 0 },
    lastContactAt: new Date(0).toISOString(),
    lastSyncAt: null,
    successfulSyncs: 1,
    failedSyncs: 0,
    consecutiveFailures: 0,
    bytesSent: 0,
    bytesReceived: 0,
    circuit: 'closed',
    app: null,
    capabilities: [],
    ...over
  }
}
