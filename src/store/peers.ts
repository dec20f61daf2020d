/**
 * The accounts of peers: how far each side has the other's log. In memory, since there are about a thousand at most;
 * on disk with the next commit, or by a small one of their own. Losing the newest state of one costs a repeat.
 *
 * A program acknowledges by op, in any order: what it has above its position stands as single marks until they join up.
 */
import type { Hashes } from '../base/index.js'
import { fromUtf8, toHex, utf8 } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import type { Cursor, StoreId } from '../log/index.js'
import type { LogReader } from './history.js'
import type { PeerRecord } from './index.js'
import { peerKey, placeOfKey, programAckKey, programAckRange, putHex, SPACE } from './keys.js'
import { opsOf } from './prepare.js'
import { readRecord, writeRecord } from './records.js'
import { each } from './state.js'

const EMPTY = new Uint8Array(0)
/** Positions that one acknowledgement of a program joins up at most; the rest follows with the next. */
const joinedPositions = 1024

const NEW_PROGRAM: PeerRecord = {
  acked: 0,
  ackedAtMs: 0,
  durable: true,
  kind: 'program',
  blocked: false,
  addrs: []
}

export class PeerTable {
  readonly #hashes: Hashes
  #records = new Map<string, PeerRecord>()
  readonly #dirty = new Set<string>()

  constructor(hashes: Hashes) {
    this.#hashes = hashes
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0
  }

  get(peer: string): PeerRecord | undefined {
    return this.#records.get(peer)
  }

  entries(): IterableIterator<[string, PeerRecord]> {
    return this.#records.entries()
  }

  set(peer: string, record: PeerRecord): void {
    this.#records.set(peer, record)
    this.#dirty.add(peer)
  }

  /** Removes an account from memory; the record goes with the write. */
  forget(peer: string, write: DiskWrite): void {
    this.#records.delete(peer)
    this.#dirty.delete(peer)
    write.del(peerKey(utf8(peer)))
  }

  /** Puts what changed into a commit. Should that fail, the next change of the peer writes it again. */
  writeTo(write: DiskWrite): void {
    for (const peer of this.#dirty) {
      const record = this.#records.get(peer)
      if (record === undefined) continue
      const key = peerKey(utf8(peer))
      write.put(key, encodePeer(key, record, this.#hashes))
    }
    this.#dirty.clear()
  }

  async load(disk: Disk): Promise<void> {
    await each(disk, SPACE.peer, (key, value) => {
      this.#records.set(fromUtf8(key.subarray(1)), decodePeer(key, value, this.#hashes))
    })
  }
}

const HAS_CURSOR = 1
const DURABLE = 2
const PROGRAM = 4
const BLOCKED = 8
const HAS_NAME = 16

function encodePeer(key: Uint8Array, peer: PeerRecord, hashes: Hashes): Uint8Array {
  const { theirs, acked, ackedAtMs, durable, kind, blocked, name, addrs } = peer
  return writeRecord(key, hashes, writer => {
    let flags = (durable ? DURABLE : 0) | (kind === 'program' ? PROGRAM : 0) | (blocked ? BLOCKED : 0)
    flags |= (theirs === undefined ? 0 : HAS_CURSOR) | (name === undefined ? 0 : HAS_NAME)
    writer.u8(flags).u48(acked).u48(ackedAtMs)
    if (theirs !== undefined) {
      const bytes = new Uint8Array(16)
      putHex(bytes, 0, theirs.store)
      putHex(bytes, 8, theirs.check)
      writer.bytes(bytes).u48(theirs.position)
    }
    if (name !== undefined) writer.block(utf8(name))
    writer.varint(addrs.length)
    for (const addr of addrs) writer.block(utf8(addr))
  })
}

function decodePeer(key: Uint8Array, value: Uint8Array, hashes: Hashes): PeerRecord {
  return readRecord(key, value, hashes, 'the account of a peer', reader => {
    const flags = reader.u8()
    const acked = reader.u48()
    const ackedAtMs = reader.u48()
    let theirs: Cursor | undefined
    if ((flags & HAS_CURSOR) !== 0) {
      const store = toHex(reader.bytes(8)) as StoreId
      const check = toHex(reader.bytes(8))
      theirs = { store, check, position: reader.u48() }
    }
    const name = (flags & HAS_NAME) === 0 ? undefined : fromUtf8(reader.block(reader.remaining))
    const addrs: string[] = []
    for (let left = reader.varint(); left > 0; left--) addrs.push(fromUtf8(reader.block(reader.remaining)))
    return {
      ...(theirs !== undefined && { theirs }),
      acked,
      ackedAtMs,
      durable: (flags & DURABLE) !== 0,
      kind: (flags & PROGRAM) === 0 ? 'peer' : 'program',
      blocked: (flags & BLOCKED) !== 0,
      ...(name !== undefined && { name }),
      addrs
    }
  })
}

/** Marks ops as delivered to a program, and moves its position over what is complete. */
export async function ackFromProgram(
  init: { disk: Disk; log: LogReader; peers: PeerTable; newest: number; nowMs: number },
  from: string,
  places: readonly { position: number; index: number }[],
  write: DiskWrite
): Promise<void> {
  const { disk, log, peers, newest, nowMs } = init
  const record = peers.get(from) ?? NEW_PROGRAM
  const name = utf8(from)
  const marks = new Map<number, Set<number>>()
  for (const { position, index } of await storedMarks(disk, name)) addMark(marks, position, index)
  for (const { position, index } of places) {
    if (position <= record.acked) continue
    addMark(marks, position, index)
    write.put(programAckKey(name, position, index), EMPTY)
  }
  let { acked } = record
  for (let steps = 0; acked < newest && steps < joinedPositions; steps++) {
    const ops = opsOf((await log.require(acked + 1)).batch)
    const had = marks.get(acked + 1)
    if ((had?.size ?? 0) < ops.length) break
    acked++
    for (const index of had ?? []) write.del(programAckKey(name, acked, index))
  }
  peers.set(from, { ...record, acked, ackedAtMs: nowMs })
}

function addMark(marks: Map<number, Set<number>>, position: number, index: number): void {
  const at = marks.get(position)
  if (at === undefined) marks.set(position, new Set([index]))
  else at.add(index)
}

export async function storedMarks(
  disk: Disk,
  name: Uint8Array
): Promise<{ position: number; index: number }[]> {
  const iterator = disk.iterate(programAckRange(name))
  try {
    const marks: { position: number; index: number }[] = []
    for (let page = await iterator.next(256); page.length > 0; page = await iterator.next(256)) {
      for (const [key] of page) marks.push(placeOfKey(key))
    }
    return marks
  } finally {
    await iterator.close()
  }
}
