/** The lock of a data directory, against real processes: live ones, killed ones, racing ones. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DEFAULT_LIMITS, isNatterError } from '../../src/base/index.js'
import { systemClock } from '../../src/base/system.js'
import { DataDirectory, directoryHolder } from '../../src/disk/directory.js'

const program = fileURLToPath(new URL('./directory-process.js', import.meta.url))

function start(what: 'hold' | 'race', path: string): ChildProcess {
  return spawn(process.execPath, [program, what, path], { stdio: ['pipe', 'pipe', 'inherit'] })
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) return line
  throw new Error(`process ${child.pid} ended without a word`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'natter-lock-'))
  try {
    await run(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

const inUse = (error: unknown): boolean => isNatterError(error, 'DIRECTORY_IN_USE')

describe('the directory lock', () => {
  it('refuses a second opener and names the first one', () =>
    withFolder(async path => {
      const child = start('hold', path)
      assert.equal(await firstLine(child), 'open')
      await assert.rejects(DataDirectory.open(path), error => {
        assert.ok(isNatterError(error, 'DIRECTORY_IN_USE'))
        assert.match(error.message, new RegExp(`process ${child.pid} \\(http://127.0.0.1:7070\\)`))
        assert.match(error.remedy!, /--api http:\/\/127.0.0.1:7070/)
        assert.deepEqual(error.details, {
          pid: child.pid,
          http: 'http://127.0.0.1:7070',
          multiaddr: '/ip4/127.0.0.1/tcp/4001'
        })
        return true
      })
      assert.equal((await directoryHolder(path))!.pid, child.pid)
      child.stdin!.end()
      await ended(child)
      assert.equal(await directoryHolder(path), undefined)
      await (await DataDirectory.open(path)).close()
    }))

  it('refuses a second opener in the same process', () =>
    withFolder(async path => {
      const first = await DataDirectory.open(path)
      await assert.rejects(DataDirectory.open(path), inUse)
      await first.close()
      await (await DataDirectory.open(path)).close()
      assert.ok(!(await readdir(path)).some(name => name.startsWith('lock')))
    }))

  it('passes on when its holder was killed, to exactly one of those that race for it', () =>
    withFolder(async path => {
      const holder = start('hold', path)
      assert.equal(await firstLine(holder), 'open')
      holder.kill('SIGKILL')
      await ended(holder)
      const children = Array.from({ length: 4 }, () => start('hold', path))
      const outcomes = await Promise.all(children.map(firstLine))
      assert.deepEqual(outcomes.toSorted(), [
        'DIRECTORY_IN_USE',
        'DIRECTORY_IN_USE',
        'DIRECTORY_IN_USE',
        'open'
      ])
      for (const child of children) child.stdin!.end()
      await Promise.all(children.map(ended))
      assert.ok(!(await readdir(path)).some(name => name.startsWith('lock')))
    }))

  it('is never held twice while processes take it, give it up and die over it', () =>
    withFolder(async path => {
      const children = Array.from({ length: 3 }, () => start('race', path))
      const lines = await Promise.all(children.map(firstLine))
      await Promise.all(children.map(ended))
      for (const [i, child] of children.entries()) assert.equal(child.exitCode, 0, lines[i])
      const taken = lines.map(line => Number(line.split(' ')[1]))
      assert.ok(
        taken.every(count => count > 0),
        `each got its turn: ${taken}`
      )
      assert.ok(!(await readdir(path)).includes('owner'))
    }))

  it('has the lock of LevelDB behind it', () =>
    withFolder(async path => {
      const options = { durability: 'fsync', limits: DEFAULT_LIMITS, clock: systemClock } as const
      const first = await DataDirectory.open(path)
      const disk = await first.openDisk(options)
      await rm(join(path, 'lock')) // by a careless hand
      const second = await DataDirectory.open(path)
      await assert.rejects(second.openDisk(options), inUse)
      await second.close()
      await disk.close()
      await first.close()
    }))

  it('does not hold a copy of a directory, nor one whose pid another process got', () =>
    withFolder(async path => {
      const original = await DataDirectory.open(join(path, 'original'))
      await cp(join(path, 'original'), join(path, 'copy'), { recursive: true })
      const copy = await DataDirectory.open(join(path, 'copy'))
      assert.notEqual(copy.storeId, original.storeId)
      await copy.close()
      await original.close()
      const folder = join(path, 'original')
      const live = await DataDirectory.open(folder)
      const record = JSON.parse(await readFile(join(folder, 'lock'), 'utf8'))
      await live.close()
      if (record.start === null) return // this system does not tell when a process started
      const lock = await DataDirectory.open(folder)
      await writeFile(join(folder, 'lock'), JSON.stringify({ ...lock, ...record, start: '1' }), {
        flag: 'r+'
      })
      await (await DataDirectory.open(folder)).close()
    }))
})
