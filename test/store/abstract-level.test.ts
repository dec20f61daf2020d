/** `ReplicatedLevel` passes the suite that abstract-level exports, its constructor being the factory. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./abstract-level-suite.js', import.meta.url))

/** The suite makes hundreds of directories, each synced; that is not its subject, so they stand in memory if possible. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Number of assertions passed; throws with those that failed. */
function runSuite(where: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 64 * 1024 * 1024, timeout: 120_000 }
    execFile(process.execPath, [program, where], options, (error, stdout, stderr) => {
      const lines = stdout.split('\n')
      const count = (name: string): number =>
        Number(new RegExp(`^# ${name} +(\\d+)$`, 'm').exec(stdout)?.[1] ?? 0)
      const failures = lines.flatMap((line, i) => (line.startsWith('not ok') ? lines.slice(i, i + 12) : []))
      if (error !== null || failures.length > 0 || count('pass') === 0 || count('pass') !== count('tests')) {
        reject(new Error(`${error?.message}\n${stderr}\n${failures.slice(0, 200).join('\n')}`))
      } else {
        resolve(count('pass'))
      }
    })
  })
}

describe('the suite of abstract-level', { concurrency: true }, () => {
  it('passes in memory', async t => {
    const passed = await runSuite('memory')
    t.diagnostic(`${passed} assertions`)
    assert.ok(passed > 1000)
  })

  it('passes on data directories', async t => {
    const folder = await mkdtemp(join(parent, 'natter-level-'))
    try {
      const passed = await runSuite(folder)
      t.diagnostic(`${passed} assertions`)
      assert.ok(passed > 1000)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
