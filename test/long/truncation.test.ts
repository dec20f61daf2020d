/** A larger write-ahead log cut off at every byte: more records, and some that span the blocks of the log. */
import { test } from 'node:test'
import { TruncatedLog } from '../store/truncation.js'
import { inFastFolder } from '../support/folders.js'

const LOG_BYTES = 80 * 1024
const STORE_STEP = 97

test('a log of several blocks truncated at any byte opens and holds exactly what was acknowledged at that length', () =>
  inFastFolder(async folder => {
    const log = await TruncatedLog.make(folder, LOG_BYTES)
    for (let length = 0; length <= log.bytes; length++) await log.holdsAt(length)
    for (let length = 0; length <= log.bytes; length += STORE_STEP) await log.worksAt(length)
  }))
