/** What a node shows of its peers and of what it owes them: sync state, lag, outboxes. Reads only. */

import type { Clock, OutboxInfo, OutboxOp, PeerInfo } from '../base/index.js'
import type { SessionInfo } from '../engine/index.js'
import type { Author, Tip } from '../log/index.js'
import { formatOpId, kindName, peerIdOf, shortId } from '../log/index.js'
import type { ConnectedPeer } from '../net/index.js'
import type { LoggedOp, Store } from '../store/index.js'
import { formatCursor } from './feed.js'
import type { Membership, PeerBook } from './peer-book.js'
import { keyText, timeText } from './values.js'

export interface ViewComponents {
  readonly store: Store
  readonly book: PeerBook
  readonly membership: () => Membership | undefined
  readonly clock: Clock
}

type Presences = ReturnType<PeerBook['presences']>

export async function peerInfos(components: ViewComponents): Promise<PeerInfo[]> {
  const connected = new Map(
    components
      .membership()
      ?.net.connected()
      .map(one => [one.peer, one])
  )
  const presences = components.book.presences()
  const shown = components.book.shown()
  return Promise.all(shown.map(peer => peerInfo(components, peer, connected.get(peer), presences)))
}

async function peerInfo(
  { book, membership }: ViewComponents,
  peer: Author,
  connection: ConnectedPeer | undefined,
  presences: Presences
): Promise<PeerInfo> {
  const here = membership()
  const session = await here?.engine.session(peer)
  const presence = presences.get(peer)
  const record = book.record(peer)
  const dial = here?.net.dialState(peer)
  const blocked = record?.blocked === true
  const state = blocked ? 'blocked' : (session?.state ?? 'offline')
  // Why the last stream ended is old news as soon as a dial has failed since.
  const reason = (connection === undefined ? dial?.lastError : undefined) ?? session?.reason
  const info: PeerInfo = {
    peer: peerIdOf(peer),
    name: book.name(peer, presences),
    state,
    addrs: [...(presence?.addrs ?? connection?.addrs ?? record?.addrs ?? [])],
    rttMs: connection?.rttMs ?? null,
    theyLack: session?.theyLack ?? 'unknown',
    weLack: session?.weLack ?? 'unknown',
    // A network side that was opened anew has met nobody yet: the last ack is kept on disk.
    lastContactAt: isoOrNull(session?.lastContactAtMs ?? record?.ackedAtMs),
    lastSyncAt: isoOrNull(session?.lastSyncAtMs),
    successfulSyncs: session?.successfulSyncs ?? 0,
    failedSyncs: session?.failedSyncs ?? 0,
    consecutiveFailures: session?.consecutiveFailures ?? 0,
    bytesSent: session?.bytesSent ?? 0,
    bytesReceived: session?.bytesReceived ?? 0,
    circuit: here?.net.circuit(peer) ?? 'closed',
    app: presence === undefined ? null : { name: presence.appName, version: presence.appVersion },
    capabilities: [...(presence?.capabilities ?? [])]
  }
  if (reason !== undefined && state !== 'current') info.reason = reason
  return info
}

function isoOrNull(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined || ms === 0 ? null : new Date(ms).toISOString()
}

/** The outboxes of all known nodes and of the programs that acknowledge over HTTP. */
export async function outboxInfos(components: ViewComponents): Promise<OutboxInfo[]> {
  const { store, book } = components
  const presences = book.presences()
  const boxes = book.known().map(peer => nodeOutbox(components, peer, presences))
  for (const [name, record] of store.peers()) {
    if (record.kind === 'program') boxes.push(programOutbox(components, name, record.acked))
  }
  return Promise.all(boxes)
}

async function nodeOutbox(
  { store, book, membership }: ViewComponents,
  peer: Author,
  presences: Presences
): Promise<OutboxInfo> {
  const here = membership()
  const acked = book.record(peer)?.acked ?? 0
  const session: SessionInfo | undefined = await here?.engine.session(peer)
  const dial = here?.net.dialState(peer)
  const connected = here?.net.connected().some(candidate => candidate.peer === peer) === true
  const lag = await store.backlog(acked, tip => holdsTip(book, peer, tip))
  return {
    peer: peerIdOf(peer),
    name: book.name(peer, presences),
    position: formatCursor(store, acked),
    ...lag,
    lastError: (connected ? undefined : dial?.lastError) ?? session?.lastError ?? null,
    nextTryAt: isoOrNull(dial?.nextTryAtMs)
  }
}

/** Whether a peer is known to have a batch that lies above its acknowledged position: because it has shown it. */
export function holdsTip(book: PeerBook, peer: Author, tip: Tip): boolean {
  return tip.author === peer || book.holds(peer, tip, Number.MAX_SAFE_INTEGER) !== undefined
}

async function programOutbox(
  { store, clock }: ViewComponents,
  name: string,
  acked: number
): Promise<OutboxInfo> {
  let ops = 0
  let bytes = 0
  let oldestMs = 0
  for await (const op of undelivered(store, name, acked)) {
    ops++
    bytes += op.key.length + (op.value?.length ?? 0)
    if (ops === 1) oldestMs = Math.max(0, clock.now() - op.time.ms)
  }
  return {
    peer: name,
    name,
    position: formatCursor(store, acked),
    ops,
    bytes,
    oldestMs,
    lastError: null,
    nextTryAt: null
  }
}

async function* undelivered(store: Store, from: string, acked: number): AsyncGenerator<LoggedOp> {
  for await (const op of store.replay(acked)) if (!(await store.programHas(from, op.name))) yield op
}

/** The ops that a peer or program has not acknowledged, oldest arrival first. */
export async function* outboxOps(
  { store, book }: ViewComponents,
  owner: { readonly peer: Author } | { readonly program: string },
  limit: number
): AsyncGenerator<OutboxOp> {
  const ops =
    'program' in owner
      ? undelivered(store, owner.program, store.peer(owner.program)?.acked ?? 0)
      : lackedBy(store, book, owner.peer)
  let count = 0
  for await (const op of ops) {
    if (count++ >= limit) return
    yield { opId: formatOpId(op.name), kind: kindName(op.kind), key: keyText(op.key), at: timeText(op.time) }
  }
}

async function* lackedBy(store: Store, book: PeerBook, peer: Author): AsyncGenerator<LoggedOp> {
  for await (const op of store.replay(book.record(peer)?.acked ?? 0)) {
    const { author, epoch, seq } = op.name
    if (!holdsTip(book, peer, { author, epoch, seq, id: shortId(op.batch) })) yield op
  }
}
