/** A process that opens a node in a directory, makes so many awaited puts, and stops. Its system calls are counted. */
import '../../src/polyfills.js'
import { createNode } from '../../src/node.js'

const [dataDir, puts] = process.argv.slice(2) as [string, string]
const node = await createNode({ dataDir, mdns: false })
for (let n = 0; n < Number(puts); n++) await node.db.put(`key-${n}`, 'value')
await node.stop()
