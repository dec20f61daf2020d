/** A disk that stays full for longer than the longest pause of a recovery. */
import { test } from 'node:test'
import { fullBehindTheGuard, fullForAWhile } from '../network/full-disk-cases.js'

const DURATIONS_MS = [1_000, 10_000, 60_000]

test('a disk that is full for up to a minute: refused by name, resumed without a restart, nothing acknowledged lost', async t => {
  if (!(await fullForAWhile(DURATIONS_MS))) t.diagnostic('not tried: this user may not mount a tmpfs')
})

test('a disk that is full behind the guard for up to a minute: fenced, resumed without a restart, nothing acknowledged lost', async t => {
  if (!(await fullBehindTheGuard(DURATIONS_MS))) t.diagnostic('not tried: this user may not mount a tmpfs')
})
