/** Nothing is told twice: after the first HEADS of a stream, one without tips says a position that is news. */
import type { Checker } from '../world.js'
import { broken } from './broken.js'
import { nodeOf } from './ledger.js'

const name = 'nothing is told twice'

export function economy(): Checker {
  /** By stream and speaker, the position it told last; undefined before its first HEADS. */
  const told = new Map<string, number>()
  return {
    name,
    onEvent(event, world) {
      if (event.type !== 'sent' || !nodeOf(world, event.node).honest) return
      const { message } = event
      if (message?.type !== 'heads' && message?.type !== 'run') return
      const end = `${event.stream}/${event.node}`
      const before = told.get(end)
      const position = message.position?.position
      if (
        message.type === 'heads' &&
        message.tips.length === 0 &&
        before !== undefined &&
        position !== undefined
      ) {
        if (position <= before) broken(name, `${event.node} tells ${event.other} position ${position} again`)
      }
      if (position !== undefined && (message.type === 'heads' || before !== undefined))
        told.set(end, position)
    }
  }
}
