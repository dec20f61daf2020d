/**
 * Cuts a run into the RUNs that travel: a batch too large for a frame alone, the others within the bounds of one RUN.
 *
 * Keeps: in each part every chain ends with a signature (a cut inside a signed stretch is mended with the bare headers
 * up to its signature), and signatures that a later one in the same part covers are left out.
 */
import { PROTOCOL } from '../base/index.js'
import type { BareHeader, Batch, BatchId, Mark, Run } from '../log/index.js'
import { neededSignatures } from './coverage.js'
import { entryBound } from './entry.js'

/** A frame holds its own fields, and at least one batch with its bound. */
export const FRAME_FIELDS_BYTES = 128

export interface RunPart {
  readonly batches: readonly Batch[]
  readonly proof: readonly BareHeader[]
  /** The only batch's body travels in BODY frames. */
  readonly large: boolean
  readonly position: Mark | undefined
  /** Ids of the batches and bare headers whose signature travels. */
  readonly signed: ReadonlySet<BatchId>
}

export function isLarge(batch: Batch): boolean {
  return FRAME_FIELDS_BYTES + entryBound(batch.header) + batch.body.length > PROTOCOL.frameBytes
}

/** The parts of a run, in order. The position stands on the last. */
export function splitRun(run: Run): RunPart[] {
  const { batches, proof } = run
  if (run.offset !== undefined && batches.length !== 1) throw new RangeError('only a single batch is resumed')
  const parts: RunPart[] = []
  let at = 0
  do {
    const rest = new Followers(batches, proof, at)
    const large = at < batches.length && (run.offset !== undefined || isLarge(batches[at]!))
    let take = large ? 1 : countThatFits(batches, at)
    let part = batches.slice(at, at + take)
    let headers = rest.cover(part, at + take === batches.length ? proof : [])
    while (take > 1 && !withinBounds(part, headers)) {
      take = Math.ceil(take / 2)
      part = batches.slice(at, at + take)
      headers = rest.cover(part, [])
    }
    at += take
    const position = at === batches.length ? run.position : undefined
    parts.push({
      batches: part,
      proof: headers,
      large,
      position,
      signed: neededSignatures([...part, ...headers])
    })
  } while (at < batches.length)
  return parts
}

/** How many small batches from `at` on fit one RUN by their bodies. */
function countThatFits(batches: readonly Batch[], at: number): number {
  let bytes = 0
  let end = at
  while (end < batches.length && end - at < PROTOCOL.runBatches) {
    const batch = batches[end]!
    if (isLarge(batch)) break
    bytes += batch.body.length
    if (end > at && bytes > PROTOCOL.windowBytes) break
    end++
  }
  return end - at
}

function withinBounds(batches: readonly Batch[], proof: readonly BareHeader[]): boolean {
  if (batches.length + proof.length > PROTOCOL.runBatches) return false
  let bytes = 0
  let deps = 0
  for (const batch of batches) bytes += batch.body.length
  for (const { header } of [...batches, ...proof]) {
    bytes += entryBound(header)
    deps += header.deps.length
  }
  // A frame is closed when the next entry does not fit: at worst each but the last is half empty.
  return bytes <= PROTOCOL.runBytes - PROTOCOL.frameBytes && deps <= PROTOCOL.runDeps
}

/** Finds, for batches that end unsigned, the headers up to the signature that covers them. */
class Followers {
  readonly #batches: readonly Batch[]
  readonly #proof: readonly BareHeader[]
  readonly #from: number
  #next: Map<BatchId, BareHeader> | undefined

  constructor(batches: readonly Batch[], proof: readonly BareHeader[], from: number) {
    this.#batches = batches
    this.#proof = proof
    this.#from = from
  }

  /** The bare headers that `part` needs: those given for the end of the run, or those found behind a cut. */
  cover(part: readonly Batch[], given: readonly BareHeader[]): readonly BareHeader[] {
    const open = new Map<BatchId, Batch>()
    for (const batch of part) {
      open.delete(batch.header.previous)
      if (batch.signature === undefined) open.set(batch.id, batch)
    }
    if (open.size === 0) return []
    if (given.length > 0) return given
    const headers: BareHeader[] = []
    for (const batch of open.values()) {
      let item: BareHeader | undefined = batch
      while (item !== undefined && item.signature === undefined) {
        item = this.#followers().get(item.id)
        if (item !== undefined) headers.push(bareOf(item))
      }
    }
    return headers
  }

  #followers(): Map<BatchId, BareHeader> {
    if (this.#next === undefined) {
      this.#next = new Map()
      for (const item of [...this.#batches.slice(this.#from), ...this.#proof]) {
        const { previous } = item.header
        if (!this.#next.has(previous)) this.#next.set(previous, item)
      }
    }
    return this.#next
  }
}

function bareOf(item: BareHeader): BareHeader {
  const { header, headerBytes, id, signature } = item
  return signature === undefined ? { header, headerBytes, id } : { header, headerBytes, id, signature }
}
