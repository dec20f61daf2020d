/**
 * Whoever looks after the nodes of a run: starts again what died, makes copies and puts them back, loses directories,
 * and finds out about a node that will not start. At the end brings everything up.
 */
import { nodeCrypto } from '../../src/base/crypto-node.js'
import { messageOf } from '../../src/base/index.js'
import type { BatchId } from '../../src/log/index.js'
import { positionOfKey, SPACE } from '../../src/store/keys.js'
import { decodeLog } from '../../src/store/log-record.js'
import type { Timeline } from './clock.js'
import { WallClock } from './clock.js'
import type { Keys } from './crypto.js'
import type { Dice } from './dice.js'
import type { Manifest } from './directory.js'
import { Directory } from './directory.js'
import type { DiskHabits, Flip } from './disk.js'
import { SimDisk } from './disk.js'
import { endOfCover, provableIn } from './log-of.js'
import type { Ground } from './machine.js'
import { Machine } from './machine.js'
import type { Table } from './table.js'

/** A raw copy of a directory. */
interface Backup {
  readonly content: Table
  readonly manifest: Manifest
  readonly place: string
  /** Records in it that a flip damaged. */
  readonly flipped: ReadonlyMap<string, Flip>
}

export interface OperatorInit {
  readonly seed: number
  readonly dice: Dice
  readonly timeline: Timeline
  readonly ground: Ground
  readonly keys: Keys
  readonly habits: DiskHabits
  /** Clones that one run may have. */
  readonly mostClones: number
  /** Told before a process dies, so that its callers can be told. */
  readonly onGone: (machine: Machine, life: number) => void
  readonly sometimes: (what: string) => void
}

export class Operator {
  readonly machines: Machine[] = []
  readonly #init: OperatorInit
  readonly #backups = new Map<Machine, Backup>()
  #places = 0
  #clones = 0
  healing = false

  constructor(init: OperatorInit) {
    this.#init = init
  }

  add(durable: boolean): Machine {
    const name = `n${this.machines.length + 1}`
    const signer = this.#init.keys.make(this.#init.seed)
    return this.#add(name, signer, durable, machine => this.#directory(machine))
  }

