/** The history of keys compared with the log: by a sum first, and key by key only where that does not fit. */
import type { Hashes } from '../base/index.js'
import type { Inspection } from './inspection.js'
import { historyKey, placeOfKey, SPACE, textOf } from './keys.js'
import { opsOf } from './prepare.js'

const where = 'the history of keys'

/** Keys without order: how many, and a sum that any other set would miss with all but certainty. */
export class HistorySum {
  count = 0
  #sum = 0
  readonly #hashes: Hashes

  constructor(hashes: Hashes) {
    this.#hashes = hashes
  }

  add(key: Uint8Array): void {
    this.count++
    this.#sum = (this.#sum + this.#hashes.crc32(key)) % 2 ** 48
  }

  equals(other: HistorySum): boolean {
    return this.count === other.count && this.#sum === other.#sum
  }
}

/** Writes what is missing and removes what the log does not give, one part of the entries at a time. */
export async function mendHistory(
  inspection: Inspection,
  expected: HistorySum,
  found: HistorySum,
  parts: number
): Promise<void> {
  const what = `it has ${found.count} entries, the log gives ${expected.count}`
  if (!inspection.repairs) {
    inspection.fault(where, what)
    return
  }
  inspection.repaired.push({ where, what })
  const { crypto } = inspection.init
  for (let part = 0; part < parts; part++) {
    const isOurs = (key: Uint8Array): boolean => parts === 1 || crypto.crc32(key) % parts === part
    const right = new Map<string, Uint8Array>()
    for await (const { position, record } of inspection.batches()) {
      for (const [index, op] of opsOf(record.batch).entries()) {
        const key = historyKey(op.key, position, index)
        if (isOurs(key)) right.set(textOf(key), key)
      }
    }
    for await (const [key] of inspection.entries(SPACE.history, 1024)) {
      if (!isOurs(key) || inspection.bad.has(placeOfKey(key).position)) continue
      if (!right.delete(textOf(key))) await inspection.put(key, undefined)
    }
    for (const key of right.values()) await inspection.put(key, new Uint8Array(0))
  }
}
