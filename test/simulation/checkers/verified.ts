/**
 * In the end everything on disk is what the log says: records that no read has shown yet, indexes that only a repair reads,
 * lists that only the next process does. A node that was dealt a flip mends or reports it, and is judged by that.
 */
import type { Checker } from '../world.js'
import { broken } from './broken.js'

const name = 'what stands follows from the log'

export function verified(): Checker {
  return {
    name,
    async atEnd(world) {
      for (const { name: node, running, store, flipped } of world.nodes) {
        if (!running || store === undefined || flipped.size > 0) continue
        const { damage } = await store.verify()
        const [first] = damage
        if (first !== undefined) broken(name, `${node}: ${first.where}: ${first.what}`)
      }
    }
  }
}
