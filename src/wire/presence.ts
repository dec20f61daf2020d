/**
 * Bytes of `/sync/presence/1.0.0`: what nodes tell about themselves and each other. Implements protocols/sync-presence.md.
 *
 * A record is signed by the node it speaks of, so anybody may pass it on. Whether a signature holds, and what a record
 * changes, is decided by the caller.
 */
import { ByteWriter, copyBytes, fromHex, PROTOCOL, utf8 } from '../base/index.js'
import type { Author, DatabaseId } from '../log/index.js'
import { AUTHOR_BYTES, SIGNATURE_BYTES } from '../log/index.js'
import {
  authorField,
  databaseField,
  decoding,
  frameType,
  hexField,
  integerField,
  malformed
} from './frame.js'
import type { PresenceEntry } from './generated/sync-presence.js'
import { PresenceFrame } from './generated/sync-presence.js'

/** What a node says of itself and signs. */
export interface PresenceFields {
  readonly peer: Author
  /** Rises with every change: the newer replaces the older. */
  readonly version: number
  readonly name: string
  readonly appName: string
  readonly appVersion: string
  readonly capabilities: readonly string[]
  /** Multiaddrs as text. */
  readonly addrs: readonly string[]
}

export interface SignedPresence {
  readonly record: PresenceFields
  /** By `record.peer` over `presenceSigningBytes(record)`, 64 bytes. */
  readonly signature: Uint8Array
}

/** The id of a presence table: 16 hex digits, random, new in every process. */
export type TableId = string & { readonly __table: true }

/** Opens the exchange on a stream, from either side. */
export interface PresenceHello {
  readonly type: 'hello'
  readonly database: DatabaseId
  /** The sender's table. */
  readonly table: TableId
  /** How far the sender has seen the receiver's table; absent when it has seen nothing of it. */
  readonly seen?: { readonly table: TableId; readonly version: number }
}

/** Records that changed since what the receiver has seen. */
export interface PresenceRecords {
  readonly type: 'records'
  /** The sender's table. */
  readonly table: TableId
  /** The version of that table that all records so far reach to; absent while further frames of the same answer follow. */
  readonly version?: number
  readonly records: readonly SignedPresence[]
}

export type PresenceMessage = PresenceHello | PresenceRecords

const SIGNING_DOMAIN = utf8('natter/presence/1\0')
const TABLE_BYTES = 8
const HELLO_FRAME = 1
const RECORDS_FRAME = 3
const KNOWN_FRAMES: ReadonlySet<number> = new Set([HELLO_FRAME, RECORDS_FRAME])
/** Bytes of a frame that hold no records: its own fields and lengths. */
const FRAME_OVERHEAD = 64
/** Bytes of an entry beside its texts: key, signature, version, tags and lengths of the fixed fields. */
const ENTRY_OVERHEAD = 160
const MAX_VERSION = Number.MAX_SAFE_INTEGER

/** What a presence record's signature is over: a domain string and all fields, in one canonical form. */
export function presenceSigningBytes(record: PresenceFields): Uint8Array {
  const writer = new ByteWriter(512).bytes(SIGNING_DOMAIN).bytes(fromHex(record.peer)).u64(record.version)
  writer.block(utf8(record.name)).block(utf8(record.appName)).block(utf8(record.appVersion))
  for (const list of [record.capabilities, record.addrs]) {
    writer.varint(list.length)
    for (const text of list) writer.block(utf8(text))
  }
  return writer.finish()
}

/**
 * Throws `RangeError` when a field is over its bound: such a record is refused by every decoder, so it must not be made.
 */
export function checkPresence(record: PresenceFields): void {
  integerBound(record.version)
  for (const text of [record.name, record.appName, record.appVersion]) textBound(text, 'a text')
  listBound(record.capabilities, PROTOCOL.presenceCapabilities, 'capabilities')
  for (const text of record.capabilities) textBound(text, 'a capability')
  listBound(record.addrs, PROTOCOL.presenceAddrs, 'addresses')
  for (const text of record.addrs) textBound(text, 'an address', PROTOCOL.presenceAddrBytes)
}

function integerBound(value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError('a version must be a positive integer')
}

function listBound(list: readonly string[], max: number, what: string): void {
  if (list.length > max) throw new RangeError(`${list.length} ${what}, at most ${max} allowed`)
}