  #add(
    name: string,
    signer: Machine['signer'],
    durable: boolean,
    directory: (machine: Machine) => Directory
  ): Machine {
    const { timeline, dice, ground } = this.#init
    // Clocks that agree to the millisecond give times that are equal.
    const wall = new WallClock(timeline, dice.chance(0.4) ? 0 : dice.between(-400, 400))
    const machine = new Machine({ name, durable, wall, dice: dice.split(), ground, signer, directory })
    this.machines.push(machine)
    return machine
  }

  #directory(machine: Machine, from?: Backup): Directory {
    const { dice, timeline, habits } = this.#init
    const place = from?.place ?? `key-${++this.#places}`
    const disk = new SimDisk({
      timeline,
      dice: dice.split(),
      habits,
      tell: fault => machine.tell({ type: 'disk', ...fault }),
      ...(from !== undefined && { content: from.content.copy() })
    })
    for (const [name, flip] of from?.flipped ?? []) disk.flipped.set(name, flip)
    return new Directory(disk, dice.split(), place, from?.manifest)
  }

  /** Starts what is down, again and again while it does not come up. */
  startSoon(machine: Machine, withinMs = 3_000): void {
    const { timeline, dice } = this.#init
    timeline.after(dice.between(1, withinMs), undefined, () => {
      if (machine.phase !== 'down' || machine.retired || machine.held) return
      machine.start()
      this.#watchStart(machine)
    })
  }

  #watchStart(machine: Machine): void {
    this.#init.timeline.after(500, undefined, () => {
      if (machine.phase === 'starting') this.#watchStart(machine)
      if (machine.phase !== 'down' || machine.refusal === undefined) return
      // A damaged directory is replaced by an empty one: what peers hold comes back from them.
      if (machine.refusal === 'STORE_DAMAGED') this.#replace(machine, 'directory-lost', undefined)
      this.startSoon(machine)
    })
  }

  crash(machine: Machine, power: boolean): void {
    if (machine.phase === 'down') return
    const { life } = machine
    machine.crash(power)
    this.#init.sometimes(power ? 'power cut' : 'killed')
    this.#init.onGone(machine, life)
    this.startSoon(machine, 8_000)
  }

  restart(machine: Machine): void {
    this.stop(machine, () => this.startSoon(machine))
  }

  /** Stops it in order and then goes on. */
  stop(machine: Machine, then: () => void): void {
    if (machine.phase !== 'up' || machine.paused) return
    const life = machine.process
    machine.stop().then(() => {
      this.#init.sometimes('stopped in order')
      machine.leave(life)
      then()
    })
  }

  pause(machine: Machine, forMs: number): void {
    if (machine.phase === 'down' || machine.paused) return
    machine.pause()
    const { life } = machine
    this.#init.sometimes('paused')
    this.#init.timeline.after(forMs, undefined, () => {
      if (machine.life === life) machine.resume()
    })
  }

  trouble(machine: Machine, code: 'ENOSPC' | 'EIO'): void {
    const { dice, timeline } = this.#init
    machine.disk.trouble = {
      code,
      untilMs: timeline.now + dice.between(50, 12_000),
      share: dice.chance(0.5) ? 1 : dice.between(0.05, 0.9),
      reads: code === 'EIO' && dice.chance(0.5),
      shown: dice.chance(0.5)
    }
  }

  #replace(
    machine: Machine,
    what: 'directory-lost' | 'key-lost' | 'restored' | 'rolled-back',
    from?: Backup
  ): void {
    machine.replace(this.#directory(machine, from))
    machine.tell({ type: 'life', what })
  }

  #down(machine: Machine): void {
    const { life } = machine
    if (machine.phase === 'down') return
    machine.crash(true)
    this.#init.onGone(machine, life)
  }

  loseDirectory(machine: Machine, withKey: boolean): void {
    const { sometimes, keys, seed, ground } = this.#init
    this.#down(machine)
    this.#backups.delete(machine)
    if (withKey) {
      if (this.machines.some(other => other !== machine && other.author === machine.author)) return
      machine.signer = keys.make(seed)
      ground.network.authors = [...ground.network.authors, machine.author]
    }
    sometimes(withKey ? 'key lost' : 'directory lost')
    this.#replace(machine, withKey ? 'key-lost' : 'directory-lost')
    this.startSoon(machine)
  }

  /** Copies the files of a node, running or not, as a snapshot of the file system does. */
  backUp(machine: Machine): void {
    const { manifest, place, disk } = machine.directory
    this.#backups.set(machine, { content: disk.content(), manifest, place, flipped: new Map(disk.flipped) })
  }

  /** Puts the copy back: as other files, with the database alone, or by a snapshot of the machine that shows nothing. */
  putBack(machine: Machine): void {
    const { dice, sometimes } = this.#init
    const backup = this.#backups.get(machine)
    if (backup === undefined) return
    this.#down(machine)
    const way = dice.below(3)
    if (way === 0) {
      sometimes('copy put back')
      this.#replace(machine, 'restored', { ...backup, place: `key-${++this.#places}` })
    } else if (way === 1) {
      sometimes('rolled back unseen')
      this.#replace(machine, 'rolled-back', backup)
    } else {
      sometimes('database put back alone')
      const { manifest, place } = machine.directory
      this.#replace(machine, 'rolled-back', { ...backup, manifest, place })
    }
    this.startSoon(machine)
  }

  /** Starts a second process on a copy of the directory, with the same key. */
  clone(machine: Machine): void {
    const { sometimes, timeline } = this.#init
    if (this.#clones >= this.#init.mostClones || machine.phase !== 'up') return
    this.#clones++
    const { manifest, disk } = machine.directory
    const flipped = new Map(disk.flipped)
    const copy = { content: disk.content(), manifest, place: `key-${++this.#places}`, flipped }
    const name = `${machine.name}c`
    const clone = this.#add(name, machine.signer, machine.durable, other => this.#directory(other, copy))
    machine.tell({ type: 'life', what: 'cloned', detail: name })
    sometimes('clone run twice')
    this.startSoon(clone)
    // They take turns: peers are connected with one of the two.
    const turn = (): void => {
      for (const connection of this.#init.ground.network.connections()) {
        if (connection.ends.some(({ author }) => author === machine.author))
          this.#init.ground.network.breakConnection(connection)
      }
      if (!this.healing) timeline.after(4_000, undefined, turn)
    }
    timeline.after(4_000, undefined, turn)
  }

  flip(machine: Machine): void {
    const { dice, sometimes } = this.#init
    const space = dice.pick([SPACE.log, SPACE.log, SPACE.cell, SPACE.index, SPACE.history, 0])
    const made = machine.disk.flip(key => space === 0 || key[0] === space, batchOf)
    if (made) sometimes('flip made')
  }

  /** Gives up directories with damaged batches that nobody else has: what follows them could never come to others. */
  giveUpLost(): void {
    for (const machine of this.machines) {
      for (const { batch } of machine.disk.flipped.values()) {
        if (batch === undefined || this.#isElsewhere(batch, machine)) continue
        this.#init.sometimes('damaged batch that nobody has')
        this.loseDirectory(machine, false)
        break
      }
    }
  }

  /** Whether another node that may run now has the batch, and what it takes to prove it. */
  #isElsewhere(batch: BatchId, damaged: Machine): boolean {
    return this.machines.some(
      machine =>
        machine !== damaged && !machine.retired && !machine.held && provableIn(machine.disk).has(batch)
    )
  }

  /** Has a node look through its whole store and mend what it finds. */
  repair(machine: Machine): void {
    const { store, life } = machine
    if (store === undefined || machine.repairedIn === life || machine.disk.flipped.size === 0) return
    machine.repairedIn = life
    store.verify({ repair: true }).then(
      ({ repaired, waiting }) => {
        machine.tell({
          type: 'life',
          what: 'repaired',
          detail: `${repaired.length}, ${waiting.length} to come`
        })
        if (repaired.length > 0) this.#init.sometimes('derived record made again')
        if (waiting.length > 0) this.#init.sometimes('batch asked for again')
      },
      (error: unknown) => {
        // It was stopped, or the disk fenced: again in the next look.
        machine.repairedIn = 0
        machine.tell({ type: 'life', what: 'repaired', detail: `not at all: ${messageOf(error)}` })
        // A recovery that cannot read what memory is made of: only a start with other files helps.
        if (messageOf(error).includes('is damaged') && machine.life === life) this.crash(machine, false)
      }
    )
  }

  /** Ends every fault that a machine has. */
  heal(): void {
    this.healing = true
    for (const machine of this.machines) {
      machine.resume()
      machine.wall.thaw()
      machine.disk.trouble = undefined
      machine.disk.nextWrite = undefined
      machine.disk.onFlight = undefined
    }
  }
}

/** The batch that cannot be given to others without this record. */
function batchOf(key: Uint8Array, value: Uint8Array): BatchId | undefined {
  if (key[0] === SPACE.cover) return endOfCover(key, value)
  return key[0] === SPACE.log ? decodeLog(key, value, positionOfKey(key), nodeCrypto).batch.id : undefined
}
