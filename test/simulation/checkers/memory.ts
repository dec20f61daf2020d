/**
 * Memory is bounded per peer: what one stream has in flight stays within the window that the other end gave, and what a
 * node holds back for a gap within its limits, per author and in all.
 */
import type { Limits } from '../../../src/base/index.js'
import type { Framed } from '../history.js'
import type { Checker, SimNode } from '../world.js'
import { broken } from './broken.js'
import { nodeOf } from './ledger.js'

const name = 'bounded memory'

/** Peers and authors that are looked at: a run has fewer. */
const listed = 64

export function memory(): Checker {
  /** By stream and sender: bytes that it may send still. */
  const windows = new Map<string, number>()
  /** Nodes that just held something back. */
  const parking = new Set<string>()

  const sent = (event: Framed): void => {
    const { message, bytes, stream, node } = event
    // A part of a large batch carries no message; both it and a RUN count against the window.
    if (message !== undefined && message.type !== 'run') return
    const end = `${stream}/${node}`
    const left = windows.get(end) ?? 0
    if (left <= 0) broken(name, `${node} sends ${bytes} bytes to ${event.other} and has no window`)
    windows.set(end, left - bytes)
  }

  const received = ({ message, stream, node }: Framed): void => {
    const end = `${stream}/${node}`
    if (message?.type === 'hello') windows.set(end, (windows.get(end) ?? 0) + message.window)
    if (message?.type === 'credit') windows.set(end, (windows.get(end) ?? 0) + message.bytes)
  }

  return {
    name,
    onEvent(event, world) {
      if (event.type === 'apply' && event.results.some(({ status }) => status === 'missing')) {
        parking.add(event.node)
      }
      if (event.type === 'received') received(event)
      else if (event.type === 'sent' && nodeOf(world, event.node).honest) sent(event)
    },
    afterEvent(world) {
      for (const node of parking) checkParked(nodeOf(world, node), world.limits)
      parking.clear()
    }
  }
}

function checkParked({ name: node, engine }: SimNode, limits: Limits): void {
  const parked = engine?.health(listed).waiting.parked
  if (parked === undefined) return
  const { neighbours, parkedBytesPerPeer, parkedBatchesPerAuthor } = limits
  if (parked.bytes > neighbours * parkedBytesPerPeer) broken(name, `${node} holds ${parked.bytes} bytes back`)
  for (const { author, bytes } of parked.from) {
    if (bytes > parkedBytesPerPeer) broken(name, `${node} holds ${bytes} bytes of ${author.slice(0, 6)} back`)
  }
  for (const { author, batches } of parked.by) {
    if (batches > parkedBatchesPerAuthor) {
      broken(name, `${node} holds ${batches} batches by ${author.slice(0, 6)} back`)
    }
  }
}
