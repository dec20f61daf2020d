/** A second process that does nothing but awaited synced puts into a LevelDB of its own. Run by itself it is that process. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ClassicLevel } from 'classic-level'
import { entry } from './harness.js'

/** Runs `measure` while the second process writes to `location`. */
export async function besideBareWriter<T>(location: string, measure: () => Promise<T>): Promise<T> {
  const child = fork(fileURLToPath(import.meta.url), [location])
  await once(child, 'message')
  try {
    return await measure()
  } finally {
    child.disconnect()
    await once(child, 'exit')
  }
}

async function writeUntilDisconnected(location: string): Promise<void> {
  const level = new ClassicLevel<string, unknown>(location, { valueEncoding: 'json' })
  await level.open()
  process.send!('ready')
  for (let n = 0; process.connected; n++) {
    const { key, value } = entry(n)
    await level.put(key, value, { sync: true })
  }
  await level.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeUntilDisconnected(process.argv[2]!)
