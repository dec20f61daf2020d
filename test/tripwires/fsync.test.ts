/**
 * Syncs that the kernel is asked for, by a whole node in a process of its own. Only where strace is installed and may
 * trace; elsewhere a line says that it was not counted, and `commit.test.ts` counts the synced batches.
 */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const writer = fileURLToPath(new URL('writer-process.js', import.meta.url))
const canTrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0

/** Syncs of a process that opens a new node, makes so many awaited puts, and stops it. */
async function syncsOf(puts: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'natter-'))
  try {
    const trace = join(folder, 'trace')
    const options = ['-f', '-qq', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', trace]
    const command = [process.execPath, writer, join(folder, 'data'), String(puts)]
    await promisify(execFile)('strace', [...options, ...command])
    const lines = (await readFile(trace, 'utf8')).split('\n')
    return lines.filter(line => /\b(?:f(?:data)?sync|sync_file_range|msync)\(/.test(line)).length
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test('an awaited put is one sync of the kernel, whatever else a node keeps', async t => {
  if (!canTrace) {
    t.diagnostic('strace is not here or may not trace: the syncs of the kernel were not counted')
    return
  }
  const few = await syncsOf(20)
  const many = await syncsOf(220)
  // The marks beside the database are written by the clock: a slower machine writes one or two more of them.
  const each = (many - few) / 200
  assert.ok(many - few >= 200, `${many - few} syncs for 200 puts more: some put was not synced`)
  assert.ok(each <= 1.05, `${each} syncs a put`)
})
