/** Whether stored data is damaged: what reads ran into, and what the last verification said. */
import { isNatterError } from '../../base/index.js'
import type { Check, Patient } from './check.js'
import { counted, detailed, fail, isoOf, ok, span, warn, withCases } from './check.js'

/** Cells that are looked at, and bytes of them: a fraction of a second. */
const surveyCells = 10_000
const surveyBytes = 16 * 1024 * 1024

export const integrityChecks: readonly Check[] = [
  {
    name: 'integrity',
    needs: 'store',
    look({ notes, clock, node }) {
      const { damage, verified, sinceMs } = notes
      const now = clock.now()
      const details = {
        damage: [...damage].map(([what, atMs]) => ({ what, at: isoOf(atMs) })),
        verifiedAt: verified === undefined ? null : isoOf(verified.atMs),
        verifiedDamage: verified?.report.damage.slice(0, detailed) ?? []
      }
      const found = [
        ...(verified?.report.damage ?? []).map(({ where, what }) => `${where}: ${what}`),
        ...damage.keys()
      ]
      const last =
        verified === undefined ? '' : `; the last verification ended ${span(now - verified.atMs)} ago`
      if (found.length > 0) {
        return fail(
          withCases(`${counted(found.length, 'damaged place')} found${last}`, found),
          'See all of it: natter verify',
          details
        )
      }
      const since = node === undefined ? 'at opening' : `since the start ${span(now - sinceMs)} ago`
      return ok(`no read ran into damage ${since}${last}; natter verify reads everything`, details)
    }
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
