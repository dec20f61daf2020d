/** A process that writes to a `ReplicatedLevel` until it is killed, and prints each key once its write has resolved. */
import { ReplicatedLevel } from '../../src/store/replicated-level.js'

const db = new ReplicatedLevel(process.argv[2])
const round = process.argv[3]!
let n = 0

async function writer(): Promise<never> {
  for (;;) {
    const key = `${round}-${n++}`
    await db.batch([
      { type: 'put', key: `a-${key}`, value: key },
      { type: 'put', key: `b-${key}`, value: key }
    ])
    process.stdout.write(`${key}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, writer))
