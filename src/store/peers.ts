/**
 * The accounts of peers: how far each side has the other's log. In memory, since there are about a thousand at most;
 * on disk with the next commit, or by a small one of their own. Losing the newest state of one costs a repeat.
 */
import type { Hashes } from '../base/index.js'
import { fromUtf8, toHex, utf8 } from '../base/index.js'
import type { Disk, DiskWrite } from '../disk/index.js'
import type { Cursor, StoreId } from '../log/index.js'
import type { PeerRecord } from './index.js'
import { peerKey, putHex, SPACE } from './keys.js'
import { isIntact, readRecord, writeRecord } from './records.js'
import { each } from './state.js'

export class PeerTable {
  readonly #hashes: Hashes
  readonly #records = new Map<string, PeerRecord>()
  /** Peers of which memory has what is not on disk yet. */
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

  /** Removes an account; answers what to do when the write is durable. */
  forget(peer: string, write: DiskWrite): () => void {
    write.del(peerKey(utf8(peer)))
    return () => {
      this.#records.delete(peer)
      this.#dirty.delete(peer)
    }
  }

  /** Puts a changed account into a write; answers what to do when that is durable. */
  put(peer: string, change: (before: PeerRecord | undefined) => PeerRecord, write: DiskWrite): () => void {
    const before = this.#records.get(peer)
    const record = change(before)
    this.#encode(peer, record, write)
    return () => {
      const now = this.#records.get(peer)
      // What was saved meanwhile stands, with this change, and is written by the next commit.
      this.#records.set(peer, now === before ? record : change(now))
      if (now === before) this.#dirty.delete(peer)
      else this.#dirty.add(peer)
    }
  }

  /** Puts everything that is not on disk into a write; answers what to do when that is durable. */
  writeTo(write: DiskWrite): () => void {
    const written: [string, PeerRecord][] = []
    for (const peer of this.#dirty) {
      const record = this.#records.get(peer)
      if (record === undefined) continue
      this.#encode(peer, record, write)
      written.push([peer, record])
    }
    return () => {
      for (const [peer, record] of written) if (this.#records.get(peer) === record) this.#dirty.delete(peer)
    }
  }

  #encode(peer: string, record: PeerRecord, write: DiskWrite): void {
    const key = peerKey(utf8(peer))
    write.put(key, encodePeer(key, record, this.#hashes))
  }

  /**
   * Takes in what is on disk. After a fence that is what programs acknowledged, since that is never ahead of the disk;
   * of other peers memory is newer: where the record of one is damaged it is written anew.
   */
  async load(disk: Disk): Promise<void> {
    await each(disk, SPACE.peer, (key, value) => {
      const peer = fromUtf8(key.subarray(1))
      const known = this.#records.get(peer)
      if (known?.kind === 'peer' && !isIntact(key, value, this.#hashes)) {
        this.#dirty.add(peer)
        return
      }
      const record = decodePeer(key, value, this.#hashes)
      if (known === undefined || (known.kind === 'program' && !this.#dirty.has(peer))) {
        this.#records.set(peer, record)
      }
    })
  }

  /** Forgets the positions that a repair has dropped from the accounts on disk: an ack or a cursor too few costs a repeat. */
  async takeDropped(disk: Disk): Promise<void> {
    await each(disk, SPACE.peer, (key, value) => {
      const peer = fromUtf8(key.subarray(1))
      const known = this.#records.get(peer)
      if (known === undefined || !isIntact(key, value, this.#hashes)) return
      const { theirs, acked } = decodePeer(key, value, this.#hashes)
      const { theirs: cursor, ...rest } = known
      const kept = theirs === undefined ? rest : { ...rest, ...(cursor && { theirs: cursor }) }
      this.#records.set(peer, acked === 0 ? { ...kept, acked: 0, ackedAtMs: 0 } : kept)
    })
  }
}

const HAS_CURSOR = 1
const DURABLE = 2
const PROGRAM = 4
const BLOCKED = 8
const HAS_NAME = 16

export function encodePeer(key: Uint8Array, peer: PeerRecord, hashes: Hashes): Uint8Array {
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

export function decodePeer(key: Uint8Array, value: Uint8Array, hashes: Hashes): PeerRecord {
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
