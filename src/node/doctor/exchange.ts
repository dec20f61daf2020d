/** The exchange with peers: streams and gossip, what each side lacks and whether that grows. */
import type { Author } from '../../log/index.js'
import { peerIdOf, shortId } from '../../log/index.js'
import { holdsTip } from '../views.js'
import type { Check, OnNetwork, Patient } from './check.js'
import {
  called,
  counted,
  detailed,
  fullMeshNodes,
  isoOf,
  ok,
  onNetwork,
  span,
  warn,
  withCases
} from './check.js'

/** What a connected peer has not acknowledged for so long is no matter of a moment. */
const lateMs = 60_000
/** A node that was not heard of for so long may not come back, and `ack: 'all'` waits for it. */
const goneMs = 86_400_000
/** Milliseconds after which no further peer's backlog is read from disk. */
const readingMs = 400

export const exchangeChecks: readonly Check[] = [
  {
    name: 'streams',
    needs: 'network',
    look(patient) {
      const { node, here } = onNetwork(patient)
      const { open, streams, opening, choked } = here.engine.health(0)
      const { gossip } = here.net.health()
      const connected = here.net.connected().map(({ peer }) => peer)
      const details = {
        open,
        connected: connected.length,
        streams: streams.map(peerIdOf),
        opening: opening.map(peerIdOf),
        choked: choked.map(peerIdOf),
        gossip: gossip?.map(peerIdOf) ?? null
      }
      if (!open) {
        return warn(
          'nothing is exchanged with peers while the store takes no writes',
          'See the check storage; the exchange resumes with it.',
          details
        )
      }
      // Of a large network only neighbours have streams.
      const wanting = node.book.shown().length > fullMeshNodes && streams.length > 0 ? [] : connected
      const silent = wanting.filter(
        peer => !streams.includes(peer) && here.engine.standing(peer).lastError !== null
      )
      const cases = [
        ...choked.map(peer => `${called(peer, node.book)} takes nothing at the moment`),
        ...silent.map(
          peer => `${called(peer, node.book)}: no stream, ${here.engine.standing(peer).lastError}`
        )
      ]
      const spread = gossip === undefined ? 'gossip is off' : `gossip with ${gossip.length}`
      const evidence = withCases(
        `${counted(streams.length, 'stream')} with ${counted(connected.length, 'connected node')}; ${spread}`,
        cases
      )
      if (cases.length === 0) return ok(evidence, details)
      return warn(
        evidence,
        'See that those nodes are not stopped or overloaded; the node opens streams again by itself.',
        details
      )
    }
  },
  { name: 'lag', needs: 'network', look: lookAtLag }
]

interface PeerLag {
  readonly peer: Author
  readonly connected: boolean
  readonly theyLack: { ops: number; bytes: number; oldestMs: number } | { batches: number } | 'nothing'
  readonly weLack: 'nothing' | 'unknown'
  readonly grows: string | undefined
  readonly silentMs: number | null
}

async function lagOf(on: OnNetwork, patient: Patient, peer: Author, untilMs: number): Promise<PeerLag> {
  const { store, clock, lags } = patient
  const { node, here } = on
  const standing = here.engine.standing(peer)
  const record = node.book.record(peer)
  const acked = record?.acked ?? 0
  const heardMs = standing.lastContactAtMs ?? (record?.ackedAtMs || null)
  const weLack = standing.weLack === 'unknown' ? 'unknown' : 'nothing'
  const silentMs = heardMs === null ? null : Math.max(0, clock.now() - heardMs)
  const connected = here.net.connected().some(other => other.peer === peer)
  const base = { peer, connected, weLack, silentMs } as const
  if (here.engine.inSync(peer) || acked >= store.mark.position)
    return { ...base, theyLack: 'nothing', grows: undefined }
  if (clock.now() > untilMs)
    return { ...base, theyLack: { batches: store.mark.position - acked }, grows: undefined }
  const theyLack = await store.survey().owed(acked, ({ header, id }) => {
    const { author, epoch, seq } = header
    return holdsTip(node.book, peer, { author, epoch, seq, id: shortId(id) })
  })
  if (theyLack.ops === 0) return { ...base, theyLack: 'nothing', grows: undefined }
  const now = { ops: theyLack.ops, acked, atMs: clock.now() }
  const before = lags.look(peer, now)
  const grows =
    before !== undefined && before.ops < now.ops && before.acked === acked
      ? `grew from ${before.ops} in ${span(now.atMs - before.atMs)}`
      : undefined
  return { ...base, theyLack, grows }
}

async function lookAtLag(patient: Patient) {
  const on = onNetwork(patient)
  const { node } = on
  const { clock, lags } = patient
  const peers = node.book.counted()
  lags.keepOnly(peers)
  const untilMs = clock.now() + readingMs
  const all: PeerLag[] = []
  for (const peer of peers) all.push(await lagOf(on, patient, peer, untilMs))
  const behind = all.filter(({ theyLack }) => theyLack !== 'nothing')
  const unknown = all.filter(({ connected, weLack }) => connected && weLack === 'unknown')
  const details = {
    peers: all.slice(0, detailed).map(({ peer, connected, theyLack, weLack, grows, silentMs }) => ({
      peer: peerIdOf(peer),
      name: node.book.name(peer),
      connected,
      theyLack: theyLack === 'nothing' ? { ops: 0, bytes: 0, oldestMs: 0 } : theyLack,
      weLack: weLack === 'nothing' ? { ops: 0, bytes: 0, oldestMs: 0 } : weLack,
      grows: grows !== undefined,
      lastContactAt: silentMs === null ? null : isoOf(clock.now() - silentMs)
    }))
  }
  if (peers.length === 0) return ok('no other node is known', details)
  const cases = [
    ...behind.map(one => `${called(one.peer, node.book)} lacks ${describe(one)}`),
    ...unknown.map(({ peer }) => `${called(peer, node.book)} has something that is not here yet`)
  ]
  const current = all.length - behind.length
  const evidence = withCases(`${current} of ${counted(all.length, 'node')} acknowledged everything`, cases)
  const stuck = behind.filter(isStuck)
  const gone = behind.filter(({ connected, silentMs }) => !connected && (silentMs ?? 0) > goneMs)
  if (stuck.length > 0) {
    return warn(
      evidence,
      'Try a round and see what comes of it: natter sync PEER; then look at that node with natter doctor.',
      details
    )
  }
  if (gone.length > 0) {
    return warn(
      evidence,
      `If it does not come back, let it go, so that nobody waits for it: natter forget ${peerIdOf(gone[0]!.peer)}`,
      details
    )
  }
  return ok(evidence, details)
}

function isStuck({ connected, theyLack, grows }: PeerLag): boolean {
  if (!connected || theyLack === 'nothing') return false
  return grows !== undefined || ('oldestMs' in theyLack && theyLack.oldestMs > lateMs)
}

function describe({ connected, theyLack, grows }: PeerLag): string {
  const away = connected ? '' : ', and is not connected'
  if (theyLack === 'nothing') return `nothing${away}`
  if ('batches' in theyLack) return `up to ${counted(theyLack.batches, 'batch', 'batches')}${away}`
  const tendency = grows === undefined ? '' : `, ${grows}`
  return `${counted(theyLack.ops, 'op')}, the oldest for ${span(theyLack.oldestMs)}${tendency}${away}`
}