function textBound(text: string, what: string, max: number = PROTOCOL.presenceTextBytes): void {
  const length = utf8(text).length
  if (length > max) throw new RangeError(`${what} of ${length} bytes, at most ${max} allowed`)
}

/** The frames of a message, without their length prefixes: one for a HELLO, as many as needed for records. */
export function encodePresence(message: PresenceMessage): Uint8Array[] {
  if (message.type === 'hello') return [encodeHello(message)]
  const frames: Uint8Array[] = []
  const table = fromHex(message.table)
  let records: PresenceEntry[] = []
  let bytes = FRAME_OVERHEAD
  for (const signed of message.records) {
    checkPresence(signed.record)
    const size = entrySize(signed.record)
    if (bytes + size > PROTOCOL.presenceFrameBytes) {
      frames.push(PresenceFrame.encode({ records: { table, records } }))
      records = []
      bytes = FRAME_OVERHEAD
    }
    records.push(entryOf(signed))
    bytes += size
  }
  frames.push(PresenceFrame.encode({ records: { table, version: message.version, records } }))
  return frames
}

function encodeHello(message: PresenceHello): Uint8Array {
  const { database, table, seen } = message
  return PresenceFrame.encode({
    hello: {
      database: fromHex(database),
      table: fromHex(table),
      seenTable: seen === undefined ? undefined : fromHex(seen.table),
      seenVersion: seen?.version ?? 0
    }
  })
}

/** At least the bytes that an entry takes. */
function entrySize(record: PresenceFields): number {
  let size = ENTRY_OVERHEAD
  const texts = [record.name, record.appName, record.appVersion, ...record.capabilities, ...record.addrs]
  for (const text of texts) size += 3 + utf8(text).length
  return size
}

function entryOf({ record, signature }: SignedPresence): PresenceEntry {
  return {
    peer: fromHex(record.peer),
    version: record.version,
    name: record.name,
    appName: record.appName,
    appVersion: record.appVersion,
    capabilities: [...record.capabilities],
    addrs: [...record.addrs],
    signature
  }
}

/** `undefined` for a frame to skip. Throws `PROTOCOL_ERROR` for a malformed one or one over a bound. */
export function decodePresence(frame: Uint8Array): PresenceMessage | undefined {
  return decoding('a presence frame', () => {
    if (frame.length > PROTOCOL.presenceFrameBytes)
      throw malformed(`a presence frame of ${frame.length} bytes`)
    if (frameType(frame, KNOWN_FRAMES) === undefined) return undefined
    const { hello, records } = PresenceFrame.decode(frame, { limits: DECODE_LIMITS })
    if (hello !== undefined) {
      const message: PresenceHello = {
        type: 'hello',
        database: databaseField(hello.database),
        table: tableField(hello.table)
      }
      if (hello.seenTable === undefined) return message
      const version = integerField(hello.seenVersion, MAX_VERSION, 'a table version')
      return { ...message, seen: { table: tableField(hello.seenTable), version } }
    }
    if (records === undefined) throw malformed('an empty presence frame')
    const message: PresenceRecords = {
      type: 'records',
      table: tableField(records.table),
      records: records.records.map(signedOf)
    }
    if (records.version === undefined) return message
    return { ...message, version: integerField(records.version, MAX_VERSION, 'a table version') }
  })
}

const DECODE_LIMITS = {
  records: {
    records: PROTOCOL.presenceNodes,
    records$: { capabilities: PROTOCOL.presenceCapabilities, addrs: PROTOCOL.presenceAddrs }
  }
}

function tableField(bytes: Uint8Array): TableId {
  return hexField(bytes, TABLE_BYTES, 'a table id') as TableId
}

function signedOf(entry: PresenceEntry): SignedPresence {
  if (entry.signature.length !== SIGNATURE_BYTES) throw malformed('a presence record without a signature')
  if (entry.peer.length !== AUTHOR_BYTES) throw malformed('a presence record without a key')
  const { version, name, appName, appVersion, capabilities, addrs } = entry
  const record = { peer: authorField(entry.peer), version, name, appName, appVersion, capabilities, addrs }
  checkPresence(record)
  return { record, signature: copyBytes(entry.signature) }
}
