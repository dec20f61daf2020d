/**
 * What clients do in a run: writes of every shape, reads, and repeats of what nobody answered. Keys overlap, so that
 * writes meet; ids of clients come again, at the same node, at another, at two at once, and with other content.
 */
import { isNatterError, utf8 } from '../../src/base/index.js'
import type { OpName } from '../../src/log/index.js'
import { OP_KIND } from '../../src/log/index.js'
import type { Cell, LocalOp, LocalWrite } from '../../src/store/index.js'
import type { Dice } from './dice.js'
import type { ClientAnswer, ClientCall } from './history.js'
import type { Machine } from './machine.js'
import { codeOf } from './machine.js'

export interface WorkloadInit {
  readonly dice: Dice
  readonly keys: number
  /** Milliseconds between two operations on average. */
  readonly gapMs: number
  /** Share of values that are large. */
  readonly largeValues: number
  readonly machines: () => readonly Machine[]
  readonly after: (delayMs: number, run: () => void) => void
  readonly broken: (property: string, message: string) => void
  readonly sometimes: (what: string) => void
}

interface Pending {
  readonly machine: Machine
  readonly life: number
  readonly call: ClientCall
}

const largeBytes = 6_000
/** Writes with an id that may come again. */
const remembered = 24

export class Workload {
  readonly #init: WorkloadInit
  readonly #dice: Dice
  readonly #pending = new Map<number, Pending>()
  /** Writes with ids, newest last. */
  readonly #withIds: LocalWrite[] = []
  /** Versions that were seen of keys: conditions may name one that is past. */
  readonly #seen = new Map<string, OpName>()
  /** Ids that were taken at two nodes. */
  readonly #takenAt = new Map<string, string>()
  #ops = 0
  #on = false

  constructor(init: WorkloadInit) {
    this.#init = init
    this.#dice = init.dice
  }

  get pending(): number {
    return this.#pending.size
  }

  describePending(): string {
    const names = [...this.#pending].map(
      ([op, { machine, call }]) => `${op} (${call.kind}) at ${machine.name}`
    )
    return names.join(', ')
  }

  begin(): void {
    this.#on = true
    this.#next()
  }

  end(): void {
    this.#on = false
  }

