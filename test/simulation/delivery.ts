/**
 * One run of the outbox and its engines over the simulated disk: a process that dies and starts again, a disk that fails,
 * fills up and forgets what was not synced, a clock that leaps, a network that is away, and a receiver that is busy,
 * refuses, and whose answers are lost. Everything follows from the seed. Then all heals, and the checker looks.
 */

import { nodeCrypto } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, isNatterError } from '../../src/base/index.js'
import type { Operation, SendResult, Transport } from '../../src/delivery/index.js'
import { NetworkProbe, Outbox, SyncEngine } from '../../src/delivery/index.js'
import { idKey, stateKey } from '../../src/delivery/keys.js'
import { decodeSeq, decodeState } from '../../src/delivery/records.js'
import { LevelDisk } from '../../src/disk/level-disk.js'
import { SpaceGuard } from '../../src/disk/space-guard.js'
import type { DeliveryEvent } from './checkers/delivery.js'
import { DeliveryChecker } from './checkers/delivery.js'
import { Life, Timeline, WallClock } from './clock.js'
import { Dice } from './dice.js'
import { SimDisk } from './disk.js'
import type { Counts } from './sometimes.js'
import { changeOf } from './table.js'
import { Trace } from './trace.js'

/** What must happen somewhere in the seeds of a campaign. */
export const DELIVERY_SOMETIMES = [
  'killed',
  'power cut',
  'fence',
  'recovery',
  'start refused',
  'enqueue not known to be made',
  'enqueue refused by the fence',
  'taken over',
  'called again after a death',
  'answer lost',
  'call given up',
  'receiver busy',
  'receiver refuses',
  'offline',
  'clock set back',
  'clock set forward',
  'a tick met a fence'
] as const

const ACTIVE_MS = 20_000
/** Virtual milliseconds after the last fault within which everything must be final. */
const QUIET_MS = 300_000
const TARGETS = ['a', 'b', 'c']
const RETRY = { maxAttempts: 1_000, baseDelayMs: 50, maxDelayMs: 2_000 }

const OPERATIONS = 40

interface Wanted {
  readonly id: string
  readonly target: string
  readonly ordered: boolean
  acknowledged: boolean
}

export class DeliveryRun {
  readonly counts: Counts = {}
  readonly lines: Trace
  readonly #timeline = new Timeline()
  readonly #dice: Dice
  readonly #wall: WallClock
  readonly #disk: SimDisk
  readonly #checker = new DeliveryChecker()
  readonly #wanted: Wanted[] = []
  readonly #transportDice: Dice
  readonly #failures: unknown[] = []
  /** Operations that were called in a life that is over. */
  readonly #orphans = new Set<string>()
  #underWay = new Set<string>()
  #online = true
  #healed = false
  #life: Life | undefined
  #lives = 0
  #outbox: Outbox | undefined

