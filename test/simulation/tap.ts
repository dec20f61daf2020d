/** The store as the engine gets it: the real one, with what the engine asks of it told to the history. */
import type { BareHeader, Batch } from '../../src/log/index.js'
import type { PeerRecord, Store } from '../../src/store/index.js'
import type { Life } from './clock.js'
import type { Machine } from './machine.js'

export function tapStore(store: Store, machine: Machine, life: Life): Store {
  const bound = new Map<PropertyKey, unknown>()
  const watched: Partial<Store> = {
    apply: async (batches: readonly Batch[], proof: readonly BareHeader[] = []) => {
      const results = await store.apply(batches, proof)
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
  }
  return new Proxy(store, {
    get(target, name) {
      const known = bound.get(name)
      if (known !== undefined) return known
      const own = (watched as Record<PropertyKey, unknown>)[name]
      const value: unknown = own ?? Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const method: unknown = own === undefined ? value.bind(target) : value
      bound.set(name, method)
      return method
    }
  })
}
