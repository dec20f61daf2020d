/**
 * What goes wrong in a run, and when: each seed turns a random part of the kinds on, each with its own frequency, so that
 * rare ones meet each other undiluted. Every fault ends by itself or when the run heals.
 */
import type { Timeline } from './clock.js'
import type { Dice } from './dice.js'
import type { Machine } from './machine.js'
import type { SimNetwork } from './network.js'
import type { Operator } from './operator.js'

export interface FaultsInit {
  readonly dice: Dice
  readonly timeline: Timeline
  readonly network: SimNetwork
  readonly operator: Operator
  /** For how long faults happen. */
  readonly activeMs: number
  readonly machines: () => readonly Machine[]
  readonly sometimes: (what: string) => void
  readonly trace: (line: string) => void
  /** Kinds that are left out. */
  readonly without: ReadonlySet<string>
}

type Kind = (faults: Faults, machine: Machine) => void

/** A fault of one kind comes so many times in a run, at most. */
const mostOften = 8
const minuteMs = 60_000
const yearMs = 365 * 24 * 60 * minuteMs

export class Faults {
  readonly init: FaultsInit
  readonly dice: Dice
  #on = true

  constructor(init: FaultsInit) {
    this.init = init
    this.dice = init.dice
  }

  get isOn(): boolean {
    return this.#on
  }

  /** Chooses the kinds of this run and lets them begin. */
  begin(): void {
    const share = this.dice.between(0.1, 0.6)
    for (const [name, kind] of Object.entries(KINDS)) {
      if (!this.dice.chance(share) || this.init.without.has(name)) continue
      const meanMs = this.init.activeMs / this.dice.whole(1, mostOften)
      this.init.trace(`faults: ${name}, every ${Math.round(meanMs)} ms`)
      this.#next(name, kind, meanMs)
    }
  }

  end(): void {
    this.#on = false
  }

  #next(name: string, kind: Kind, meanMs: number): void {
    this.init.timeline.after(this.dice.gap(meanMs), undefined, () => {
      if (!this.#on) return
      const machines = this.init.machines().filter(({ retired }) => !retired)
      const machine = this.dice.pick(machines)
      this.init.trace(`fault: ${name} at ${machine.name}`)
      kind(this, machine)
      this.#next(name, kind, meanMs)
    })
  }

  /** Later, whether faults are still on or not: what ends a fault. */
  later(fromMs: number, toMs: number, run: () => void): void {
    this.init.timeline.after(this.dice.between(fromMs, toMs), undefined, run)
  }

  /** Two groups of nodes, none empty. */
  #groups(): [Machine[], Machine[]] {
    const machines = [...this.init.machines()]
    const left = machines.splice(this.dice.below(machines.length), 1)
    const right = machines.splice(0, 1)
    for (const machine of machines) (this.dice.chance(0.5) ? left : right).push(machine)
    return [left, right]
  }

  part(oneWay: boolean): void {
    const { network } = this.init
    const [left, right] = this.#groups()
    const patienceMs = this.dice.between(0, 20_000)
    const links = left.flatMap(a => right.map(b => [a.name, b.name] as const))
    for (const [a, b] of links) {
      network.cut(a, b, patienceMs)
      if (!oneWay) network.cut(b, a, patienceMs)
    }
    this.init.sometimes(oneWay ? 'one-way partition' : 'partition')
    this.later(200, 15_000, () => {
      for (const [a, b] of links) {
        network.heal(a, b)
        network.heal(b, a)
      }
    })
  }

  /** Nobody reaches it for a while: it writes on from where it was put back before it meets those who knew more. */
  isolate(machine: Machine): void {
    const { network } = this.init
    const others = this.init.machines().filter(other => other !== machine)
    for (const { name } of others) {
      network.cut(name, machine.name, 0)
      network.cut(machine.name, name, 0)
    }
    this.later(4_000, 12_000, () => {
      for (const { name } of others) {
        network.heal(name, machine.name)
        network.heal(machine.name, name)
      }
    })
  }

  crash(machine: Machine, power: boolean): void {
    this.init.operator.crash(machine, power)
  }
}

