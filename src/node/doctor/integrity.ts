/** Whether stored data is damaged: batches that wait for a peer, what reads ran into, what the last verification said. */
import { isNatterError } from '../../base/index.js'
import { peerIdOf } from '../../log/index.js'
import type { Check, Finding, Patient } from './check.js'
import { called, counted, detailed, fail, isoOf, ok, span, warn, withCases } from './check.js'

/** Damaged batches that are shown: each takes some reads. */
const holesShown = 64
/** Newest batches of the log that are read, and bytes of them. */
const logBatches = 2_000
const logBytes = 8 * 1024 * 1024
/** Cells that are looked at, and bytes of them: a fraction of a second. */
const surveyCells = 10_000
const surveyBytes = 16 * 1024 * 1024

export const integrityChecks: readonly Check[] = [
  {
    name: 'integrity',
    needs: 'store',
    look: lookAtDamage
  },
  {
    name: 'unreadable',
    needs: 'store',
    async look(patient) {
      const { looked, more, reasons } = await unreadableCells(patient)
      const details = {
        looked,
        more,
        keys: [...reasons].slice(0, detailed).map(([key, reason]) => ({ key, reason }))
      }
      const extent = more ? `the first ${looked} keys` : counted(looked, 'key')
      if (reasons.size === 0) return ok(`every cell can be read, as far as ${extent} tell`, details)
      return warn(
        withCases(
          `${counted(reasons.size, 'cell')} cannot be read, in ${extent} and what was met since the start`,
          [...reasons].map(([key, reason]) => `${key}: ${reason}`)
        ),
        'Where a kind of op is not known here, use the newer natter that wrote it; where a record is damaged: natter verify',
        details
      )
    }
  }
]

async function lookAtDamage({ store, notes, clock, node }: Patient): Promise<Finding> {
  const { damage, verified, sinceMs } = notes
  const now = clock.now()
  const newest = await store.survey().newest(logBatches, logBytes)
  const missing = await store.missing(holesShown)
  const details = {
    missing: missing.map(({ tip, batch, position, nobody }) => ({
      position,
      batch,
      author: peerIdOf(tip.author),
      epoch: tip.epoch,
      seq: tip.seq,
      nobody
    })),
    looked: newest.looked,
    found: newest.damaged.slice(0, detailed),
    damage: [...damage].map(([what, atMs]) => ({ what, at: isoOf(atMs) })),
    verifiedAt: verified === undefined ? null : isoOf(verified.atMs),
    verifiedDamage: verified?.report.damage.slice(0, detailed) ?? []
  }
  const last = verified === undefined ? '' : `; the last verification ended ${span(now - verified.atMs)} ago`
  if (missing.length > 0) {
    const orMore = missing.length < holesShown ? '' : ', or more'
    const cases = missing.map(({ tip, position, nobody }) => {
      const author = tip.author === store.author ? 'this node' : called(tip.author, node?.book)
      return `position ${position}, seq ${tip.seq} of ${author}${nobody ? ': no connected peer has it' : ''}`
    })
    return fail(
      withCases(
        `${counted(missing.length, 'batch', 'batches')} of the log damaged here${orMore}${last}`,
        cases
      ),
      missing.some(({ nobody }) => nobody)
        ? 'Connect a node that has it (natter connect MULTIADDR), or restore a backup beside this node and connect that.'
        : 'It comes from a peer by itself as soon as one that has it is connected: natter peers',
      details
    )
  }
  const found = [
    ...(verified?.report.damage ?? []).map(({ where, what }) => `${where}: ${what}`),
    ...newest.damaged
  ]
  if (found.length > 0) {
    return fail(
      withCases(`${counted(found.length, 'damaged place')} found${last}`, found),
      'See all of it: natter verify',
      details
    )
  }
  if (damage.size > 0) {
    return warn(
      withCases(`reads ran into damage since the start, and no batch is missing now${last}`, [
        ...damage.keys()
      ]),
      'See whether all of it is mended: natter verify; and look at the health of the disk (dmesg, smartctl).',
      details
    )
  }
  const met =
    node === undefined ? '' : `, and no read ran into any since the start ${span(now - sinceMs)} ago`
  const extent = `${newest.looked} of ${counted(store.mark.position, 'batch', 'batches')}`
  return ok(`no damage in the newest ${extent}${met}${last}; natter verify reads everything`, details)
}

async function unreadableCells({ store, notes }: Patient) {
  const { looked, more, unreadable } = await store.survey().cells({}, surveyCells, surveyBytes)
  const reasons = new Map<string, string>()
  const decoder = new TextDecoder()
  for (const { key, reason } of unreadable) reasons.set(decoder.decode(key), reason)
  const encoder = new TextEncoder()
  for (const [key, { reason }] of [...notes.unreadable]) {
    if (reasons.has(key)) continue
    // It may have been written anew since.
    if (await isReadable(store, encoder.encode(key))) notes.unreadable.delete(key)
    else reasons.set(key, reason)
  }
  return { looked, more, reasons }
}

async function isReadable(store: Patient['store'], key: Uint8Array): Promise<boolean> {
  try {
    return (await store.get(key))?.unreadable === undefined
  } catch (error) {
    if (!isNatterError(error, 'STORE_DAMAGED')) throw error
    return false
  }
}
