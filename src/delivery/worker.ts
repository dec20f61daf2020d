/** One worker: a tick sends what is due, one operation after the other. */
import { checkCount, checkNames, checkTime } from './check.js'
import type { EngineEvents, EventsOf, Transport } from './index.js'
import type { Outbox } from './outbox.js'
import { NetworkProbe } from './probe.js'
import { Pump } from './pump.js'

export interface WorkerInit {
  outbox: Outbox
  transport: Transport
  /** @default one that always says yes */
  probe?: NetworkProbe
  /** Operations that one tick of one worker sends at most. @default 25 */
  batchLimit?: number
  /** Milliseconds after which a claimed operation that nobody here is sending is taken away from its owner. @default 10_000 */
  inflightTimeoutMs?: number
  /** Milliseconds after which a send is aborted and counts as failed. @default 8_000 */
  sendTimeoutMs?: number
  /** Whether operations for a target may be sent now; the others wait and hold up nobody. Asked at every tick. @default all */
  accepts?: (target: string) => boolean
}

export const WORKER_OPTIONS = [
  'outbox',
  'transport',
  'probe',
  'batchLimit',
  'inflightTimeoutMs',
  'sendTimeoutMs',
  'accepts'
]

/** The pump of these options, and the probe; `TypeError` for an option that is malformed. */
export function pumpOf(init: WorkerInit, lanes: number): { pump: Pump; probe: NetworkProbe } {
  const { outbox, transport, probe = new NetworkProbe(() => true), accepts } = init
  const { batchLimit = 25, inflightTimeoutMs = 10_000, sendTimeoutMs = 8_000 } = init
  if (typeof transport?.send !== 'function') throw new TypeError('transport must have a method send')
  if (!(probe instanceof NetworkProbe)) throw new TypeError('probe must be a NetworkProbe')
  if (accepts !== undefined && typeof accepts !== 'function')
    throw new TypeError('accepts must be a function')
  checkCount('batchLimit', batchLimit, 1)
  checkCount('inflightTimeoutMs', inflightTimeoutMs, 1)
  checkCount('sendTimeoutMs', sendTimeoutMs, 1)
  const times = { inflightTimeoutMs, sendTimeoutMs }
  return { pump: new Pump({ outbox, transport, lanes, batchLimit, accepts, ...times }), probe }
}

export class SyncWorker {
  readonly #pump: Pump
  readonly #probe: NetworkProbe

  constructor(init: WorkerInit) {
    checkNames(init, WORKER_OPTIONS)
    const { pump, probe } = pumpOf(init, 1)
    this.#pump = pump
    this.#probe = probe
  }

  get events(): EventsOf<EngineEvents> {
    return this.#pump.events
  }

  /** Like `SyncEngine.tick`, with one operation at a time. */
  async tick(nowMs?: number): Promise<number> {
    if (nowMs !== undefined) checkTime(nowMs)
    return this.#pump.tick(nowMs, await this.#probe.isOnline())
  }
}