const KINDS: Record<string, Kind> = {
  kill: (faults, machine) => faults.crash(machine, false),
  'power cut': (faults, machine) => faults.crash(machine, true),
  'crash in a write': (faults, machine) => {
    const { disk } = machine
    const power = faults.dice.chance(0.5)
    disk.onFlight = ms => {
      disk.onFlight = undefined
      faults.init.timeline.after(faults.dice.fraction() * ms, undefined, () => {
        if (machine.disk === disk) faults.crash(machine, power)
      })
    }
  },
  'clean restart': (faults, machine) => faults.init.operator.restart(machine),
  pause: (faults, machine) => {
    faults.init.operator.pause(machine, faults.dice.between(20, 20_000))
  },
  partition: faults => faults.part(false),
  'one-way partition': faults => faults.part(true),
  'broken connection': faults => {
    const connections = faults.init.network.connections()
    if (connections.length > 0) faults.init.network.breakConnection(faults.dice.pick(connections), 1000)
  },
  'stream resets': faults => {
    const { network } = faults.init
    network.resets = faults.dice.between(0.01, 0.3)
    faults.later(200, 6_000, () => {
      network.resets = 0
    })
  },
  lag: faults => {
    const { network } = faults.init
    network.lagMs = faults.dice.between(20, 2_000)
    faults.later(200, 6_000, () => {
      network.lagMs = 0
    })
  },
  'lossy gossip': faults => {
    const { network, sometimes } = faults.init
    network.gossipLoss = faults.dice.fraction()
    network.gossipDoubling = faults.dice.fraction()
    sometimes('gossip trouble')
    faults.later(500, 10_000, () => {
      network.gossipLoss = 0
      network.gossipDoubling = 0
    })
  },
  refusals: faults => {
    const { network } = faults.init
    network.refusals = faults.dice.between(0.2, 1)
    faults.later(200, 5_000, () => {
      network.refusals = 0
    })
  },
  'frozen reader': (faults, machine) => {
    const { endpoint } = machine
    const peers = [...(endpoint?.connections.keys() ?? [])]
    if (endpoint === undefined || peers.length === 0) return
    const peer = faults.dice.pick(peers)
    endpoint.freeze(peer, true)
    faults.init.sometimes('frozen reader')
    faults.later(100, 20_000, () => endpoint.freeze(peer, false))
  },
  'disk full': (faults, machine) => faults.init.operator.trouble(machine, 'ENOSPC'),
  'disk errors': (faults, machine) => faults.init.operator.trouble(machine, 'EIO'),
  'one write fails': (faults, machine) => {
    machine.disk.nextWrite = faults.dice.chance(0.5) ? 'before' : 'after'
  },
  'clock set': (faults, machine) => {
    const far = faults.dice.pick([1_000, minuteMs, 5 * minuteMs, yearMs])
    const byMs = Math.round((faults.dice.chance(0.5) ? 1 : -1) * faults.dice.between(0.1, 1) * far)
    machine.wall.jump(byMs)
    faults.init.sometimes(byMs > 0 ? 'clock set forward' : 'clock set back')
  },
  'clock frozen': (faults, machine) => {
    machine.wall.freeze()
    faults.init.sometimes('clock frozen')
    faults.later(500, 20_000, () => machine.wall.thaw())
  },
  'directory lost': (faults, machine) => faults.init.operator.loseDirectory(machine, false),
  'key lost': (faults, machine) => faults.init.operator.loseDirectory(machine, true),
  backup: (faults, machine) => {
    faults.init.operator.backUp(machine)
    faults.later(1_000, 15_000, () => {
      if (!faults.isOn) return
      if (faults.dice.chance(0.6)) faults.isolate(machine)
      faults.init.operator.putBack(machine)
    })
  },
  clone: (faults, machine) => faults.init.operator.clone(machine),
  flip: (faults, machine) => faults.init.operator.flip(machine)
}

export const FAULT_KINDS = Object.keys(KINDS)
