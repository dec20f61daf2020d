/** Who of the known nodes is connected, and why the others are not: who refuses whom, failed dials, circuit breakers. */
import type { Author } from '../../log/index.js'
import { peerIdOf } from '../../log/index.js'
import type { Check, OnNetwork, Patient } from './check.js'
import {
  called,
  counted,
  detailed,
  fail,
  fullMeshNodes,
  isoOf,
  ok,
  onNetwork,
  span,
  warn,
  withCases
} from './check.js'
import type { Refusal } from './notes.js'

/** A refusal is told about once a minute while it goes on: one that was not told of for so long is over. */
const ongoingMs = 150_000

export const peerChecks: readonly Check[] = [
  { name: 'peers', needs: 'network', look: lookAtPeers },
  { name: 'refusals', needs: 'network', look: lookAtRefusals },
  {
    name: 'circuits',
    needs: 'network',
    look(patient) {
      const { node, here } = onNetwork(patient)
      const open = node.book
        .shown()
        .map(peer => ({ peer, circuit: here.net.circuit(peer) }))
        .filter(({ circuit }) => circuit !== 'closed')
      const details = { open: open.map(({ peer, circuit }) => ({ peer: peerIdOf(peer), circuit })) }
      if (open.length === 0) return ok('no peer broke the protocol too often', details)
      return warn(
        withCases(
          `${counted(open.length, 'peer')} broke the protocol too often and is left alone for a while`,
          open.map(({ peer, circuit }) => {
            const reason = here.engine.standing(peer).lastError
            return `${called(peer, node.book)}: circuit ${circuit}${reason === null ? '' : `, ${reason}`}`
          })
        ),
        'See which natter runs there, and upgrade the older one.',
        details
      )
    }
  }
]

interface Absent {
  readonly peer: Author
  readonly why: string
  readonly blocked: boolean
  readonly lastContactMs: number | null
  readonly nextTryAtMs: number | null
}

function absentPeer({ node, here }: OnNetwork, peer: Author): Absent {
  const dial = here.net.dialState(peer)
  const record = node.book.record(peer)
  const standing = here.engine.standing(peer)
  const blocked = record?.blocked === true
  const why = blocked
    ? 'blocked here'
    : (dial?.lastError ?? standing.lastError ?? (dial === undefined ? 'not dialled' : 'no answer yet'))
  return {
    peer,
    why,
    blocked,
    lastContactMs: standing.lastContactAtMs ?? (record?.ackedAtMs || null),
    nextTryAtMs: blocked ? null : (dial?.nextTryAtMs ?? null)
  }
}

function lookAtPeers(patient: Patient) {
  const on = onNetwork(patient)
  const { node, here } = on
  const now = patient.clock.now()
  const connected = new Set(here.net.connected().map(({ peer }) => peer))
  const shown = node.book.shown()
  const absent = shown.filter(peer => !connected.has(peer)).map(peer => absentPeer(on, peer))
  const lacking = absent.filter(({ blocked }) => !blocked)
  const { unanswered } = here.net.health()
  const silent = unanswered.filter(({ failures }) => failures > 0)
  const details = {
    known: shown.length,
    connected: connected.size,
    notConnected: absent.slice(0, detailed).map(({ peer, why, lastContactMs, nextTryAtMs }) => ({
      peer: peerIdOf(peer),
      name: node.book.name(peer),
      reason: why,
      lastContactAt: lastContactMs === null ? null : isoOf(lastContactMs),
      nextTryAt: nextTryAtMs === null ? null : isoOf(nextTryAtMs)
    })),
    unanswered: silent.map(({ addr, lastError, nextTryAtMs }) => ({
      addr,
      reason: lastError,
      nextTryAt: nextTryAtMs === null ? null : isoOf(nextTryAtMs)
    }))
  }
  const cases = [
    ...absent.map(one => {
      const contact =
        one.lastContactMs === null
          ? 'never met'
          : `last contact ${span(Math.max(0, now - one.lastContactMs))} ago`
      return `${called(one.peer, node.book)}: ${one.why}; ${contact}${nextTry(one.nextTryAtMs, now)}`
    }),
    ...silent.map(one => `${one.addr}: ${one.lastError ?? 'no answer'}${nextTry(one.nextTryAtMs, now)}`)
  ]
  const evidence = withCases(
    `connected to ${connected.size} of ${counted(shown.length, 'known node')}`,
    cases
  )
  if (shown.length === 0 && silent.length === 0) {
    return ok(
      'no other node is known: join with natter up --join INVITE, or natter connect MULTIADDR',
      details
    )
  }
  // Of a large network each node is connected to a few.
  const isLarge = shown.length > fullMeshNodes && connected.size > 0
  if (silent.length === 0 && (lacking.length === 0 || isLarge)) return ok(evidence, details)
  return warn(
    evidence,
    connected.size === 0 && shown.length > 0
      ? 'See that this machine has a network and that those nodes run; the node goes on dialling by itself.'
      : 'See that those nodes run and can be reached; what will not come back is let go with: natter forget PEER',
    details
  )
}