  #next(): void {
    this.#init.after(this.#dice.gap(this.#init.gapMs), () => {
      if (!this.#on) return
      this.#act()
      this.#next()
    })
  }

  /** The process of a life is gone: nobody will answer what it was asked. */
  crashed(machine: Machine, life: number): void {
    for (const [op, pending] of this.#pending) {
      if (pending.machine !== machine || pending.life !== life) continue
      this.#pending.delete(op)
      machine.tell({ type: 'indeterminate', op, code: 'CRASHED' })
      this.#maybeRepeat(pending)
    }
  }

  #act(): void {
    const dice = this.#dice
    const up = this.#init.machines().filter(({ running, paused }) => running && !paused)
    if (up.length === 0) return
    const machine = dice.pick(up)
    const chance = dice.fraction()
    if (chance < 0.15) this.read(machine)
    else if (chance < 0.18) this.scan(machine)
    else if (chance < 0.28) void this.#compareAndSet(machine)
    else if (chance < 0.36 && this.#withIds.length > 0) this.#again(machine, up)
    else if (chance < 0.4) this.#bothSides(up)
    else if (chance < 0.43) this.#collide(up)
    else if (chance < 0.46) this.#lateCopy(machine, up)
    else if (chance < 0.5) for (let i = dice.whole(2, 5); i > 0; i--) this.write(machine, this.#fresh())
    else this.write(machine, this.#fresh())
  }

  #key(): Uint8Array {
    return utf8(`k${this.#dice.below(this.#init.keys)}`)
  }

  #op(number: number): LocalOp {
    const dice = this.#dice
    const key = this.#key()
    if (dice.chance(0.2)) return { kind: OP_KIND.del, key }
    const text = `v${this.#ops}.${number}`
    const isLarge = dice.chance(this.#init.largeValues)
    return { kind: OP_KIND.put, key, value: utf8(isLarge ? text.padEnd(largeBytes, '.') : text) }
  }

  #fresh(): LocalWrite {
    const dice = this.#dice
    const ops: LocalOp[] = [this.#op(0)]
    if (dice.chance(0.3)) for (let i = dice.whole(1, 5); i > 0; i--) ops.push(this.#op(i))
    if (!dice.chance(0.4)) return { ops }
    const write = { ops, id: `c${this.#ops}` }
    this.#remember(write)
    return write
  }

  #remember(write: LocalWrite): void {
    this.#withIds.push(write)
    if (this.#withIds.length > remembered) this.#withIds.shift()
  }

  #again(machine: Machine, up: readonly Machine[]): void {
    const dice = this.#dice
    const write = dice.pick(this.#withIds)
    if (dice.chance(0.25)) this.write(machine, { ...this.#fresh(), id: write.id! })
    else this.write(dice.pick(up), write)
  }

  /** One write enters at two nodes: its client heard nothing from the first. */
  #bothSides(up: readonly Machine[]): void {
    const write = { ...this.#fresh(), id: `c${this.#ops}` }
    this.#remember(write)
    for (const machine of [this.#dice.pick(up), this.#dice.pick(up)]) this.write(machine, write)
  }

  /** Two nodes write one key at the same moment. */
  #collide(up: readonly Machine[]): void {
    const key = this.#key()
    for (const machine of [this.#dice.pick(up), this.#dice.pick(up)]) {
      this.write(machine, { ops: [{ kind: OP_KIND.put, key, value: utf8(`v${this.#ops}.c`) }] })
    }
  }

  /** A write with an id is made and overwritten, and then enters once more somewhere else, which may not know of it. */
  #lateCopy(machine: Machine, up: readonly Machine[]): void {
    const dice = this.#dice
    const op = { kind: OP_KIND.put, key: this.#key(), value: utf8(`v${this.#ops}.l`) }
    const write = { ops: [op], id: `c${this.#ops}` }
    const other = dice.pick(up)
    this.#remember(write)
    this.write(machine, write)
    const laterMs = dice.between(50, 800)
    this.#init.after(laterMs, () => {
      if (machine.running && this.#on) {
        this.write(machine, { ops: [{ ...op, value: utf8(`v${this.#ops}.o`) }] })
      }
    })
    this.#init.after(laterMs + dice.between(50, 1_500), () => {
      if (other.running && this.#on) this.write(other, write)
    })
  }

  async #compareAndSet(machine: Machine): Promise<void> {
    const dice = this.#dice
    const { store } = machine
    if (store === undefined) return
    const op = this.#op(0)
    const old = this.#seen.get(nameOf(op.key))
    let at: OpName | null = old ?? null
    if (!dice.chance(0.3)) {
      let cell: Cell | undefined
      try {
        cell = await store.get(op.key)
      } catch {
        return // it may be closed or damaged: then there is nothing to compare with
      }
      const winner = cell?.winner
      if (cell?.unreadable !== undefined || winner?.kind === 0) return
      at = winner === undefined ? null : nameOfVersion(winner)
    }
    if (machine.store !== store) return
    const write = { ops: [op], conditions: [{ key: op.key, at }] }
    // One that is asked for again under its id is known, whatever stands under the key by then.
    const named = dice.chance(0.5) ? { ...write, id: `c${this.#ops}` } : write
    if (named !== write) this.#remember(named)
    this.write(machine, named)
  }

  // Calls

  read(machine: Machine): void {
    const key = this.#key()
    this.#call(machine, { kind: 'read', key }, async store => ({ kind: 'read', cell: await store.get(key) }))
  }

  scan(machine: Machine): void {
    const walk = async (store: NonNullable<Machine['store']>): Promise<ClientAnswer> => {
      const iterator = store.iterate({})
      const found: { key: Uint8Array; cell: Cell }[] = []
      try {
        for (let page = await iterator.next(8); page.length > 0; page = await iterator.next(8))
          found.push(...page)
      } finally {
        await iterator.close()
      }
      return { kind: 'scan', found }
    }
    this.#call(machine, { kind: 'scan' }, store => {
      const walking = walk(store)
      machine.walks.add(walking)
      const over = (): boolean => machine.walks.delete(walking)
      walking.then(over, over)
      return walking
    })
  }

  write(machine: Machine, write: LocalWrite): void {
    this.#call(machine, { kind: 'write', write }, async store => {
      return { kind: 'write', committed: await store.write(write) }
    })
  }

  #call(
    machine: Machine,
    call: ClientCall,
    run: (store: NonNullable<Machine['store']>) => Promise<ClientAnswer>
  ): void {
    const { store, life } = machine
    if (store === undefined) return
    const op = this.#ops++
    this.#pending.set(op, { machine, life, call })
    machine.tell({ type: 'invoke', op, call })
    run(store).then(
      answer => {
        if (!this.#pending.delete(op)) return
        machine.tell({ type: 'ok', op, answer })
        this.#answered(machine, call, answer)
      },
      (error: unknown) => {
        const pending = this.#pending.get(op)
        if (pending === undefined) return
        this.#pending.delete(op)
        const code = codeOf(error)
        if (!isNatterError(error)) {
          const text = error instanceof Error ? error.stack : code
          this.#init.broken('errors come from the table', `${machine.name}, operation ${op}: ${text}`)
        }
        const type = code === 'INDETERMINATE' ? 'indeterminate' : 'fail'
        machine.tell({ type, op, code })
        if (type === 'indeterminate') this.#maybeRepeat(pending)
      }
    )
  }

  #answered(machine: Machine, call: ClientCall, answer: ClientAnswer): void {
    if (answer.kind === 'read' && answer.cell?.winner !== undefined && call.kind === 'read')
      this.#seen.set(nameOf(call.key), nameOfVersion(answer.cell.winner))
    if (answer.kind !== 'write' || call.kind !== 'write' || call.write.id === undefined) return
    const { id } = call.write
    if (answer.committed.repeated) this.#init.sometimes('client id repeated')
    else {
      const before = this.#takenAt.get(id)
      if (before !== undefined && before !== machine.name) this.#init.sometimes('client id on both sides')
      this.#takenAt.set(id, machine.name)
    }
  }

  /** The client of a write with an id asks again, where it asked before or somewhere else. */
  #maybeRepeat({ machine, call }: Pending): void {
    if (call.kind !== 'write' || call.write.id === undefined) return
    const { write } = call
    this.#init.after(this.#dice.between(10, 3000), () => {
      const up = this.#init.machines().filter(({ running }) => running)
      const same = up.find(other => other === machine)
      const at =
        same !== undefined && this.#dice.chance(0.7) ? same : up.length > 0 ? this.#dice.pick(up) : undefined
      if (at !== undefined && this.#on) this.write(at, write)
    })
  }
}

function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key)
}

function nameOfVersion(winner: NonNullable<Cell['winner']>): OpName {
  const { author, epoch, seq, index, branch } = winner
  return branch === undefined ? { author, epoch, seq, index } : { author, epoch, seq, index, branch }
}
