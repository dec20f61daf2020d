/** A peer that was away comes back to a node with many ops: in sync, or a little behind. Bytes, round trips, time. */
import type { SyncRound } from '../../src/base/index.js'
import type { NatterNode } from '../../src/node.js'
import type { Bench, Scale } from './harness.js'
import { formatSize } from './harness.js'
import type { Line } from './line.js'
import { boundLine, formatValue, median, toldLine } from './line.js'
import { AGREE_MS, acked, type Pair, withPair } from './pair.js'
import { payloadBytes, Records } from './records.js'
import { WireMeter } from './wire-meter.js'

const BEHIND = 100
const TIMES = 3

interface Returned {
  round: SyncRound
  /** Bytes of all that went over the connection. */
  wire: number
  /** Milliseconds from the call that has the peer come back until it has everything. */
  tookMs: number
}

/** The first round with the peer after `act`. */
function nextRound(node: NatterNode, act: () => Promise<unknown>): Promise<SyncRound> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no sync round ended')), AGREE_MS)
    const listener = (event: CustomEvent<SyncRound>) => {
      clearTimeout(timer)
      node.events.removeEventListener('sync', listener as EventListener)
      resolve(event.detail)
    }
    node.events.addEventListener('sync', listener)
    act().catch(reject)
  })
}

/** The peer leaves, `meanwhile` happens here, and it comes back. */
async function comeBack(
  { near, far }: Pair,
  meter: WireMeter,
  meanwhile: () => Promise<void>
): Promise<Returned> {
  await far.call('pause')
  await meanwhile()
  meter.take()
  const startedAtMs = performance.now()
  const round = await nextRound(near, () => far.call('resume'))
  if (round.status !== 'ok') throw new Error(`the round failed: ${round.reason}`)
  await near.sync.wait({ connected: 1, inSync: true, timeout: AGREE_MS })
  await acked(near)
  return { round, wire: meter.take(), tookMs: performance.now() - startedAtMs }
}

async function runReconnect({ sizes }: Scale): Promise<Line[]> {
  const size = sizes.at(-1)!
  const meter = new WireMeter()
  try {
    return await withPair(async pair => {
      const records = new Records('bench', size)
      const inSync: Returned[] = []
      const behind: Returned[] = []
      let payload = 0
      for (let i = 0; i < TIMES; i++) {
        inSync.push(await comeBack(pair, meter, async () => undefined))
        const late = records.take(BEHIND)
        payload = Math.max(payload, payloadBytes(late))
        behind.push(
          await comeBack(pair, meter, async () => {
            for (const { key, value } of late) await pair.near.db.put(key, value)
          })
        )
      }
      const ops = `of ${formatSize(size)}`
      return [
        ...returnLines(`reconnect, in sync, ${ops}`, inSync, size, { bytes: 512, trips: 1 }),
        ...returnLines(
          `reconnect, ${BEHIND} ops behind ${ops}`,
          behind,
          size,
          { bytes: Math.round(1.2 * payload + 1024), trips: 2 },
          payload
        )
      ]
    }, size)
  } finally {
    meter.end()
  }
}

function returnLines(
  what: string,
  all: readonly Returned[],
  size: number,
  most: { bytes: number; trips: number },
  payload?: number
): Line[] {
  const wire = median(all.map(one => one.wire))
  const bytes = median(all.map(({ round }) => round.bytesSent + round.bytesReceived))
  const bare = payload === undefined ? {} : { bare: payload }
  const frames = 'of /sync/ops frames'
  return [
    boundLine(
      `${what}: bytes`,
      bytes,
      'B',
      { atMost: most.bytes },
      {
        size,
        ...bare,
        note: `${frames}${payload === undefined ? '' : '; bare: keys and values'}`
      }
    ),
    boundLine(
      `${what}: round trips`,
      Math.max(...all.map(({ round }) => round.roundTrips)),
      'RTT',
      { atMost: most.trips },
      { size }
    ),
    toldLine(`${what}: bytes on the wire`, wire, 'B', {
      size,
      ...bare,
      note: 'with all that libp2p says while it connects'
    }),
    toldLine(`${what}: time`, median(all.map(({ round }) => round.durationMs)), 'ms', {
      size,
      note: `of the round; ${formatValue(median(all.map(({ tookMs }) => tookMs)), 'ms')} with connecting`
    })
  ]
}

export const reconnectBenches: readonly Bench[] = [
  { name: 'reconnect', groups: ['delta', 'in-sync'], run: runReconnect }
]
