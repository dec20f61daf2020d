/**
 * Done exactly once, nothing lost: what an outbox promises of every operation that it acknowledged.
 *
 * 1 No call goes out before its claim is on disk. 2 None goes out while another of the same operation is under way.
 * 3 None goes out after the end of the operation was told. 4 Ordered operations of a target are called for the first time
 * in the order of the log. 5 At the end every acknowledged operation is final; one that is done was taken in by the
 * receiver, and one that was given up was refused by it.
 */
import { broken } from './broken.js'

export type DeliveryEvent = { readonly id: string } & (
  | { readonly type: 'acknowledged' }
  /** `claimed`: whether a process that starts now would find this attempt claimed. */
  | { readonly type: 'call'; readonly attempt: number; readonly claimed: boolean }
  /** The engine has heard how the call ended, has given it up, or is dead. */
  | { readonly type: 'call-over' }
  | { readonly type: 'received'; readonly answer: 'taken' | 'busy' | 'refused' }
  | { readonly type: 'told'; readonly what: 'sent' | 'gave-up' }
  /** As the outbox shows it when everything is healed and quiet; `queue`: the target of an ordered one. */
  | {
      readonly type: 'found'
      readonly status: string | undefined
      readonly queue?: string | undefined
      readonly position?: number | undefined
    }
)

const PROPERTY = 'done exactly once, nothing lost'

class Seen {
  acknowledged = false
  underWay = false
  told = false
  taken = false
  refused = false
  status: string | undefined
  queue: string | undefined
  position = 0
}

export class DeliveryChecker {
  readonly #seen = new Map<string, Seen>()
  /** In the order of their first calls. */
  readonly #called = new Set<string>()

  take(event: DeliveryEvent): void {
    const seen = this.#of(event.id)
    switch (event.type) {
      case 'acknowledged':
        seen.acknowledged = true
        return
      case 'call':
        this.#take(event, seen)
        return
      case 'call-over':
        seen.underWay = false
        return
      case 'received':
        if (event.answer === 'taken') seen.taken = true
        if (event.answer === 'refused') seen.refused = true
        return
      case 'told':
        seen.told = true
        return
      case 'found':
        seen.status = event.status
        seen.queue = event.queue
        seen.position = event.position ?? 0
    }
  }

  atEnd(): void {
    for (const [id, { acknowledged, status, taken, refused }] of this.#seen) {
      if (!acknowledged) continue
      if ((status === 'done' && taken) || (status === 'permanent-failed' && refused)) continue
      broken(PROPERTY, `${id} was acknowledged and ends as ${status}, taken: ${taken}, refused: ${refused}`)
    }
    const newest = new Map<string, number>()
    for (const id of this.#called) {
      const { queue, position } = this.#of(id)
      if (queue === undefined) continue
      if (position < (newest.get(queue) ?? 0))
        broken(PROPERTY, `${id} was sent after a later one of ${queue}`)
      newest.set(queue, position)
    }
  }

  #take({ id, attempt, claimed }: DeliveryEvent & { type: 'call' }, seen: Seen): void {
    if (!claimed) broken(PROPERTY, `${id} is sent and attempt ${attempt} is not claimed on disk`)
    if (seen.underWay) broken(PROPERTY, `${id} is sent while it is being sent`)
    if (seen.told) broken(PROPERTY, `${id} is sent again after its end was told`)
    seen.underWay = true
    this.#called.add(id)
  }

  #of(id: string): Seen {
    let seen = this.#seen.get(id)
    if (seen === undefined) {
      seen = new Seen()
      this.#seen.set(id, seen)
    }
    return seen
  }
}
