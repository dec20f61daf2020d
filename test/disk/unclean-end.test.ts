/** What an opening looks at in the tables: LevelDB takes a flipped bit for fewer entries, or ends the process over it. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isNatterError, utf8, withLimits } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { DataDirectory } from '../../src/disk/directory.js'

const options = { durability: 'fsync', limits: withLimits(), clock: systemClock } as const

test('a flipped bit of a small table is found at the next opening, after an end without a close as well', async t => {
  const path = await mkdtemp(join(tmpdir(), 'natter-unclean-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  const made = await DataDirectory.open(path)
  const disk = await made.openDisk(options)
  const write = disk.write()
  for (let i = 0; i < 1000; i++) write.put(utf8(`key ${i}`), utf8(`value ${i} `.repeat(20)))
  await disk.commit(write)
  await disk.close()
  const lock = join(path, 'lock')
  const held = await readFile(lock, 'utf8')
  const opened = await made.openDisk(options)
  await opened.close()
  const table = (await readdir(join(path, 'db'))).find(name => /\.(ldb|sst)$/.test(name))
  assert.ok(table !== undefined, 'a close or an opening makes a table')
  const bytes = await readFile(join(path, 'db', table))
  bytes[100]! ^= 4
  await writeFile(join(path, 'db', table), bytes)
  await assert.rejects(made.openDisk(options), error => isNatterError(error, 'STORE_DAMAGED'))
  // As it stands when the process was killed: the file stays the same, its holder is gone.
  await writeFile(lock, JSON.stringify({ ...JSON.parse(held), pid: 2 ** 30, start: 1 }))
  const again = await DataDirectory.open(path)
  await assert.rejects(again.openDisk(options), error => isNatterError(error, 'STORE_DAMAGED'))
  await again.close()
})
