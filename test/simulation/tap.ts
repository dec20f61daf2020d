/** The store as the engine gets it: the real one, with what the engine asks of it told to the history. */
import { isNatterError } from '../../src/base/index.js'
import type { BareHeader, Batch } from '../../src/log/index.js'
import type { PeerRecord, Store } from '../../src/store/index.js'
import type { Life } from './clock.js'
import type { Machine } from './machine.js'

export function tapStore(store: Store, machine: Machine, life: Life): Store {
  const tapped = passedOn(store)
  return Object.assign(tapped, {
    apply: async (batches: readonly Batch[], proof: readonly BareHeader[] = []) => {
      const results = await store.apply(batches, proof).catch((error: unknown) => {
        // A batch that somebody signed is no fault of this program, whatever is in it.
        const text = error instanceof Error ? error.stack : String(error)
        if (life.alive && !isNatterError(error))
          machine.ground.broken('errors come from the table', `${machine.name}: ${text}`)
        throw error
      })
      machine.tell({ type: 'apply', batches, proof, results }, life)
      return results
    },
    savePeer: (peer: string, record: PeerRecord) => {
      const before = store.peer(peer)
      store.savePeer(peer, record)
      machine.tell({ type: 'peer', peer, before, record }, life)
    },
    tipsSince: (position: number) => {
      if (position === 0 && store.mark.position > 0) machine.ground.sometimes('full heads compared')
      return store.tipsSince(position)
    }
  } satisfies Partial<Store>)
}

/** An object that passes every call and every look on: an inherited one could not reach private members. */
function passedOn(store: Store): Store {
  const copy = {}
  for (const name of [...Object.getOwnPropertyNames(store), ...namesOf(store)]) {
    const value: unknown = Reflect.get(store, name)
    const isMethod = typeof value === 'function'
    Object.defineProperty(
      copy,
      name,
      isMethod
        ? { value: value.bind(store), writable: true, configurable: true }
        : { get: () => Reflect.get(store, name), configurable: true }
    )
  }
  return copy as Store
}

function namesOf(store: Store): string[] {
  const prototype: unknown = Object.getPrototypeOf(store)
  return Object.getOwnPropertyNames(prototype).filter(name => name !== 'constructor')
}
