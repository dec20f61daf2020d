/**
 * The soak: several nodes under load and random faults for as long as one likes, and what must hold at the end: equal
 * digests, nothing acknowledged lost, sound disks, no fault in any log, no growth. See soak.ts for the command.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectedTo, equalDigests } from '../support/cluster.js'
import { Load } from '../support/load.js'
import { Fleet, PeerProcess } from '../support/peer-process.js'
import { seededFractions } from '../support/random.js'
import { until } from '../support/until.js'
import type { FaultName, Ground } from './soak-faults.js'
import { chooseFault } from './soak-faults.js'
import { METER, Meter } from './soak-meter.js'

const TELL_EVERY_MS = 30_000
const SAMPLE_EVERY_MS = 5000
/** Redialling waits 30 s at most. */
const EQUAL_WITHIN_MS = 60_000
const WRITE_EVERY_MS = 20
/** Faults that may be under way at once. */
const TROUBLEMAKERS = 2
const TROUBLE = /a fault, the node ends|unhandled|uncaught|assertion|fatal|MaxListenersExceeded/i

export interface SoakInit {
  readonly forMs: number
  readonly nodes: number
  readonly seed: number
  readonly tell: (line: string) => void
}

/** Runs it whole. Resolves with the violations: none is a pass. */
export async function runSoak(init: SoakInit): Promise<string[]> {
  const soak = new Soak(init)
  try {
    await soak.run()
  } catch (error) {
    soak.violations.push(error instanceof Error ? error.message : String(error))
  } finally {
    if (soak.violations.length > 0) await soak.tellStanding()
    await soak.end()
  }
  return soak.violations
}

class Soak implements Ground {
  readonly violations: string[] = []
  readonly peers: PeerProcess[] = []
  readonly load: Load
  readonly fraction: () => number
  readonly counts: Record<FaultName, number> = { kill: 0, restart: 0, stop: 0, pause: 0, copy: 0, lose: 0 }
  readonly copied = new Set<number>()
  readonly #init: SoakInit
  readonly #fleet = new Fleet()
  readonly #busy = new Set<number>()
  /** One fault wants to be the only one. */
  #alone = false
  readonly #ending = new WeakSet<PeerProcess>()
  #root = ''
  #meter: Meter | undefined

  constructor(init: SoakInit) {
    this.#init = init
    this.fraction = seededFractions(init.seed)
    const fraction = seededFractions(init.seed + 1)
    this.load = new Load({ peers: this.peers, fraction, everyMs: WRITE_EVERY_MS })
  }

