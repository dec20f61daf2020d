/** The clock of this node, and those of others as far as the times in their batches show. */
import { authorOfPeerId, peerIdOf } from '../../log/index.js'
import type { Check } from './check.js'
import { called, counted, isoOf, ok, span, warn, withCases } from './check.js'

/** Authors whose newest batch is looked at: those that wrote last. */
const authorsLookedAt = 64

export const clockChecks: readonly Check[] = [
  {
    name: 'clock',
    needs: 'store',
    look({ store, clock, limits }) {
      const aheadMs = store.survey().time.ms - clock.now()
      const details = {
        now: isoOf(clock.now()),
        usedAheadMs: Math.max(0, aheadMs),
        allowedMs: limits.clockDriftMs
      }
      if (aheadMs <= limits.clockDriftMs) {
        const dragged = aheadMs > 1000 ? `, ${span(aheadMs)} behind the newest time taken over here` : ''
        return ok(`this node's clock says ${isoOf(clock.now())}${dragged}`, details)
      }
      return warn(
        `this node's clock says ${isoOf(clock.now())}, ${span(aheadMs)} before times that it has used already: it was set back, or was wrong before`,
        'Set the clock right (timedatectl, chronyd). Nothing is lost: among writes that had not seen each other the later time wins.',
        details
      )
    }
  },
  {
    name: 'peer-clocks',
    needs: 'store',
    async look({ store, notes, limits, node }) {
      const readings = await store.survey().clocks(authorsLookedAt)
      const ahead = new Map<string, number>()
      for (const [author, note] of notes.ahead) ahead.set(author, note.aheadMs)
      for (const { author, aheadMs } of readings) {
        if (aheadMs > limits.clockDriftMs) ahead.set(peerIdOf(author), aheadMs)
      }
      const details = {
        allowedMs: limits.clockDriftMs,
        newest: readings.map(({ author, aheadMs, arrivedMs }) => ({
          author: peerIdOf(author),
          aheadMs,
          arrivedAt: isoOf(arrivedMs)
        })),
        ahead: [...ahead].map(([author, aheadMs]) => ({ author, aheadMs }))
      }
      if (ahead.size === 0) {
        const most = Math.max(0, ...readings.map(({ aheadMs }) => aheadMs))
        const evidence =
          readings.length === 0
            ? 'no batch of another node has come yet'
            : `the newest batches of ${counted(readings.length, 'author')} came from at most ${span(most)} ahead`
        return ok(evidence, details)
      }
      const cases = [...ahead].map(([id, aheadMs]) => {
        const author = authorOfPeerId(id)
        return `${author === undefined ? id : called(author, node?.book)}: ${span(aheadMs)} ahead`
      })
      return warn(
        withCases(
          `batches came from more than ${span(limits.clockDriftMs)} ahead of this node's clock`,
          cases
        ),
        'Set the clocks of those nodes right, or the one of this node. The batches are applied; they win over concurrent writes.',
        details
      )
    }
  }
]
