/**
 * Runs targets: mutants of seeds, of the corpus, and of those mutants that reached something new. The kind of answer
 * (accepted as what, refused with which sentence) stands in for coverage: a mutant whose kind was not seen yet is kept
 * and mutated on.
 */
import { createHash } from 'node:crypto'
import { messageOf } from '../../src/base/index.js'
import { Chance, mutated } from './mutate.js'
import type { Target } from './target.js'

// Most inputs end in an error, and a deep trace costs more than the decoding.
Error.stackTraceLimit = 4

/** Milliseconds that one input may take, on the third try: a busy machine is no fault of a decoder. */
const SLOW_MS = 400
/** Inputs that are kept for a target as new ones. */
const MOST_KEPT = 400
/** Random inputs, one in so many. */
const RANDOM_EVERY = 24
/** Bytes by which one input may make the heap grow. */
const GROWTH_BYTES = 256 * 1024 * 1024
const LOOK_EVERY = 4096

export interface Failure {
  readonly target: string
  readonly bytes: Uint8Array
  readonly reason: string
}

export interface Tally {
  readonly target: string
  inputs: number
  accepted: number
  ms: number
  /** By kind of answer, the first input that was answered so. */
  readonly kinds: Map<string, Uint8Array>
}

export interface RunInit {
  readonly targets: readonly Target[]
  readonly seed: number
  readonly inputs: number
  /** Milliseconds after which no more inputs are tried. @default none */
  readonly withinMs?: number
  /** Saved inputs by target. */
  readonly corpus: ReadonlyMap<string, readonly Uint8Array[]>
  /** Stops at so many failures. @default 1 */
  readonly mostFailures?: number
  readonly onProgress?: (inputs: number) => void
}

export interface RunResult {
  readonly failures: readonly Failure[]
  readonly tallies: readonly Tally[]
  readonly inputs: number
  readonly ms: number
}

/** The kind of answer to one input, or why it breaks a promise. */
export async function tryOne(
  target: Target,
  bytes: Uint8Array
): Promise<{ kind: string } | { broken: string }> {
  let took = Number.POSITIVE_INFINITY
  let kind = ''
  for (let attempt = 0; attempt < 3 && took > SLOW_MS; attempt++) {
    const copy = bytes.slice()
    const startedMs = performance.now()
    try {
      const answer = target.read(copy)
      kind = `+${typeof answer === 'string' ? answer : await answer}`
    } catch (error) {
      if (!target.refuses(error)) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
        return { broken: text }
      }
      // What a text says behind the colon is mostly the input itself.
      const [first = '', second] = messageOf(error).split(': ')
      kind = `-${first}${target.text === true || second === undefined ? '' : second}`
    }
    took = performance.now() - startedMs
  }
  if (took > SLOW_MS) return { broken: `it takes ${took.toFixed(0)} ms` }
  return {
    kind: kind
      .replace(/[0-9a-f]{8,}/gi, '#')
      .replace(/-?\d+/g, '#')
      .slice(0, 100)
  }
}

export async function run(init: RunInit): Promise<RunResult> {
  const chance = new Chance(init.seed)
  const failures: Failure[] = []
  const pools = init.targets.map(target => new Pool(target, init.corpus.get(target.name) ?? []))
  const turns = pools.flatMap(pool => Array.from({ length: pool.target.weight ?? 1 }, () => pool))
  const startedMs = performance.now()
  let heap = process.memoryUsage().heapUsed
  let done = 0
  for (; done < init.inputs && failures.length < (init.mostFailures ?? 1); done++) {
    const pool = turns[done % turns.length]!
    const bytes = pool.next(chance)
    const beganMs = performance.now()
    const outcome = await tryOne(pool.target, bytes)
    pool.tally.ms += performance.now() - beganMs
    pool.tally.inputs++
    if ('broken' in outcome) {
      const { name } = pool.target
      const isKnown = failures.some(
        ({ target, reason }) => target === name && sameLine(reason, outcome.broken)
      )
      if (!isKnown) failures.push({ target: name, bytes, reason: outcome.broken })
    } else pool.note(outcome.kind, bytes)
    if (done % LOOK_EVERY === 0) {
      const now = process.memoryUsage().heapUsed
      if (now - heap > GROWTH_BYTES)
        failures.push({
          target: pool.target.name,
          bytes,
          reason: `the heap grew from ${heap} to ${now} bytes`
        })
      heap = Math.max(now, heap)
      init.onProgress?.(done)
      // Nothing else gets a turn otherwise: every target answers in microtasks.
      await new Promise(resolve => setImmediate(resolve))
      if (performance.now() - startedMs > (init.withinMs ?? Number.POSITIVE_INFINITY)) break
    }
  }
  const tallies = pools.map(pool => pool.tally)
  return { failures, tallies, inputs: done, ms: performance.now() - startedMs }
}

function sameLine(a: string, b: string): boolean {
  return a.split('\n', 1)[0]!.slice(0, 60) === b.split('\n', 1)[0]!.slice(0, 60)
}

/** Inputs of one target that mutants are made of. */
class Pool {
  readonly target: Target
  readonly tally: Tally
  readonly #inputs: Uint8Array[]
  readonly #least: number

  constructor(target: Target, corpus: readonly Uint8Array[]) {
    this.target = target
    this.tally = { target: target.name, inputs: 0, accepted: 0, ms: 0, kinds: new Map() }
    this.#inputs = [...target.seeds, ...corpus]
    this.#least = target.seeds.length
  }

  next(chance: Chance): Uint8Array {
    if (chance.below(RANDOM_EVERY) === 0) return chance.bytes(chance.below(200))
    // Half of the time a seed: what was found by chance leads on, but leads away.
    const from = chance.below(2) === 0 ? this.#least : this.#inputs.length
    const bytes = this.#inputs[chance.below(from)]!
    const mutant = mutated(bytes, chance.of(this.#inputs), chance, this.target.text ?? false)
    return this.target.mend !== undefined && chance.below(2) === 0 ? this.target.mend(mutant) : mutant
  }

  note(kind: string, bytes: Uint8Array): void {
    if (kind.startsWith('+')) this.tally.accepted++
    const { kinds } = this.tally
    if (kinds.has(kind) || kinds.size >= MOST_KEPT) return
    kinds.set(kind, bytes)
    this.#inputs.push(bytes)
  }
}

/** A short name of an input. */
export function nameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12)
}
