/**
 * Clocks: hybrid time rises strictly along every log, and a node writes no earlier than its wall clock and no more than
 * the drift past it, wherever the clocks of others stand.
 */
import { DEFAULT_LIMITS } from '../../../src/base/index.js'
import { NO_BATCH } from '../../../src/log/index.js'
import type { Checker, SimNode } from '../world.js'
import { batchText, broken } from './broken.js'
import type { Ledger } from './ledger.js'
import { nodeOf } from './ledger.js'
import { compareTimes } from './reference.js'

const name = 'clocks'

/** Virtual milliseconds that a commit may take: its time is of its begin. */
const commitMs = 3_000
/** Milliseconds that a counter which ran over may add. */
const slackMs = 1_000

interface Reading {
  readonly at: number
  readonly wallMs: number
}

export function clocks(ledger: Ledger): Checker {
  /** What each machine's clock showed lately, where it did not just go on. */
  const readings = new Map<string, Reading[]>()
  /** When a process that stood still went on: what it then commits it began before. */
  const resumedAt = new Map<string, number>()

  const read = (node: SimNode, now: number): void => {
    const list = readings.get(node.name) ?? []
    readings.set(node.name, list)
    const last = list.at(-1)
    // A clock that goes with the time adds nothing that the reading before does not say.
    if (last !== undefined && Math.abs(node.wallMs - last.wallMs - (now - last.at)) < 1 && list.length > 1) {
      list[list.length - 1] = { at: now, wallMs: node.wallMs }
    } else list.push({ at: now, wallMs: node.wallMs })
    while (list.length > 2 && list[1]!.at < now - commitMs) list.shift()
  }

  const fenced = new Set<string>()

  return {
    name,
    onEvent(event, world) {
      if (event.type === 'life' && event.what === 'resumed') resumedAt.set(event.node, event.at)
      if (event.type === 'notice' && event.what === 'storage' && 'state' in event.event) {
        if (event.event.state === 'fenced') fenced.add(event.node)
        else fenced.delete(event.node)
      }
      if (event.type === 'life' && event.what === 'opened') fenced.delete(event.node)
      if (event.type !== 'commit') return
      const node = nodeOf(world, event.node)
      read(node, event.at)
      for (const { batch, local } of event.notice.applied) {
        const { time, previous } = batch.header
        const before = previous === NO_BATCH ? undefined : ledger.graph.batches.get(previous)
        if (node.honest && local && before !== undefined && compareTimes(before.header.time, time) >= 0) {
          broken(
            name,
            `${event.node}: the time of ${batchText(batch)} is not behind that of the one before it`
          )
        }
        // What an interrupted commit made is told when the disk has recovered, however long after.
        if (
          !local ||
          fenced.has(event.node) ||
          event.at - (resumedAt.get(event.node) ?? Number.NEGATIVE_INFINITY) < commitMs
        )
          continue
        const walls = readings.get(event.node)!.map(({ wallMs }) => wallMs)
        const latest = Math.max(...walls) + DEFAULT_LIMITS.clockDriftMs + slackMs
        const earliest = Math.min(...walls) - commitMs
        if (time.ms > latest) {
          broken(
            name,
            `${event.node}: ${batchText(batch)} is ${time.ms - Math.max(...walls)} ms ahead of its clock`
          )
        }
        if (time.ms < earliest) {
          broken(name, `${event.node}: ${batchText(batch)} is ${earliest - time.ms} ms behind its clock`)
        }
      }
    },
    afterEvent(world) {
      for (const node of world.nodes) if (node.honest) read(node, world.now)
    }
  }
}
