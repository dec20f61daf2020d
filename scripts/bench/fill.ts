/**
 * Databases with many ops in them, made before anything is measured: not synced while they are filled, since nobody looks at
 * how long that takes, and on disk when they are closed.
 */
import { createNode } from '../../src/node.js'
import { BareStore, bareRecords } from './bare-store.js'
import { folderBytes } from './harness.js'
import { payloadBytes, Records } from './records.js'

/** Ops of one batch. */
export const BULK = 1000

export interface Filled {
  /** Bytes of all files after the last batch, as they stand then. */
  disk: number
  /** Bytes of keys and values. */
  payload: number
}

/** Makes the data directory of a node with the first `ops` records in it. */
export async function fillNode(dataDir: string, ops: number): Promise<Filled> {
  const records = new Records()
  const node = await createNode({ dataDir, mdns: false, listen: [], durability: 'os' })
  let payload = 0
  for (let done = 0; done < ops; done += BULK) {
    const [batch = []] = records.batches(Math.min(BULK, ops - done), BULK)
    payload += payloadBytes(batch)
    await node.db.batch(batch)
  }
  const disk = folderBytes(dataDir)
  await node.stop()
  return { disk, payload }
}

/** The same records in a bare store; the bytes of its files. */
export async function fillBareStore(location: string, ops: number): Promise<number> {
  const records = new Records()
  const bare = await BareStore.open(location)
  for (let done = 0; done < ops; done += BULK) {
    await bare.write(bareRecords(records.take(Math.min(BULK, ops - done))), false)
  }
  const bytes = folderBytes(location)
  await bare.close()
  return bytes
}