  constructor(seed: number, wholeTrace = false) {
    this.lines = new Trace(wholeTrace)
    this.#dice = new Dice(seed)
    this.#transportDice = this.#dice.split()
    const timeline = this.#timeline
    this.#wall = new WallClock(timeline, 0)
    this.#disk = new SimDisk({
      timeline,
      dice: this.#dice.split(),
      habits: {
        writeMs: [0.1, this.#dice.pick([3, 20])],
        readMs: [0.1, 2],
        slowReads: this.#dice.pick([0, 0.05])
      },
      tell: fault => this.#say(`disk ${fault.what}`)
    })
  }

  get events(): number {
    return this.#timeline.count
  }

  get nowMs(): number {
    return this.#timeline.now
  }

  /** Throws `PropertyBroken`, or the first fault of the product. */
  async run(): Promise<void> {
    this.#start()
    this.#plan()
    await this.#until(ACTIVE_MS)
    this.#heal()
    await this.#until(ACTIVE_MS + QUIET_MS, () => this.#isQuiet())
    await this.#look()
    this.#checker.atEnd()
  }

  async #until(untilMs: number, done?: () => boolean): Promise<void> {
    const check = (): void => {
      if (this.#failures.length > 0) throw this.#failures[0]
    }
    await this.#timeline.run(untilMs, check, done)
  }

  #say(line: string): void {
    this.lines.add(`${this.#timeline.now.toFixed(3)} ${line}`)
  }

  #sometimes(what: (typeof DELIVERY_SOMETIMES)[number]): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  #happened(event: DeliveryEvent): void {
    this.#say(JSON.stringify(event))
    try {
      this.#checker.take(event)
    } catch (error) {
      this.#failures.push(error)
    }
  }

  // The process

  #start(): void {
    const life = new Life(++this.#lives)
    this.#life = life
    this.#say(`start ${life.number}`)
    this.#open(life).catch(error => {
      if (!life.alive) return
      this.#sometimes('start refused')
      this.#say(`refused ${error}`)
      life.alive = false
      this.#disk.crash(false)
      this.#timeline.after(300, undefined, () => this.#start())
    })
  }

  async #open(life: Life): Promise<void> {
    const clock = this.#wall.view(life)
    const disk = await LevelDisk.open({
      location: 'outbox',
      durability: 'fsync',
      clock,
      level: () => this.#disk.handle(life).asLevel,
      guard: new SpaceGuard(() => this.#disk.space(), clock, DEFAULT_LIMITS.freeBytes),
      probe: () => this.#disk.probe(life)
    })
    disk.onState(state => {
      if (!life.alive) return
      if (state === 'fenced') this.#sometimes('fence')
      if (state === 'open') this.#sometimes('recovery')
    })
    const outbox = await Outbox.over({
      disk,
      owner: 'left',
      crc32: nodeCrypto.crc32,
      clock,
      random: this.#dice.split(),
      retry: RETRY
    })
    outbox.events.addEventListener('sent', ({ detail }) => this.#told(life, detail.id, 'sent'))
    outbox.events.addEventListener('gave-up', ({ detail }) => this.#told(life, detail.id, 'gave-up'))
    outbox.events.addEventListener('failed', ({ detail }) => {
      if (detail.error.includes('did not say')) this.#sometimes('taken over')
    })
    this.#outbox = outbox
    const probe = new NetworkProbe(() => this.#online)
    const engines = ['left', 'right'].map(owner => this.#engine(outbox.as(owner), probe, life))
    for (const engine of engines) engine.start()
  }

  #engine(outbox: Outbox, probe: NetworkProbe, life: Life): SyncEngine {
    const engine = new SyncEngine({
      outbox,
      transport: this.#transport(life),
      probe,
      workerCount: this.#dice.whole(1, 3),
      batchLimit: this.#dice.pick([2, 25]),
      inflightTimeoutMs: 1_500,
      sendTimeoutMs: 1_000
    })
    engine.events.addEventListener('error', ({ detail }) => {
      if (life.alive && detail.code === 'INDETERMINATE') this.#sometimes('a tick met a fence')
    })
    return engine
  }

  #told(life: Life, id: string, what: 'sent' | 'gave-up'): void {
    if (life.alive) this.#happened({ type: 'told', id, what })
  }

  #die(power: boolean): void {
    const life = this.#life
    if (life?.alive !== true) return
    life.alive = false
    this.#sometimes(power ? 'power cut' : 'killed')
    this.#say(power ? 'power cut' : 'killed')
    this.#disk.crash(power)
    for (const id of this.#underWay) {
      this.#orphans.add(id)
      this.#happened({ type: 'call-over', id })
    }
    this.#underWay = new Set()
    this.#outbox = undefined
    this.#timeline.after(this.#dice.between(1, 1_000), undefined, () => this.#start())
  }

  // The receiver

  #transport(life: Life): Transport {
    return {
      send: (op, { signal }) =>
        new Promise<SendResult>(resolve => {
          if (!life.alive) return
          if (this.#orphans.has(op.id)) this.#sometimes('called again after a death')
          this.#happened({ type: 'call', id: op.id, attempt: op.attempt, claimed: this.#isClaimed(op) })
          this.#underWay.add(op.id)
          const over = (result?: SendResult): void => {
            if (!life.alive || !this.#underWay.delete(op.id)) return
            this.#happened({ type: 'call-over', id: op.id })
            if (result === undefined) this.#sometimes('call given up')
            else resolve(result)
          }
          signal.addEventListener('abort', () => over())
          this.#travel(life, op, over)
        })
    }
  }

  /** A call is on its way: it arrives even when its sender dies meanwhile. */
  #travel(life: Life, { id }: Operation, over: (result: SendResult) => void): void {
    const dice = this.#transportDice
    if (!this.#healed && dice.chance(0.05)) return // lost on the way
    this.#timeline.after(dice.between(1, 40), undefined, () => {
      const answer = this.#answer(id)
      this.#happened({ type: 'received', id, answer })
      if (!this.#healed && dice.chance(0.05)) {
        this.#sometimes('answer lost')
        return
      }
      this.#timeline.after(dice.between(1, 40), life, () => {
        if (!this.#healed && dice.chance(0.1)) this.#disk.nextWrite = dice.pick(['before', 'after'])
        if (answer === 'taken') over({ ok: true })
        else over({ ok: false, retryable: answer === 'busy', error: answer })
      })
    })
  }

  #answer(id: string): 'taken' | 'busy' | 'refused' {
    if (id.endsWith('7')) {
      this.#sometimes('receiver refuses')
      return 'refused'
    }
    if (this.#healed || !this.#transportDice.chance(0.2)) return 'taken'
    this.#sometimes('receiver busy')
    return 'busy'
  }

  /** Whether a process that starts now would find the attempt claimed. */
  #isClaimed({ id, attempt }: Operation): boolean {
    const content = this.#disk.content()
    const read = <T>(
      key: Uint8Array,
      decode: (key: Uint8Array, value: Uint8Array, hashes: typeof nodeCrypto) => T
    ) => {
      const value = content.get(changeOf(key, undefined).name)?.value
      return value === undefined ? undefined : decode(key, value, nodeCrypto)
    }
    const seq = read(idKey(id), decodeSeq)
    const state = seq === undefined ? undefined : read(stateKey(seq), decodeState)
    return state?.status === 'inflight' && state.attempt === attempt
  }

  // What happens to it

  #plan(): void {
    const dice = this.#dice
    for (let n = 0; n < OPERATIONS; n++) this.#at(() => this.#enqueue(`op-${n}`))
    const faults: (() => void)[] = [
      () => this.#die(false),
      () => this.#die(true),
      () => this.#trouble('EIO'),
      () => this.#trouble('ENOSPC'),
      () => this.#failNext(),
      () => this.#leap(-dice.between(10, 100_000), 'clock set back'),
      () => this.#leap(dice.between(10, 100_000), 'clock set forward'),
      () => this.#away()
    ]
    for (let n = dice.whole(4, 16); n > 0; n--) this.#at(dice.pick(faults))
  }

  #at(run: () => void): void {
    this.#timeline.after(this.#dice.between(0, ACTIVE_MS), undefined, run)
  }

  #trouble(code: 'EIO' | 'ENOSPC'): void {
    const untilMs = this.#timeline.now + this.#dice.between(10, 2_000)
    this.#disk.trouble = {
      code,
      untilMs,
      share: this.#dice.pick([0.3, 1]),
      reads: false,
      shown: this.#dice.chance(0.5)
    }
    this.#say(`trouble ${code}`)
  }

  #failNext(): void {
    this.#disk.nextWrite = this.#dice.pick(['before', 'after'])
  }

  #leap(byMs: number, what: 'clock set back' | 'clock set forward'): void {
    this.#sometimes(what)
    this.#wall.jump(Math.round(byMs))
  }

  #away(): void {
    this.#sometimes('offline')
    this.#online = false
    this.#timeline.after(this.#dice.between(100, 4_000), undefined, () => {
      this.#online = true
    })
  }

  /** Hands an operation in, again and again until it is acknowledged: by the same id, so it is one operation. */
  #enqueue(id: string): void {
    const [target, ordered] = [this.#dice.pick(TARGETS), this.#dice.chance(0.8)]
    const wanted = { id, target, ordered, acknowledged: false }
    this.#wanted.push(wanted)
    const submit = async (): Promise<void> => {
      const [outbox, life] = [this.#outbox, this.#life]
      const again = (): void => {
        this.#timeline.after(200, undefined, () => void submit())
      }
      if (outbox === undefined || life?.alive !== true) return again()
      // Nobody hears how it ended if the process dies meanwhile.
      const lost = this.#timeline.after(5_000, undefined, again)
      try {
        await outbox.enqueue({ kind: 'k', target, id }, undefined, { ordered })
        if (!life.alive) return
        lost.cancel()
        wanted.acknowledged = true
        this.#happened({ type: 'acknowledged', id })
      } catch (error) {
        lost.cancel()
        if (isNatterError(error, 'INDETERMINATE')) this.#sometimes('enqueue not known to be made')
        if (isNatterError(error, 'STORE_FENCED')) this.#sometimes('enqueue refused by the fence')
        again()
      }
    }
    void submit()
  }

  // The end

  #heal(): void {
    this.#say('healed')
    this.#healed = true
    this.#online = true
    this.#disk.trouble = undefined
    this.#disk.nextWrite = undefined
  }

  #isQuiet(): boolean {
    const counts = this.#outbox?.counts()
    if (counts === undefined || this.#wanted.length < OPERATIONS) return false
    const waiting = counts.pending + counts.inflight + counts.failed
    return (
      waiting === 0 && this.#underWay.size === 0 && this.#wanted.every(({ acknowledged }) => acknowledged)
    )
  }

  async #look(): Promise<void> {
    const outbox = this.#outbox
    if (outbox === undefined) throw new Error('the process is not up')
    let done = false
    const look = async (): Promise<void> => {
      const positions = new Map<string, number>()
      await outbox.replay({}, ({ type, id, position }) => {
        if (type === 'put') positions.set(id, position)
      })
      for (const { id, target, ordered } of this.#wanted) {
        const status = (await outbox.get(id))?.status
        const position = positions.get(id)
        this.#happened({ type: 'found', id, status, position, queue: ordered ? target : undefined })
      }
      done = true
    }
    look().catch(error => this.#failures.push(error))
    await this.#until(this.#timeline.now + 60_000, () => done)
    if (!done) throw new Error('the outbox does not answer')
  }
}
