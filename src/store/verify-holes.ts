/**
 * Which batches stood at the positions that cannot be read: by the index, the tips, the notes of earlier, and at last by
 * what the batch behind each names as the one before it.
 */
import { readIndex } from './hole-keeper.js'
import type { Hole } from './holes.js'
import { decodeHole } from './holes.js'
import type { Inspection } from './inspection.js'
import { positionName } from './inspection.js'
import { logKey, readUint, SPACE } from './keys.js'
import type { Place } from './lineage.js'
import { decodeLog, nextCheck } from './log-record.js'
import { decodeTip } from './records.js'
import type { Candidate, Scan } from './scan-log.js'

/** Fills `inspection.holes`, by position. Without the mark the log goes as far as tips and index tell. */
export async function findHoles(inspection: Inspection, scan: Scan, hasMark: boolean): Promise<void> {
  const { crypto } = inspection.init
  const { bad, holes } = inspection
  const found = new Map<number, Place>()
  const take = (place: Place | undefined): void => {
    if (place !== undefined && place.position <= scan.last && bad.has(place.position))
      if (!found.has(place.position)) found.set(place.position, place)
  }
  for await (const [key, value] of inspection.entries(SPACE.tip)) {
    const tip = inspection.attempt(() => decodeTip(key, value, readUint(key, 1, 4), crypto))
    if (tip !== undefined) reachTo(tip.position, inspection, scan)
    take(tip)
  }
  if (!hasMark) {
    for await (const [key, value] of inspection.entries(SPACE.index, 1024)) {
      const place = readIndex(key, value, crypto)
      if (place !== undefined) reachTo(place.position, inspection, scan)
    }
  }
  if (bad.size === 0) return
  for await (const [key, value] of inspection.entries(SPACE.hole)) {
    if (value.length === 6) continue
    const hole = inspection.attempt(() => decodeHole(key, value, crypto))
    if (hole?.kind === 'record') take(hole)
  }
  if (bad.size > found.size) {
    for await (const [key, value] of inspection.entries(SPACE.index, 1024)) {
      const place = readIndex(key, value, crypto)
      if (place === undefined) inspection.brokenIndex.push(key.slice())
      take(place)
    }
  }
  if (bad.size > found.size) {
    const candidates = [...scan.candidates, ...(await namedAsDeps(inspection))]
    await byWhatFollows(inspection, candidates, found)
  }
  for (const { author, epoch, branch, seq, id, position } of found.values()) {
    if (author >= inspection.authors.size) continue
    const hole: Hole = { kind: 'record', author, epoch, branch, seq, id, position }
    holes.push(hole)
    inspection.lineage.noteHole(hole)
  }
  holes.sort((a, b) => a.position - b.position)
}

function reachTo(position: number, { bad }: Inspection, scan: Scan): void {
  for (let gap = scan.last + 1; gap <= position; gap++) bad.set(gap, 'it is missing')
  scan.last = Math.max(scan.last, position)
}

/** Batches that others depend on and that are not in the log, by a further walk over it. */
async function namedAsDeps(inspection: Inspection): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  // 48 bits of each id, as a number: an eighth of what the text takes.
  const seen = new Set<number>()
  const mark = (id: string): number => Number.parseInt(id.slice(0, 12), 16)
  for await (const { position, record } of inspection.batches()) {
    const { header, id } = record.batch
    for (const dep of header.deps) {
      if (seen.has(mark(dep.id))) continue
      // Which branch it stands on is not told; of most epochs there is one.
      const place = { author: dep.author, epoch: dep.epoch, branch: 0, seq: dep.seq, id: dep.id }
      candidates.push({ ...place, after: 0, before: position })
    }
    seen.add(mark(id))
  }
  return candidates
}

/** A batch that is named as the one before another stood at one of the open positions between: at the last that fits. */
async function byWhatFollows(
  inspection: Inspection,
  candidates: readonly Candidate[],
  found: Map<number, Place>
): Promise<void> {
  const known = new Set([...found.values()].map(({ id }) => id))
  for (const { author, epoch, branch, seq, id, after, before } of candidates) {
    const number = inspection.authors.numberOf(author)
    if (known.has(id) || number === undefined) continue
    known.add(id)
    for (let position = before - 1; position > after; position--) {
      if (!inspection.bad.has(position) || found.has(position)) continue
      if (!(await mayStandAt(inspection, id, position))) continue
      found.set(position, { author: number, epoch, branch, seq, id, position })
      break
    }
  }
}

/** Whether the running check allows it, where both neighbours can be read. */
async function mayStandAt(inspection: Inspection, id: Place['id'], position: number): Promise<boolean> {
  const { crypto } = inspection.init
  const [before, after] = await Promise.all(
    [position - 1, position + 1].map(async at => {
      const key = logKey(at)
      const value = inspection.bad.has(at) ? undefined : await inspection.get(key)
      return value && inspection.attempt(() => decodeLog(key, value, at, crypto))
    })
  )
  if (before === undefined || after === undefined) return true
  return nextCheck(nextCheck(before.check, id, crypto), after.batch.id, crypto) === after.check
}

/** Index entries that cannot be read and that no batch of the log has: they tell nothing, and would stop who looks there. */
export async function dropBrokenIndex(inspection: Inspection): Promise<void> {
  for (const key of inspection.brokenIndex) {
    const value = await inspection.get(key)
    if (value === undefined || readIndex(key, value, inspection.init.crypto) !== undefined) continue
    await inspection.mend('the index', 'an entry of a batch that is missing is damaged', key, undefined)
  }
}

/**
 * Positions of which nothing tells which batch stood there. Where no index entry is left that could be of one of them, they
 * went with all that they wrote, and are given up: what they held is no part of this log, and comes as new from a peer.
 */
export async function giveUpVacant(inspection: Inspection): Promise<void> {
  const { bad, holes, vacant } = inspection
  const known = new Set(holes.map(({ position }) => position))
  const open = [...bad.keys()].filter(position => !known.has(position))
  if (open.length === 0 || !inspection.repairs) return
  // What stood before a batch that is missing, and is not known either, comes with it.
  for (const hole of holes) {
    if (hole.seq > 1 && (await inspection.lineage.at(hole, hole.seq - 1)) === undefined) {
      const parent = (await inspection.lineage.branch(hole))?.parent
      if (parent === undefined || parent.seq < hole.seq - 1) return
    }
  }
  inspection.isTorn = true
  for (const position of open) {
    bad.delete(position)
    vacant.add(position)
    await inspection.put(logKey(position), undefined)
    const what =
      'the batch there is gone with all that it wrote, also its name: a peer that has it sends it anew'
    inspection.fault(positionName(position), what)
  }
}
