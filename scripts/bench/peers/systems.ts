/**
 * The systems that are compared: what each gives as durability, what it needs of the machine, how a driver is made.
 *
 * `durability` says when a write counts as made: 'fsync', synced to the disk; 'os', handed to the operating system;
 * 'memory', in memory and handed over later. Each was traced: README.md says how.
 */
import { spawnSync } from 'node:child_process'
import { VERSION } from '../../../src/version.js'
import type { Driver } from './driver.js'
import type { Work } from './figures.js'
import { FIGURES } from './figures.js'
import { load, versionOf } from './packages.js'

export type Durability = 'fsync' | 'os' | 'memory'

export interface System {
  /** Names it among all, as the argument of its processes. */
  readonly id: string
  /** As it stands in results. */
  readonly name: string
  readonly durability: Durability
  /** What B has of an entry when it counts as arrived, where that is less. */
  readonly arrived?: Durability
  /** Oldest Node.js major it runs on, where that is newer than natter's. */
  readonly node?: number
  /** A program that has to be on the machine. */
  readonly program?: string
  /** A package of compiled code, which is built for one Node.js: its default export makes a database in memory. */
  readonly native?: string
  /** Entries that it takes in the time of a measurement, where that is fewer than the measurement wants. */
  readonly entries?: number
  /** Entries of one call of `load`. @default 1000 */
  readonly batch?: number
  version(): string
  create(): Promise<Driver>
}

function programVersion(program: string): string {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'unknown'
}

function natter(durability: 'fsync' | 'os'): System {
  return {
    id: `natter-${durability}`,
    name: 'natter',
    durability,
    version: () => VERSION,
    create: async () => new (await import('./drivers/natter.js')).NatterDriver(durability)
  }
}

export const SYSTEMS: readonly System[] = [
  natter('fsync'),
  natter('os'),
  {
    id: 'hyperbee',
    name: 'hyperbee',
    durability: 'os',
    version: () => versionOf('hyperbee'),
    create: async () => (await import('./drivers/hyperbee.js')).HyperbeeDriver.create()
  },
  {
    id: 'yjs',
    name: 'yjs',
    durability: 'os',
    arrived: 'memory',
    version: () => versionOf('yjs'),
    create: async () => (await import('./drivers/yjs.js')).YjsDriver.create()
  },
  {
    id: 'automerge',
    name: 'automerge-repo',
    durability: 'memory',
    version: () => versionOf('@automerge/automerge-repo'),
    create: async () => (await import('./drivers/automerge.js')).AutomergeDriver.create()
  },
  {
    id: 'pouchdb',
    name: 'pouchdb',
    durability: 'os',
    version: () => versionOf('pouchdb'),
    create: async () => (await import('./drivers/pouchdb.js')).PouchdbDriver.create()
  },
  {
    id: 'orbitdb',
    name: 'orbitdb',
    durability: 'os',
    node: 22,
    entries: 1000,
    batch: 100,
    version: () => versionOf('@orbitdb/core'),
    create: async () => (await import('./drivers/orbitdb.js')).OrbitdbDriver.create()
  },
  {
    id: 'peerbit',
    name: 'peerbit',
    durability: 'fsync',
    native: 'better-sqlite3',
    entries: 1000,
    batch: 100,
    version: () => versionOf('peerbit'),
    create: async () => (await import('./drivers/peerbit.js')).PeerbitDriver.create()
  },
  {
    id: 'redis',
    name: 'redis',
    durability: 'fsync',
    program: 'redis-server',
    version: () => programVersion('redis-server'),
    create: async () => (await import('./drivers/redis.js')).RedisDriver.create()
  },
  {
    id: 'nats',
    name: 'nats-kv',
    durability: 'os',
    program: 'nats-server',
    version: () => programVersion('nats-server'),
    create: async () => (await import('./drivers/nats.js')).NatsDriver.create()
  }
]

/** The durability that a figure of a system speaks of. */
export function durabilityOf({ durability, arrived = durability }: System, work: Work): Durability {
  return FIGURES[work].at === 'b' ? arrived : durability
}

export function systemOf(id: string): System {
  const found = SYSTEMS.find(system => system.id === id)
  if (found === undefined) throw new Error(`no system is named ${id}`)
  return found
}

/** Why a system cannot be measured on this machine; `undefined` when it can. */
export async function hindrance({ node, program, native }: System): Promise<string | undefined> {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (node !== undefined && major < node) return `needs Node.js ${node}; this is ${process.versions.node}`
  if (program !== undefined && spawnSync(program, ['--version']).error !== undefined) {
    return `${program} is not on this machine (apt-get install ${program})`
  }
  if (native === undefined) return undefined
  try {
    const { default: Database } = await load<{ default: new (name: string) => unknown }>(native)
    new Database(':memory:')
    return undefined
  } catch {
    return `${native} is not built for Node.js ${process.versions.node} (npm rebuild ${native} in scripts/bench/peers)`
  }
}
