/**
 * What a check is: a name, what it needs, and one look at one thing. A look takes a bounded time, changes nothing, and
 * says what it saw in numbers; what is not ok comes with what to do.
 */
import type { Clock, DoctorCheck, Limits } from '../../base/index.js'
import type { DataDirectory } from '../../disk/directory.js'
import type { Settings } from '../../disk/settings.js'
import type { Author } from '../../log/index.js'
import { peerIdOf } from '../../log/index.js'
import type { Store } from '../../store/index.js'
import type { DeliveryDesk } from '../delivery/desk.js'
import type { NodeOptions } from '../options.js'
import type { Membership, PeerBook } from '../peer-book.js'
import type { LagMemory } from './lag-memory.js'
import type { Notes } from './notes.js'

/** Cases that evidence lists one by one; the rest is a number, and all are in the details. */
const listed = 10
/** Cases in the details: a thousand nodes fit, a flood does not. */
export const detailed = 1000

/** Nodes beside this one that are all connected to each other; of more, each is connected to some. */
export const fullMeshNodes = 8

export { span } from '../../base/index.js'

export type Finding = Omit<DoctorCheck, 'name'>

/**
 * What a check needs: nothing but the store, a directory, a node that runs, one that takes part in its network, or a
 * delivery outbox, without which there is nothing to look at.
 */
export type Need = 'store' | 'directory' | 'node' | 'network' | 'delivery'

export interface Check {
  readonly name: string
  readonly needs: Need
  look(patient: Patient): Finding | Promise<Finding>
}

/** Who may join, by the options. */
export type JoinOptions = Pick<NodeOptions, 'allow' | 'open'>

/** One HTTP face of the node. */
export interface ServedAt {
  readonly url: string
  readonly host: string
  readonly hasToken: boolean
  readonly tokenFile?: string | undefined
}

/** The parts of a node that runs. */
export interface RunningParts {
  readonly book: PeerBook
  readonly membership: () => Membership | undefined
  readonly paused: () => boolean
  readonly join: JoinOptions
  readonly served: () => readonly ServedAt[]
}

/** What is looked at. */
export interface Patient {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
  readonly network: string
  readonly settings: Settings
  readonly directory: DataDirectory | undefined
  readonly notes: Notes
  readonly lags: LagMemory
  /** Version of the runtime, as Node.js says it: 20.19.0. */
  readonly nodeVersion: string
  /** Absent for a directory whose node does not run. */
  readonly node: RunningParts | undefined
  /** Absent where no delivery outbox is hosted. */
  readonly delivery?: DeliveryDesk | Promise<DeliveryDesk> | undefined
}

/** For a check that needs the network. */
export interface OnNetwork {
  readonly node: RunningParts
  readonly here: Membership
}

/** The parts that a check of the network is promised. */
export function onNetwork({ node }: Patient): OnNetwork {
  const here = node?.membership()
  if (node === undefined || here === undefined) throw new TypeError('the check needs the network')
  return { node, here }
}

export function ok(evidence: string, details?: Record<string, unknown>): Finding {
  return { status: 'ok', evidence, ...(details !== undefined && { details }) }
}

export function warn(evidence: string, remedy: string, details?: Record<string, unknown>): Finding {
  return { status: 'warn', evidence, remedy, ...(details !== undefined && { details }) }
}

export function fail(evidence: string, remedy: string, details?: Record<string, unknown>): Finding {
  return { status: 'fail', evidence, remedy, ...(details !== undefined && { details }) }
}

/** A sentence, and a line for each of the first cases. */
export function withCases(sentence: string, cases: readonly string[]): string {
  const rest = cases.length - listed
  return [sentence, ...cases.slice(0, listed), ...(rest > 0 ? [`and ${rest} more`] : [])].join('\n')
}

/** How a peer is called: its name, and enough of its id to find it. */
export function called(peer: Author, book?: PeerBook): string {
  const id = peerIdOf(peer)
  const name = book?.name(peer)
  return name === null || name === undefined ? id : `${name} (${id.slice(0, 16)})`
}

/** How a peer is written in a command. */
export function peerArgument(peer: Author): string {
  return peerIdOf(peer)
}

/** `3 peers`, `1 peer`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** `64.0 MiB`. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024
    unit++
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)} ${units[unit]}`
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