  async run(): Promise<void> {
    const { forMs, nodes, tell } = this.#init
    this.#root = await this.#fleet.root()
    this.#meter = new Meter(`${this.#root}/meter-0`)
    for (let at = 0; at < nodes; at++) await this.start(at)
    for (const peer of this.peers) await connectedTo(peer, nodes - 1)
    this.load.start()
    const endAt = performance.now() + forMs
    const telling = setInterval(() => tell(this.#line()), TELL_EVERY_MS)
    try {
      await Promise.all([
        ...Array.from({ length: TROUBLEMAKERS }, () => this.#trouble(endAt)),
        this.#watch(endAt)
      ])
    } finally {
      clearInterval(telling)
    }
    await this.load.stop()
    const quietAt = performance.now()
    await equalDigests(this.peers, EQUAL_WITHIN_MS)
    tell(`equal ${Math.round(performance.now() - quietAt)} ms after the last fault`)
    await this.#judge()
    tell(this.#line())
  }

  /** Faults, one after the other, until the time is over. */
  async #trouble(endAt: number): Promise<void> {
    while (performance.now() < endAt && this.violations.length === 0) {
      await sleep(200 + this.fraction() * 2000)
      const at = Math.floor(this.fraction() * this.peers.length)
      const fault = chooseFault(this, at)
      if (this.#alone || this.#busy.has(at)) continue
      if (fault.alone) {
        this.#alone = true
        await until('the other faults are over', EQUAL_WITHIN_MS, () => this.#busy.size === 0)
      }
      this.#busy.add(at)
      try {
        await fault.run(this, at)
        this.counts[fault.name]++
      } catch (error) {
        this.violations.push(`${fault.name} of node ${at}: ${error instanceof Error ? error.message : error}`)
      } finally {
        this.#busy.delete(at)
        if (fault.alone) this.#alone = false
      }
    }
  }

  /** Samples the node that is never ended, while it does not stand still. */
  async #watch(endAt: number): Promise<void> {
    while (performance.now() < endAt && this.violations.length === 0) {
      await this.#meter!.sample(this.peers[0]!)
      await sleep(SAMPLE_EVERY_MS)
    }
  }

  async #judge(): Promise<void> {
    await this.load.check(this.peers[0]!)
    for (const [at, peer] of this.peers.entries()) {
      const { body } = await peer.request('POST', '/verify', {})
      if (!body.ok)
        this.violations.push(`node ${at} is damaged: ${JSON.stringify(body.damage).slice(0, 500)}`)
    }
    const { figures, grown } = this.#meter!.judge()
    this.#init.tell(`node 0, middle → last third: ${figures}`)
    this.violations.push(...grown)
  }

  #line(): string {
    const last = this.#meter?.samples.at(-1)
    const size =
      last && `node 0: ${last.heapMib.toFixed(1)} MiB live heap, ${Math.round(last.residentMib)} MiB resident`
    const held = last && `, ${last.handles} handles, ${last.descriptors} descriptors`
    const faults = Object.entries(this.counts).map(([name, count]) => `${name} ${count}`)
    return `${this.load.writes} writes acknowledged; ${faults.join(', ')}; ${size ?? ''}${held ?? ''}`
  }

  /** What each node says of itself and the others, for whoever looks for the cause of a violation. */
  async tellStanding(): Promise<void> {
    const { tell } = this.#init
    for (const [at, peer] of this.peers.entries()) {
      for (const path of ['/status', '/peers', '/doctor']) {
        const said = await peer.request('GET', path).then(
          ({ body }) => JSON.stringify(body),
          (error: unknown) => String(error)
        )
        tell(`node ${at} ${path}: ${said}`)
      }
      tell(`node ${at}, end of its log: ${peer.stderr.slice(-2000)}`)
    }
  }

  // What the faults use

  async start(at: number): Promise<void> {
    const bootstrap = at === 0 ? [] : ['--bootstrap', this.peers[0]!.addr]
    const peer = await PeerProcess.start({
      dataDir: `${this.#root}/node-${at}`,
      args: ['--name', `node-${at}`, ...bootstrap],
      env: { NODE_OPTIONS: `--import ${METER}`, NATTER_TEST_METER: `${this.#root}/meter-${at}` }
    })
    this.#fleet.adopt(peer)
    this.peers[at] = peer
    void peer.ended.then(code => {
      if (!this.#ending.has(peer))
        this.violations.push(`node ${at} ended by itself with ${code}: ${peer.stderr}`)
    })
  }

  async end(at?: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    if (at === undefined) return this.#endAll()
    const peer = this.peers[at]!
    this.#ending.add(peer)
    const code = await peer.stop(signal)
    this.#readLog(at, peer)
    if (signal === 'SIGTERM') assert.equal(code, 0, `it ended with ${code}: ${peer.stderr}`)
  }

  async #endAll(): Promise<void> {
    await this.load.stop()
    for (const [at, peer] of this.peers.entries()) {
      this.#ending.add(peer)
      this.#readLog(at, peer)
    }
    await this.#fleet.end()
  }

  #readLog(at: number, peer: PeerProcess): void {
    if (TROUBLE.test(peer.stderr)) this.violations.push(`log of node ${at}: ${peer.stderr.slice(-2000)}`)
  }

  copyOf(at: number): string {
    return `${this.#root}/copy-${at}`
  }
}
