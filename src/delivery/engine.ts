/**
 * The engine: workers over one outbox, a tick at a time by hand or in a loop of its own.
 *
 * Keeps: the loop sleeps while there is nothing to do, and wakes at once when an operation is enqueued, when the network
 * is back and when the disk takes writes again; an error of a tick is told and never ends the loop. Leaves to `pump.ts`
 * what a tick does.
 */
import type { Timer } from '../base/index.js'
import { isNatterError, messageOf } from '../base/index.js'
import { holdProcess, systemClock } from '../base/system.js'
import { checkCount, checkNames, checkTime } from './check.js'
import type { EngineEvents, EventsOf } from './index.js'
import type { Ledger } from './ledger.js'
import { outboxParts } from './outbox.js'
import type { NetworkProbe } from './probe.js'
import type { Pump } from './pump.js'
import type { WorkerInit } from './worker.js'
import { pumpOf, WORKER_OPTIONS } from './worker.js'

export interface EngineInit extends WorkerInit {
  /**
   * Operations that are sent at a time, of different targets unless they are not ordered. In the loop one that hangs keeps
   * one worker, until `sendTimeoutMs`, and the others go on. @default 1
   */
  workerCount?: number
  /** Milliseconds that the loop sleeps when nothing was due. @default 250 */
  idleSleepMs?: number
  /** The same while the probe says offline. @default 500 */
  offlineSleepMs?: number
}

/** Times that a tick which sent nothing is slept for: it takes at most a tenth of the time. */
const sleepPerLook = 9

export class SyncEngine {
  readonly #ledger: Ledger
  readonly #pump: Pump
  readonly #probe: NetworkProbe
  readonly #idleSleepMs: number
  readonly #offlineSleepMs: number
  #loop: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  /** Ends the sleep of the loop. */
  #wake: (() => void) | undefined
  /** Ends the wait for the probe. */
  #giveUp: (() => void) | undefined
  /** Something happened while the loop did not sleep. */
  #woken = false
  /** What the probe said last. */
  #online = true

  constructor(init: EngineInit) {
    checkNames(init, [...WORKER_OPTIONS, 'workerCount', 'idleSleepMs', 'offlineSleepMs'])
    const { workerCount = 1, idleSleepMs = 250, offlineSleepMs = 500 } = init
    checkCount('workerCount', workerCount, 1)
    this.#idleSleepMs = checkCount('idleSleepMs', idleSleepMs, 1)
    this.#offlineSleepMs = checkCount('offlineSleepMs', offlineSleepMs, 1)
    const { pump, probe } = pumpOf(init, workerCount)
    this.#pump = pump
    this.#probe = probe
    this.#ledger = outboxParts(init.outbox).ledger
  }

  get events(): EventsOf<EngineEvents> {
    return this.#pump.events
  }

  /**
   * Sends what is due at `nowMs`, up to `batchLimit` operations per worker, and answers how many it sent. Asks the probe;
   * offline nothing is sent. Rejects with `STORE_FENCED`, `INDETERMINATE`, `DISK_FULL` or `STORE_CLOSED`.
   */
  async tick(nowMs?: number): Promise<number> {
    if (nowMs !== undefined) checkTime(nowMs)
    return this.#pump.tick(nowMs, await this.#probe.isOnline())
  }

  /** Ticks from now on until `stop`; the process does not end meanwhile. */
  start(): void {
    if (this.#ledger.isClosed) throw new TypeError('the outbox is closed')
    this.#loop ??= this.#run()
  }

  /**
   * Ends the loop. Sends under way get two seconds to end; then they are aborted and their operations are `failed` with a
   * retry due at once.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop().finally(() => {
      this.#stopping = undefined
    })
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#rouse()
    this.#giveUp?.()
    await this.#pump.halt()
    await this.#loop
    this.#loop = undefined
    this.#pump.resume()
  }

  async #run(): Promise<void> {
    const { clock, events, disk } = this.#ledger
    const rouse = (): void => this.#rouse()
    // Offline there is nothing to hurry for.
    const enqueued = (): void => {
      if (this.#online) this.#rouse()
    }
    const letGo = clock === systemClock ? holdProcess() : undefined
    events.addEventListener('enqueued', enqueued)
    const forget = [this.#probe.onOnline(rouse), disk.onState(rouse), this.#ledger.use(() => this.stop())]
    await undefined // `start` has returned
    while (this.#stopping === undefined) {
      const sleepMs = await this.#once()
      if (sleepMs > 0 && this.#stopping === undefined) await this.#sleep(sleepMs)
    }
    events.removeEventListener('enqueued', enqueued)
    for (const one of forget) one()
    letGo?.()
  }

  /** One turn of the loop; answers how long to sleep after it. */
  async #once(): Promise<number> {
    this.#woken = false
    const online = await this.#answer()
    if (online === undefined) return 0
    this.#online = online
    try {
      const { clock } = this.#ledger
      const beganMs = clock.now()
      if ((await this.#pump.tick(undefined, online, () => this.#rouse())) > 0) return 0
      // Where much waits that is not accepted now, looking through it must not become all that is done.
      const tookMs = clock.now() - beganMs
      return Math.max(online ? this.#idleSleepMs : this.#offlineSleepMs, tookMs * sleepPerLook)
    } catch (error) {
      const detail = { code: isNatterError(error) ? error.code : undefined, message: messageOf(error) }
      this.events.dispatchEvent(new CustomEvent('error', { detail }))
      return this.#idleSleepMs
    }
  }

  /** What the probe says; undefined when the engine stops before it says anything. */
  #answer(): Promise<boolean | undefined> {
    return new Promise(resolve => {
      this.#giveUp = () => resolve(undefined)
      this.#probe.recent(this.#ledger.clock).then(resolve)
    })
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken) return
    let timer: Timer | undefined
    await new Promise<void>(resolve => {
      this.#wake = resolve
      timer = this.#ledger.clock.schedule(ms, resolve)
    })
    timer?.cancel()
    this.#wake = undefined
  }

  #rouse(): void {
    this.#woken = true
    this.#wake?.()
  }
}
