/**
 * Two processes that each make awaited synced puts into a LevelDB of their own: the one here by turns, the other while the
 * one here does. Run by itself this file is the other.
 */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { withFolder } from './harness.js'
import type { Entry } from './records.js'
import { Records } from './records.js'

/** Records made before the clock runs, so that the other process spends its time on puts as well. */
const AHEAD = 1000

export type JsonLevel = ClassicLevel<string, unknown>

export async function openJsonLevel(location: string): Promise<JsonLevel> {
  const level = new ClassicLevel<string, unknown>(location, { valueEncoding: 'json' })
  await level.open()
  return level
}

export interface BareWriters {
  put(entry: Entry): Promise<void>
  /** Runs while the other process writes. */
  beside<T>(run: () => Promise<T>): Promise<T>
}

export function withBareWriters<T>(run: (writers: BareWriters) => Promise<T>): Promise<T> {
  return withFolder(async folder => {
    const level = await openJsonLevel(`${folder}/here`)
    const child = fork(fileURLToPath(import.meta.url), [`${folder}/there`])
    await once(child, 'message')
    try {
      return await run({
        put: ({ key, value }) => level.put(key, value, { sync: true }),
        async beside(measure) {
          await ask(child, 'write')
          const result = await measure()
          await ask(child, 'rest')
          return result
        }
      })
    } finally {
      child.disconnect()
      await once(child, 'exit')
      await level.close()
    }
  })
}

async function ask(child: ChildProcess, what: 'write' | 'rest'): Promise<void> {
  child.send(what)
  await once(child, 'message')
}

async function writeWhenAsked(location: string): Promise<void> {
  const level = await openJsonLevel(location)
  const records = new Records('there')
  let wanted = false
  let ahead = records.take(AHEAD)
  const writeOn = async () => {
    while (wanted) {
      if (ahead.length === 0) ahead = records.take(AHEAD)
      const { key, value } = ahead.pop()!
      await level.put(key, value, { sync: true })
    }
  }
  let writing: Promise<void> = Promise.resolve()
  process.on('message', async what => {
    wanted = what === 'write'
    if (wanted) writing = writeOn()
    else await writing
    process.send!('done')
  })
  process.once('disconnect', async () => {
    wanted = false
    await writing
    await level.close()
    process.exit(0)
  })
  process.send!('ready')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeWhenAsked(process.argv[2]!)
