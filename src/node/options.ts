/**
 * The options of `createNode`: shapes, defaults, and the checks that refuse a wrong one before anything is opened.
 * An unknown option or one of a wrong type is a programming mistake: `TypeError`.
 */

import type { ComponentLogger } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Limits } from '../base/index.js'
import { messageOf, NatterError, withLimits } from '../base/index.js'
import { AllowedTargets } from '../delivery/allowed-targets.js'
import type { Author } from '../log/index.js'
import { authorOfPeerId } from '../log/index.js'
import type { Strategy } from '../merge/index.js'
import { STRATEGIES } from '../merge/index.js'

export interface NodeOptions {
  /** Absent: memory only, shown in `status().storage`. */
  dataDir?: string
  /** Kept in the directory and read when not given. @default 'default' */
  network?: string
  /** @default the host name */
  name?: string
  /** Told to peers by presence. */
  app?: { name: string; version: string }
  /** Told to peers by presence. @default [] */
  capabilities?: readonly string[]
  /** Multiaddrs. @default loopback, or 0.0.0.0 once psk, join, allow or open says who may join */
  listen?: readonly string[]
  /** Addresses to tell others (NAT, containers). @default [] */
  announce?: readonly string[]
  /** Multiaddrs, dialled for ever with jittered back-off. @default [] */
  bootstrap?: readonly string[]
  /** An invite line: network, key and addresses in one. */
  join?: string
  /** The pre-shared key of a private network, 32 bytes. */
  psk?: Uint8Array
  /** Peer ids that may connect. */
  allow?: readonly string[]
  /** Anybody may connect. @default false */
  open?: boolean
  /** @default only while listening beyond loopback in a network that was named or joined */
  mdns?: boolean
  /** Broadcast fresh batches; false: streams only. @default true */
  gossip?: boolean
  /** When a write counts as made: fsynced, or handed to the operating system. @default 'fsync' */
  durability?: 'fsync' | 'os'
  /** How a read picks among concurrent versions, for all keys or by prefix (the longest wins). @default 'latest' */
  conflict?: Strategy | Readonly<Record<string, Strategy>>
  sync?: {
    /** @default 10_000 */
    intervalMs?: number
    /** @default 1_000 */
    batchOps?: number
    /** @default 30_000 */
    timeoutMs?: number
    /** Ends a round, never the peer. @default 3 */
    maxRetries?: number
    /** @default true */
    differential?: boolean
  }
  breaker?: {
    /** Protocol errors of a peer before it is refused. @default 5 */
    threshold?: number
    /** @default 30_000 */
    coolDownMs?: number
  }
  /**
   * URLs under which the node delivers: it hosts a delivery outbox in its directory, and serves the routes of `/delivery`.
   * Absent: no outbox. For other transports than HTTP see `natter/delivery`.
   */
  deliverTo?: readonly string[]
  /** Every bound is listed in src/base/limits.ts with unit and reason. */
  limits?: Partial<Limits>
  /** A libp2p `ComponentLogger`. @default logs to stderr by DEBUG=natter:* */
  logger?: ComponentLogger
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string' && value.length > 0
const isBoolean: Check = value => typeof value === 'boolean'
const isTexts: Check = value => Array.isArray(value) && value.every(isText)
const isCount: Check = value => typeof value === 'number' && Number.isInteger(value) && value > 0
const isStrategy: Check = value => (STRATEGIES as readonly unknown[]).includes(value)

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const CHECKS: Readonly<Record<keyof NodeOptions, readonly [Check, string]>> = {
  dataDir: [isText, 'a path'],
  network: [isText, 'a text'],
  name: [isText, 'a text'],
  app: [value => isRecord(value) && isText(value['name']) && isText(value['version']), '{ name, version }'],
  capabilities: [isTexts, 'a list of texts'],
  listen: [isTexts, 'a list of multiaddrs'],
  announce: [isTexts, 'a list of multiaddrs'],
  bootstrap: [isTexts, 'a list of multiaddrs'],
  join: [isText, 'an invite line'],
  psk: [value => value instanceof Uint8Array && value.length === 32, '32 bytes'],
  allow: [isTexts, 'a list of peer ids'],
  open: [isBoolean, 'true or false'],
  mdns: [isBoolean, 'true or false'],
  gossip: [isBoolean, 'true or false'],
  durability: [value => value === 'fsync' || value === 'os', "'fsync' or 'os'"],
  conflict: [
    value => isStrategy(value) || (isRecord(value) && Object.values(value).every(isStrategy)),
    `one of ${STRATEGIES.join(', ')}, or prefixes with one of these each`
  ],
  sync: [isRecord, 'an object'],
  breaker: [isRecord, 'an object'],
  deliverTo: [isTexts, 'a list of URLs'],
  limits: [isRecord, 'an object'],
  logger: [value => isRecord(value) && typeof value['forComponent'] === 'function', 'a ComponentLogger']
}

const NESTED: Readonly<Record<string, Readonly<Record<string, readonly [Check, string]>>>> = {
  sync: {
    intervalMs: [isCount, 'a whole number above 0'],
    batchOps: [isCount, 'a whole number above 0'],
    timeoutMs: [isCount, 'a whole number above 0'],
    maxRetries: [isCount, 'a whole number above 0'],
    differential: [isBoolean, 'true or false']
  },
  breaker: {
    threshold: [isCount, 'a whole number above 0'],
    coolDownMs: [isCount, 'a whole number above 0']
  }
}

/** Bytes of a network's name: it stands in the descriptor of the database and in invites. */
const NETWORK_NAME_BYTES = 128

/** Throws `TypeError` for an unknown option or a wrong type, `INVALID_*` for a text that does not parse. */
export function checkOptions(options: NodeOptions): void {
  checkFields(options as Record<string, unknown>, CHECKS, '')
  for (const [group, checks] of Object.entries(NESTED)) {
    const fields = options[group as 'sync' | 'breaker']
    if (fields !== undefined) checkFields(fields as Record<string, unknown>, checks, `${group}.`)
  }
  withLimits(options.limits)
  for (const addr of [...(options.listen ?? []), ...(options.announce ?? []), ...(options.bootstrap ?? [])]) {
    checkMultiaddr(addr)
  }
  allowedAuthors(options.allow)
  new AllowedTargets(options.deliverTo ?? [])
  if (
    options.network !== undefined &&
    new TextEncoder().encode(options.network).length > NETWORK_NAME_BYTES
  ) {
    throw new NatterError('INVALID_ARGUMENT', `the network's name has more than ${NETWORK_NAME_BYTES} bytes`)
  }
}

function checkFields(
  fields: Record<string, unknown>,
  checks: Readonly<Record<string, readonly [Check, string]>>,
  prefix: string
): void {
  if (!isRecord(fields)) throw new TypeError('options must be an object')
  for (const [name, value] of Object.entries(fields)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (check === undefined) throw new TypeError(`unknown option: ${prefix}${name}`)
    if (value !== undefined && !check[0](value)) throw new TypeError(`${prefix}${name} must be ${check[1]}`)
  }
}

/** Throws `TypeError` for a mistyped option of a method: a target or condition that is not looked at must not pass. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`unknown option: ${name}`)
  }
}

/** Throws `INVALID_MULTIADDR`. */
export function checkMultiaddr(addr: string): void {
  try {
    multiaddr(addr)
  } catch (cause) {
    throw new NatterError('INVALID_MULTIADDR', `not a multiaddr: ${addr} (${messageOf(cause)})`, { cause })
  }
}

/** The authors behind a list of peer ids. Throws `INVALID_ARGUMENT` for a text that is none. */
export function allowedAuthors(allow: readonly string[] | undefined): Author[] | undefined {
  return allow?.map(peer => {
    const author = authorOfPeerId(peer)
    if (author === undefined) throw new NatterError('INVALID_ARGUMENT', `not a peer id: ${peer}`)
    return author
  })
}

/** The strategy for a key: of the longest prefix that fits, else `latest`. */
export function strategyOf(conflict: NodeOptions['conflict']): (key: Uint8Array) => Strategy {
  if (conflict === undefined) return () => 'latest'
  if (typeof conflict === 'string') return () => conflict
  const rules = Object.entries(conflict)
    .map(([prefix, strategy]) => ({ prefix: new TextEncoder().encode(prefix), strategy }))
    .sort((a, b) => b.prefix.length - a.prefix.length)
  return key => rules.find(rule => rule.prefix.every((byte, i) => key[i] === byte))?.strategy ?? 'latest'
}

/** Whether a multiaddr can be reached from this machine only. */
export function isLoopback(addr: string): boolean {
  const [, protocol, host] = addr.split('/')
  if (protocol === 'ip4') return host?.startsWith('127.') === true
  return (
    (protocol === 'ip6' && host === '::1') ||
    ((protocol === 'dns' || protocol === 'dns4') && host === 'localhost')
  )
}
