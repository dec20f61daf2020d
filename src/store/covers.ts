/**
 * The headers that cover the end of a branch whose last applied batch carries no signature of its own: bare headers up
 * to the signed one, at most 63. They are kept so that what is applied here can be proved to others.
 *
 * Keeps: a signature that covers an applied batch stays here until a nearer one covers it. The sender of the next batches
 * leaves out signatures that a later one makes unnecessary, by what it sends; what it sent before, and what others sent,
 * it does not look at. So a batch that comes without its signature is given the one that its cover holds: without it the
 * next signature might be too far away for the first batches of the stretch, and they could be proved to nobody.
 */
import type { Hashes } from '../base/index.js'
import { FORMAT } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import type { BareHeader, Batch, BatchId } from '../log/index.js'
import { isDamage } from './damage.js'
import type { Chain } from './keys.js'
import { coverKey } from './keys.js'
import { chainText } from './lineage.js'
import { decodeCover, encodeCover } from './records.js'

interface Cover {
  readonly chain: Chain
  readonly headers: readonly BareHeader[]
  /** It is not what stands on disk. */
  readonly changed: boolean
}

/** An unsigned batch at the end of a branch. */
export interface OpenEnd {
  readonly chain: Chain
  readonly id: BatchId
}

const NONE: readonly BareHeader[] = []

/** The covers of one commit. */
export class Covers {
  readonly #disk: Disk
  readonly #hashes: Hashes
  /** Those that this commit has met, as they are by now. */
  readonly #met = new Map<string, Cover>()

  constructor(disk: Disk, hashes: Hashes) {
    this.#disk = disk
    this.#hashes = hashes
  }

  /**
   * `batch` goes behind the unsigned end of the branch, which is on disk or came with this commit. Answers it with its
   * signature, where that is known here.
   */
  async follow(chain: Chain, batch: Batch, endIsOnDisk: boolean): Promise<Batch> {
    const met = this.#met.get(chainText(chain))
    const [next, ...rest] = met?.headers ?? (endIsOnDisk ? await this.#read(chain) : NONE)
    if (next === undefined) return batch
    const goesOn = next.id === batch.id && batch.signature === undefined
    this.set(chain, goesOn && next.signature === undefined ? rest : NONE)
    return goesOn && next.signature !== undefined ? { ...batch, signature: next.signature } : batch
  }

  /** Covers the ends of this commit that nothing covers yet, by the batches and bare headers that came with them. */
  close(ends: readonly OpenEnd[], items: readonly BareHeader[]): void {
    const following = new Map<BatchId, BareHeader>()
    for (const item of items) following.set(item.header.previous, item)
    for (const { chain, id } of ends) {
      const stands = this.#met.get(chainText(chain))?.headers.at(-1)
      if (stands?.signature === undefined) this.set(chain, headersUpToSignature(following, id))
    }
  }

  set(chain: Chain, headers: readonly BareHeader[]): void {
    this.#met.set(chainText(chain), { chain, headers, changed: true })
  }

  writeTo(write: DiskWrite): void {
    for (const { chain, headers, changed } of this.#met.values()) {
      if (!changed) continue
      const key = coverKey(chain)
      if (headers.length === 0) write.del(key)
      else write.put(key, encodeCover(key, headers, this.#hashes))
    }
  }

  /** One that is damaged covers nothing: what rests on it is found by verification. */
  async #read(chain: Chain): Promise<readonly BareHeader[]> {
    const key = coverKey(chain)
    let headers = NONE
    try {
      const value = await this.#disk.get(key)
      if (value !== undefined) headers = decodeCover(key, value, this.#hashes)
    } catch (error) {
      if (!isDamage(error)) throw error
    }
    this.#met.set(chainText(chain), { chain, headers, changed: false })
    return headers
  }
}

/** The bare headers that follow a batch among these, up to the first with a signature. */
export function headersUpToSignature(
  following: ReadonlyMap<BatchId, BareHeader>,
  id: BatchId
): readonly BareHeader[] {
  const headers: BareHeader[] = []
  let next = following.get(id)
  while (next !== undefined && headers.length < FORMAT.unsignedBatches) {
    const { header, headerBytes, signature } = next
    headers.push({ header, headerBytes, id: next.id, ...(signature !== undefined && { signature }) })
    if (signature !== undefined) break
    next = following.get(next.id)
  }
  return headers
}
