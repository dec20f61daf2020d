/** Full disks under real processes. Mounting takes root; where that is refused the tests say so. */
import { type TestContext, test } from 'node:test'
import { fullBehindTheGuard, fullForAWhile } from './full-disk-cases.js'

/** Milliseconds that the disk stays full. */
const SHORT_MS = 1_000
const LONGER_MS = 3_000

async function tell(t: TestContext, tried: Promise<boolean>): Promise<void> {
  if (!(await tried)) t.diagnostic('not tried: this user may not mount a tmpfs')
}

test('a full disk: 507 DISK_FULL, reads go on, replication waits visibly, all resumes by itself; a start on it is refused by name until there is space, and nothing acknowledged is lost', t =>
  tell(t, fullForAWhile([SHORT_MS, LONGER_MS])))

test('a disk that is full behind the guard: INDETERMINATE once, then STORE_FENCED, reads go on, all resumes by itself, and nothing acknowledged is lost by SIGKILL', t =>
  tell(t, fullBehindTheGuard([SHORT_MS, LONGER_MS])))