function nextTry(atMs: number | null, now: number): string {
  return atMs === null ? '' : `, next try in ${span(Math.max(0, atMs - now))}`
}

function lookAtRefusals(patient: Patient) {
  const { node, here } = onNetwork(patient)
  const { notes, clock, store } = patient
  const now = clock.now()
  const connected = new Set(here.net.connected().map(({ peer }) => peer))
  const going = [...notes.refusals.values()].filter(({ peer, lastAtMs }) => {
    if (peer !== undefined && connected.has(peer)) return false
    return now - lastAtMs < ongoingMs
  })
  const details = {
    refusals: going.map(({ peer, reason, addr, by, firstAtMs, lastAtMs }) => ({
      peer: peer === undefined ? null : peerIdOf(peer),
      name: peer === undefined ? null : node.book.name(peer),
      addr: addr ?? null,
      by: by ?? null,
      reason,
      firstAt: isoOf(firstAtMs),
      lastAt: isoOf(lastAtMs)
    }))
  }
  if (going.length === 0) return ok('nobody is refused, and nobody refuses this node', details)
  const cases = going.map(refusal => {
    const { peer, reason, addr, lastAtMs } = refusal
    const who = peer === undefined ? `somebody at ${addr ?? 'an unknown address'}` : called(peer, node.book)
    return `${sentenceOf(refusal, who)}: ${reason} (${span(now - lastAtMs)} ago)`
  })
  if (going.some(({ peer }) => peer === store.author)) {
    return fail(
      withCases('another process runs with the key of this node', cases),
      'Stop one of the two, and give it a directory of its own: a copied directory is the same node twice.',
      details
    )
  }
  return warn(
    withCases(`${counted(going.length, 'refusal')} going on`, cases),
    remedyFor(going, store.author),
    details
  )
}

function sentenceOf({ by }: Refusal, who: string): string {
  if (by === 'here') return `this node refuses ${who}`
  if (by === 'there') return `${who} refuses this node`
  return `this node and ${who} do not understand each other`
}

function remedyFor(refusals: readonly Refusal[], self: Author): string {
  const remedies = new Set<string>()
  for (const { by, reason, peer } of refusals) {
    const id = peer === undefined ? 'PEER' : peerIdOf(peer)
    if (by === 'keys')
      remedies.add('Join all nodes by one invite line: natter invite, then natter up --join there.')
    else if (by === 'there') remedies.add(`Have this node allowed there: natter up --allow ${peerIdOf(self)}`)
    else if (/blocked/.test(reason)) remedies.add(`Let it in again, if that is meant: natter forget ${id}`)
    else if (/allow list/.test(reason)) remedies.add(`Let it in, if that is meant: natter up --allow ${id}`)
    else if (/another network/.test(reason))
      remedies.add('Give both nodes the same network name: natter up --network N.')
    else remedies.add('See which program runs at that address.')
  }
  return [...remedies].join(' ')
}
