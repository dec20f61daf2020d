/** Steering of replication by hand: rounds now, waiting for the network, leaving it and coming back. */

import type { Clock, SyncRound, WaitOptions, WaitTarget } from '../base/index.js'
import { NatterError } from '../base/index.js'
import type { Author } from '../log/index.js'
import type { Store } from '../store/index.js'
import { parseCursor } from './feed.js'
import type { MemberSide } from './member-side.js'
import type { Membership, PeerBook } from './peer-book.js'
import { DEFAULT_WAIT_MS } from './receipts.js'
import type { Progress } from './wait.js'
import { waitUntil } from './wait.js'

export interface SteeringComponents {
  readonly store: Store
  readonly clock: Clock
  readonly book: PeerBook
  readonly progress: Progress
  readonly side: MemberSide
}

export class Steering {
  readonly #parts: SteeringComponents

  constructor(parts: SteeringComponents) {
    this.#parts = parts
  }

  /** A round with one peer, or with every connected one. */
  async now(peer?: string, options: WaitOptions = {}): Promise<SyncRound[]> {
    const { book, side } = this.#parts
    const { engine, net } = side.required()
    const peers =
      peer === undefined ? net.connected().map(connected => connected.peer) : [book.findKnown(peer)]
    return Promise.all(peers.map(candidate => engine.syncNow(candidate, options)))
  }

  /** Resolves when every part of the target holds; `TARGET_NOT_REACHED` at the deadline. */
  async wait(target: WaitTarget): Promise<void> {
    checkTarget(target)
    const { clock, progress } = this.#parts
    const init = { clock, progress, timeoutMs: target.timeout ?? DEFAULT_WAIT_MS, signal: target.signal }
    const position = target.cursor === undefined ? undefined : this.#positionOf(target.cursor)
    if (!(await waitUntil(() => this.#holds(target, position), init))) {
      throw new NatterError('TARGET_NOT_REACHED', 'the target was not reached in time', {
        remedy: 'See where the node stands with: natter peers'
      })
    }
  }

  /** The position of a cursor of this store, which may lie ahead of it. */
  #positionOf(cursor: string): number {
    const { store } = this.#parts
    const ahead = /^([0-9a-f]{16})\.([0-9]{1,15})$/.exec(cursor)
    return ahead?.[1] === store.storeId ? Number(ahead[2]) : parseCursor(store, cursor).position
  }

  async #holds(target: WaitTarget, position: number | undefined): Promise<boolean> {
    const { store, side } = this.#parts
    if (position !== undefined && store.mark.position < position) return false
    const { connected, acked, inSync } = target
    if (connected !== undefined && (side.membership?.net.connected().length ?? 0) < connected) return false
    if (acked !== undefined && (await this.#ackedBy()) < acked) return false
    if (inSync === true) {
      const here = side.membership
      if (here === undefined) return false
      return this.#isInSync(here)
    }
    return true
  }

  /** No difference to any connected peer that is a neighbour: the others are in sync through these. */
  async #isInSync({ net, engine }: Membership): Promise<boolean> {
    let neighbours = 0
    for (const { peer } of net.connected()) {
      if (engine.inSync(peer)) neighbours++
      else if ((await engine.session(peer)).state !== 'unknown') return false
    }
    return neighbours > 0
  }

  /** How many nodes have everything that was written here. */
  async #ackedBy(): Promise<number> {
    const { store, book } = this.#parts
    const own = store.frontier.of(store.author)
    const places = await Promise.all(
      own.map(async tip => ({ tip, position: (await store.positionOf(tip)) ?? 0 }))
    )
    const hasAll = (peer: Author) =>
      places.every(place => book.holds(peer, place.tip, place.position) !== undefined)
    return book.counted().filter(hasAll).length
  }

  pause(): Promise<void> {
    return this.#parts.side.pause()
  }

  resume(): Promise<void> {
    return this.#parts.side.resume()
  }
}

function checkTarget({ connected, acked, inSync, cursor }: WaitTarget): void {
  for (const count of [connected, acked]) {
    if (count !== undefined && !(Number.isInteger(count) && count >= 0)) {
      throw new NatterError('INVALID_ARGUMENT', 'connected and acked must be numbers of nodes')
    }
  }
  if (connected === undefined && acked === undefined && inSync === undefined && cursor === undefined) {
    throw new NatterError('INVALID_ARGUMENT', 'nothing to wait for: give connected, acked, inSync or cursor')
  }
}
