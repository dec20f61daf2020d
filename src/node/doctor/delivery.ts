/** The delivery outbox, where one is hosted: what waits and for how long, which server is away, what was given up. */
import type { Check, Finding, Patient } from './check.js'
import { counted, ok, span, warn, withCases } from './check.js'

/** Operations that wait longer than any retry takes wait for something else. */
const longMs = 300_000
/** Operations that are named. */
const named = 10

export const deliveryChecks: readonly Check[] = [
  { name: 'delivery', needs: 'delivery', look: lookAtDelivery }
]

async function lookAtDelivery({ delivery, clock, node }: Patient): Promise<Finding> {
  const desk = await delivery!
  const { counts, oldestMs, offline, deliverTo } = await desk.summary()
  const waiting = counts.pending + counts.inflight + counts.failed
  const { operations } = await desk.list({ status: 'permanent-failed', limit: named })
  const details = {
    counts,
    oldestMs,
    deliverTo,
    offline,
    gaveUp: operations.map(({ id, target, lastError, updatedAt }) => ({
      id,
      target,
      lastError,
      at: updatedAt
    }))
  }
  const oldest = oldestMs === null ? '' : `, the oldest for ${span(oldestMs)}`
  const waits = waiting === 0 ? 'nothing waits' : `${counted(waiting, 'operation')} waiting${oldest}`
  const away = offline.map(({ server, sinceAt }) => {
    return `${server} cannot be reached, for ${span(Math.max(0, clock.now() - Date.parse(sinceAt)))}`
  })
  if (counts['permanent-failed'] > 0) {
    const lost = operations.map(
      ({ id, target, lastError }) => `${id} to ${target}: ${lastError ?? 'no reason given'}`
    )
    return warn(
      withCases(`${counted(counts['permanent-failed'], 'operation')} given up; ${waits}`, [...away, ...lost]),
      'See each with natter delivery show ID; send them again with natter delivery retry --all, or natter delivery drop ID.',
      details
    )
  }
  if (waiting === 0) return ok(waits, details)
  if (node === undefined) {
    return warn(
      `${waits}, and no node sends them`,
      'Start the node with the URLs that it may deliver to: natter up --deliver-to URL',
      details
    )
  }
  if (away.length > 0) {
    return warn(
      withCases(waits, away),
      'See that the server runs and can be reached from here; what waits is sent as soon as it can.',
      details
    )
  }
  if (oldestMs === null || oldestMs < longMs) return ok(waits, details)
  return warn(waits, 'See why, for the oldest: natter delivery ls, then natter delivery show ID', details)
}
