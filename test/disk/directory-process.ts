/**
 * A process that opens data directories, for tests that need a second one. Arguments: what to do, and a path.
 * `hold`: opens the directory, prints what came of it, and holds it until its input ends.
 * `race`: takes and gives up the lock for a second, dying over it in appearance every other time.
 */
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isNatterError } from '../../src/base/index.js'
import { DataDirectory } from '../../src/disk/directory.js'
import { DirectoryLock } from '../../src/disk/directory-lock.js'

const raceMs = 1_000

async function hold(path: string): Promise<void> {
  try {
    const directory = await DataDirectory.open(path)
    await directory.lock.describe({ http: 'http://127.0.0.1:7070', multiaddr: '/ip4/127.0.0.1/tcp/4001' })
    process.stdout.write('open\n')
    for await (const _ of process.stdin);
    await directory.close()
  } catch (error) {
    process.stdout.write(`${isNatterError(error) ? error.code : String(error)}\n`)
  }
}

async function race(path: string): Promise<void> {
  let taken = 0
  const until = Date.now() + raceMs
  while (Date.now() < until) {
    let lock: DirectoryLock
    try {
      lock = await DirectoryLock.take(join(path, 'lock'))
    } catch (error) {
      if (isNatterError(error, 'DIRECTORY_IN_USE')) continue
      throw error
    }
    const owner = await open(join(path, 'owner'), 'wx') // fails when another one holds it as well
    await owner.close()
    await rm(join(path, 'owner'))
    taken++
    if (taken % 2 === 0) await lock.release()
    else
      await writeFile(
        join(path, 'lock'),
        JSON.stringify({ pid: 0, start: null, token: lock.token, inode: '0' })
      )
  }
  process.stdout.write(`taken ${taken}\n`)
}

const [what, path] = process.argv.slice(2)
await (what === 'race' ? race(path!) : hold(path!))
