/** Stores and engines of whole nodes in this process, over a network in memory that loses part of its gossip. */
import { setTimeout as sleep } from 'node:timers/promises'
import { newSeed, nodeCrypto, nodeSigner } from '../../src/base/crypto-node.js'
import { DEFAULT_LIMITS, utf8 } from '../../src/base/index.js'
import { systemClock, systemRandom } from '../../src/base/system.js'
import { openMemoryDisk } from '../../src/disk/memory-disk.js'
import { createEngine } from '../../src/engine/index.js'
import { OP_KIND } from '../../src/log/index.js'
import type { Store } from '../../src/store/index.js'
import { openStore } from '../../src/store/index.js'
import { MemoryNetwork } from '../../test/support/memory-net.js'
import { Fractions } from './records.js'

const ports = { crypto: nodeCrypto, clock: systemClock, random: systemRandom }
/** Milliseconds between writes of one node: slow enough for gossip to carry some of them. */
const PAUSE_MS = 20

interface Member {
  readonly store: Store
  stop(): Promise<void>
}

async function join(network: MemoryNetwork): Promise<Member> {
  const disk = await openMemoryDisk()
  const limits = DEFAULT_LIMITS
  const signer = nodeSigner(newSeed())
  const store = await openStore({
    ...ports,
    disk,
    signer,
    limits,
    network: 'bench',
    strategy: () => 'latest'
  })
  const net = network.net(store.author)
  const engine = createEngine({ ...ports, store, net }, { limits })
  await net.start({ onRefused: () => undefined, onDiscovered: () => undefined, ...engine.handlers })
  await engine.start()
  return {
    store,
    async stop() {
      await engine.stop()
      await net.stop()
      await store.close()
    }
  }
}

/** Milliseconds after the last write until all nodes show the same; infinite after `withinMs`. */
export async function lossyAgreeMs(
  nodes: number,
  writesEach: number,
  loss: number,
  withinMs: number
): Promise<number> {
  const network = new MemoryNetwork()
  const random = new Fractions(1)
  network.fraction = () => random.next()
  network.gossipLoss = loss
  const members: Member[] = []
  try {
    for (let i = 0; i < nodes; i++) members.push(await join(network))
    network.connectAll(members.map(({ store }) => store.author))
    for (let n = 0; n < writesEach; n++) {
      const ops = [{ kind: OP_KIND.put, key: utf8(`key-${n}`), value: utf8(String(n)) }]
      await Promise.all(members.map(({ store }) => store.write({ ops })))
      await sleep(PAUSE_MS)
    }
    const startedAtMs = performance.now()
    while (new Set(members.map(({ store }) => store.frontierDigest())).size > 1) {
      if (performance.now() - startedAtMs > withinMs) return Number.POSITIVE_INFINITY
      await sleep(1)
    }
    return performance.now() - startedAtMs
  } finally {
    for (const member of members) await member.stop()
  }
}
