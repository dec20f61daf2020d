/** What lies above a position of the log, without what a peer has. */
import type { NatterError } from '../base/index.js'
import type { Tip } from '../log/index.js'
import { shortId } from '../log/index.js'
import type { DamageReports } from './damage.js'
import type { LogReader } from './history.js'
import type { State } from './state.js'

/** Positions of a backlog that are looked at one by one; all beyond counts as lacking. */
const backlogPositions = 4_096

export interface BacklogInit {
  readonly state: () => State
  readonly log: LogReader
  readonly damage: DamageReports
  readonly nowMs: number
}

export async function backlogOf(
  { state, log, damage, nowMs }: BacklogInit,
  above: number,
  has: (tip: Tip) => boolean
): Promise<{ ops: number; bytes: number; oldestMs: number }> {
  const { totals, mark } = state()
  const lag = { ops: 0, bytes: 0, oldestMs: 0 }
  const tell = (error: NatterError): void => damage.tell(error, 'it is not counted in what peers lack')
  for await (const { position, record } of log.records(above, tell)) {
    if (position > mark.position) break
    if (position > above + backlogPositions) {
      lag.ops += totals.ops - record.opsBefore
      lag.bytes += totals.bytes - record.bytesBefore
      break
    }
    const { header, id } = record.batch
    if (has({ author: header.author, epoch: header.epoch, seq: header.seq, id: shortId(id) })) continue
    lag.ops += header.opCount
    lag.bytes += header.bodyLength
    lag.oldestMs = Math.max(lag.oldestMs, nowMs - record.arrivedMs)
  }
  return lag
}
