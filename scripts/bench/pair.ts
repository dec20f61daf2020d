/** Nodes in processes of their own, connected to one here; and the bare pipeline between two processes. */
import { join } from 'node:path'
import type { NatterNode, NodeOptions } from '../../src/node.js'
import { createNode } from '../../src/node.js'
import { BarePipeline } from './bare-pipeline.js'
import { FarNode } from './far-node.js'
import { withFolder } from './harness.js'

/** Milliseconds after which two nodes that do not agree fail the benchmark. */
export const AGREE_MS = 120_000

interface Pair {
  near: NatterNode
  far: FarNode
  farOptions: NodeOptions
}

/** Two connected nodes, the near one here. */
export async function withPair<T>(
  options: Partial<NodeOptions>,
  run: (pair: Pair) => Promise<T>
): Promise<T> {
  return withFolder(async folder => {
    const near = await createNode({ ...options, dataDir: join(folder, 'near'), mdns: false, name: 'near' })
    const far = await FarNode.spawn()
    try {
      const { addrs } = await near.status()
      const farOptions = {
        ...options,
        dataDir: join(folder, 'far'),
        mdns: false,
        name: 'far',
        bootstrap: addrs
      }
      await far.call('start', { options: farOptions })
      await near.sync.wait({ connected: 1, timeout: AGREE_MS })
      return await run({ near, far, farOptions })
    } finally {
      await far.end()
      await near.stop()
    }
  })
}

export function withPipeline<T>(run: (pipeline: BarePipeline) => Promise<T>): Promise<T> {
  return withFolder(async folder => {
    const pipeline = await BarePipeline.start(join(folder, 'here'), join(folder, 'there'))
    try {
      return await run(pipeline)
    } finally {
      await pipeline.stop()
    }
  })
}

/** A node here and others in processes of their own, all connected. */
export function withMany<T>(
  nodes: number,
  options: Partial<NodeOptions>,
  run: (hub: NatterNode, others: FarNode[]) => Promise<T>
): Promise<T> {
  return withFolder(async folder => {
    const hub = await createNode({ ...options, mdns: false, dataDir: join(folder, 'hub'), name: 'hub' })
    const { addrs } = await hub.status()
    const others: FarNode[] = []
    try {
      for (let i = 1; i < nodes; i++) {
        const far = await FarNode.spawn()
        others.push(far)
        const own = { mdns: false, dataDir: join(folder, String(i)), name: `far-${i}`, bootstrap: addrs }
        await far.call('start', { options: { ...options, ...own } })
      }
      // Above nine nodes nobody is connected to all.
      await hub.sync.wait({ connected: Math.min(nodes - 1, 4), timeout: AGREE_MS })
      return await run(hub, others)
    } finally {
      await Promise.all(others.map(far => far.end()))
      await hub.stop()
    }
  })
}
