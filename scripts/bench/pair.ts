/** Nodes in processes of their own, connected to one here. */
import type { NatterNode, NodeOptions } from '../../src/node.js'
import { createNode } from '../../src/node.js'
import { FarNode } from './far-node.js'
import { fillNode } from './fill.js'
import { withFolder } from './harness.js'

/** Milliseconds after which two nodes that do not agree fail the benchmark. */
export const AGREE_MS = 120_000

export interface Pair {
  near: NatterNode
  far: FarNode
}

/** Runs with a node here that holds the first `ops` records. */
export function withNode<T>(
  options: NodeOptions,
  run: (node: NatterNode, folder: string) => Promise<T>,
  ops = 0
): Promise<T> {
  return withFolder(async folder => {
    if (ops > 0) await fillNode(`${folder}/near`, ops)
    const node = await createNode({ mdns: false, dataDir: `${folder}/near`, name: 'near', ...options })
    try {
      return await run(node, folder)
    } finally {
      await node.stop()
    }
  })
}

/** Runs with a process that holds no node yet. */
export async function withFar<T>(run: (far: FarNode) => Promise<T>): Promise<T> {
  const far = await FarNode.spawn()
  try {
    return await run(far)
  } finally {
    await far.end()
  }
}

/**
 * Two connected nodes that hold the first `ops` records, the near one here. The far one listens nowhere, so each of their connections ends in a server socket
 * here, where its bytes can be counted.
 */
export function withPair<T>(run: (pair: Pair) => Promise<T>, ops = 0): Promise<T> {
  const pair = (near: NatterNode, folder: string) =>
    withFar(async far => {
      const { addrs: bootstrap } = await near.status()
      const options = { dataDir: `${folder}/far`, mdns: false, name: 'far', listen: [], bootstrap }
      await far.call('start', { options })
      await near.sync.wait({ connected: 1, timeout: AGREE_MS })
      if (ops > 0) await acked(near)
      return await run({ near, far })
    })
  return withNode({}, pair, ops)
}

/** A node here and others in processes of their own, all of one network. */
export function withMany<T>(
  nodes: number,
  options: NodeOptions,
  run: (hub: NatterNode, others: FarNode[]) => Promise<T>,
  counted = false
): Promise<T> {
  return withNode(options, async (hub, folder) => {
    const { addrs: bootstrap } = await hub.status()
    const others: FarNode[] = []
    const startOne = async (i: number) => {
      const far = await FarNode.spawn()
      others.push(far)
      const own = { mdns: false, dataDir: `${folder}/${i}`, name: `far-${i}`, bootstrap }
      await far.call('start', { options: { ...options, ...own }, counted })
    }
    try {
      await Promise.all(Array.from({ length: nodes - 1 }, (_, i) => startOne(i + 1)))
      // Above nine nodes nobody is connected to all.
      await hub.sync.wait({ connected: Math.min(nodes - 1, 4), timeout: AGREE_MS })
      return await run(hub, others)
    } finally {
      await Promise.all(others.map(far => far.end()))
    }
  })
}

/** Resolves when so many others have on disk what was written at `node`. */
export function acked(node: NatterNode, count = 1): Promise<void> {
  return node.sync.wait({ acked: count, timeout: AGREE_MS })
}

/** Milliseconds until all show one state; infinite when that takes too long. */
export async function agree(hub: NatterNode, others: readonly FarNode[]): Promise<number> {
  const startedAtMs = performance.now()
  for (;;) {
    const far = await Promise.all(others.map(one => one.call('status')))
    const states = new Set([await hub.status(), ...far].map(state => state.stateDigest))
    const passedMs = performance.now() - startedAtMs
    if (states.size === 1) return passedMs
    if (passedMs > AGREE_MS) return Number.POSITIVE_INFINITY
  }
}
