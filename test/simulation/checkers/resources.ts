/** A process that is stopped in order leaves nothing behind: no timer, stream, iterator or snapshot. */
import type { Checker } from '../world.js'
import { broken } from './broken.js'

const name = 'nothing is left behind'

export function resources(): Checker {
  return {
    name,
    onEvent(event) {
      if (event.type !== 'life' || event.what !== 'stopped') return
      const { left = [] } = event
      if (left.length > 0) broken(name, `${event.node} stopped and left ${left.join(', ')}`)
    }
  }
}
