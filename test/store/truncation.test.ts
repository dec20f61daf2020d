/** A write-ahead log cut off at every byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFastFolder } from '../support/folders.js'
import { refusedBelowSentinel, TruncatedLog } from './truncation.js'

const LOG_BYTES = 4096
/** A store takes longer to open than a database, whose content is compared at every byte. */
const STORE_STEP = 37
/** A whole directory takes longer still. */
const DIRECTORY_STEP = 211

test('a log truncated at any byte opens and holds exactly what was acknowledged at that length', () =>
  inFastFolder(async folder => {
    const log = await TruncatedLog.make(folder, LOG_BYTES)
    for (let length = 0; length <= log.bytes; length++) await log.holdsAt(length)
    for (let length = 0; length <= log.bytes; length += STORE_STEP) await log.worksAt(length)
  }))

test('a directory whose manifest remembers more than its truncated log holds is refused, never shown empty', () =>
  inFastFolder(async folder => {
    assert.ok((await refusedBelowSentinel(folder, LOG_BYTES, DIRECTORY_STEP)) > LOG_BYTES / DIRECTORY_STEP)
  }))
