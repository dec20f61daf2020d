/** The first walk of an inspection: which positions hold a batch that can be used, and what the others may have held. */
import { messageOf } from '../base/index.js'
import type { Author, BatchId, Epoch } from '../log/index.js'
import { bodyFits, NO_BATCH } from '../log/index.js'
import { isDamage } from './damage.js'
import { decodeGap } from './holes.js'
import type { Inspection } from './inspection.js'
import { positionOfKey, SPACE } from './keys.js'
import { decodeLog } from './log-record.js'

/** A batch that another one names as the one before it, and that the walk has not seen. */
export interface Candidate {
  readonly author: Author
  readonly epoch: Epoch
  readonly branch: number
  readonly seq: number
  readonly id: BatchId
  /** It stood behind this position, and before that one. */
  readonly after: number
  readonly before: number
}

export interface Scan {
  /** The last position, whether or not its record can be used. */
  last: number
  /** Every author of a batch that can be used, in order of appearance, with a position of one. */
  readonly authors: Map<Author, number>
  readonly candidates: Candidate[]
}

/** Fills `inspection.bad`. `mark` is the position up to which the log should go. */
export async function scanLog(inspection: Inspection, mark: number): Promise<Scan> {
  const { crypto, database } = inspection.init
  const scan: Scan = { last: 0, authors: new Map(), candidates: [] }
  const ends = new Map<string, { seq: number; position: number }>()
  for await (const [key, value] of inspection.entries(SPACE.hole)) {
    if (inspection.attempt(() => decodeGap(key, value, crypto)) === 'vacant')
      inspection.vacant.add(positionOfKey(key))
  }
  const lacks = (position: number): void => {
    if (!inspection.vacant.has(position)) inspection.bad.set(position, 'it is missing')
  }
  for await (const [key, value] of inspection.entries(SPACE.log, 8)) {
    const position = positionOfKey(key)
    for (let gap = scan.last + 1; gap < position; gap++) lacks(gap)
    scan.last = position
    try {
      const { batch, branch } = decodeLog(key, value, position, crypto)
      const { header } = batch
      if (!bodyFits(header, batch.body, crypto) || header.database !== database) {
        const fits = header.database === database
        inspection.bad.set(position, fits ? 'its body has another root' : 'it is of another database')
        continue
      }
      const { author, epoch, seq, previous } = header
      if (!scan.authors.has(author)) scan.authors.set(author, position)
      const chain = `${author}/${epoch}/${branch}`
      const end = ends.get(chain)
      ends.set(chain, { seq, position })
      const isNext = end === undefined ? seq === 1 || branch > 0 : end.seq + 1 === seq
      if (isNext || previous === NO_BATCH) continue
      const after = end?.position ?? 0
      scan.candidates.push({ author, epoch, branch, seq: seq - 1, id: previous, after, before: position })
    } catch (error) {
      if (!isDamage(error)) throw error
      inspection.bad.set(position, reasonOf(error))
    }
  }
  for (let gap = scan.last + 1; gap <= mark; gap++) lacks(gap)
  scan.last = Math.max(scan.last, mark)
  return scan
}

/** Without the place, which stands beside it. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^position \d+ of the log is damaged: /, '')
}
