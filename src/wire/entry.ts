/**
 * One batch, or one bare header, as an entry of a RUN: what the chain, the body and the stream imply is not sent.
 *
 * Keeps: the header that a reader puts together is byte for byte the one that was signed, or it is refused.
 */
import type { Hashes } from '../base/index.js'
import { copyBytes, EMPTY_BYTES, FORMAT, fromHex } from '../base/index.js'
import type { BareHeader, Batch, BatchHeader, BatchId, DatabaseId, Dep } from '../log/index.js'
import {
  batchIdOfHeader,
  checkHeader,
  decodeExtensions,
  encodeExtensions,
  encodeHeader,
  FORMAT_VERSION,
  merkleRoot,
  NO_BATCH,
  SIGNATURE_BYTES
} from '../log/index.js'
import type { AuthorNames, AuthorNumbers, ChainEnd, ChainEnds } from './dictionary.js'
import { batchIdField, epochField, integerField, malformed } from './frame.js'
import type { DepRef, Entry } from './generated/sync-ops.js'

/** Bytes of an entry's fixed fields with their tags and lengths: author, epoch, seq, previous, time, ops, root. */
const ENTRY_BYTES = 160
/** Bytes of a dep with its tags, and of the key of an author that it names for the first time. */
const DEP_BYTES = 62 + 34
const AUTHOR_KEY_BYTES = 34
/** Format that an absent field `format` means. */
const DEFAULT_FORMAT = 0

/** At least the bytes that an entry takes without its body, with the keys of the authors it names. */
export function entryBound(header: BatchHeader): number {
  let size = ENTRY_BYTES + AUTHOR_KEY_BYTES + SIGNATURE_BYTES + header.deps.length * DEP_BYTES
  if (header.extensions.length > 0) size += FORMAT.headerExtensionBytes
  return size
}

/** Writes entries in the order of the stream. */
export class EntryWriter {
  readonly #authors: AuthorNumbers
  readonly #ends: ChainEnds
  #author: string | undefined

  constructor(authors: AuthorNumbers, ends: ChainEnds) {
    this.#authors = authors
    this.#ends = ends
  }

  /** Starts a frame: its first entry names its author. */
  begin(): void {
    this.#author = undefined
  }

  /** `body` is given where the entry carries it. */
  write(item: BareHeader, signature: Uint8Array | undefined, body: Uint8Array | undefined): Entry {
    const { header } = item
    const end = this.#ends.of(header.author)
    const entry: Entry = {
      author: header.author === this.#author ? undefined : this.#authors.of(header.author),
      epoch: undefined,
      seq: 0,
      previous: EMPTY_BYTES,
      ms: header.time.ms,
      counter: header.time.counter,
      ops: header.opCount,
      deps: header.deps.map(dep => this.#dep(dep)),
      extensions: encodeExtensions(header.extensions),
      body,
      root: body === undefined ? header.root : EMPTY_BYTES,
      length: body === undefined ? header.bodyLength : 0,
      signature,
      format: DEFAULT_FORMAT
    }
    if (end !== undefined && continues(header, end)) {
      entry.ms = header.time.ms - end.header.time.ms
    } else {
      entry.epoch = fromHex(header.epoch)
      entry.seq = header.seq
      if (header.previous !== NO_BATCH) entry.previous = fromHex(header.previous)
    }
    this.#author = header.author
    this.#ends.set(item)
    return entry
  }

  #dep(dep: Dep): DepRef {
    const author = this.#authors.of(dep.author)
    const end = this.#ends.of(dep.author)
    if (end?.id === dep.id && end.header.epoch === dep.epoch && end.header.seq === dep.seq) {
      return { author, epoch: undefined, seq: 0, id: EMPTY_BYTES }
    }
    return { author, epoch: fromHex(dep.epoch), seq: dep.seq, id: fromHex(dep.id) }
  }
}

/** Whether `header` says nothing of its place that the end of its author's chain does not imply. */
function continues(header: BatchHeader, end: ChainEnd): boolean {
  return (
    header.previous === end.id &&
    header.epoch === end.header.epoch &&
    header.seq === end.header.seq + 1 &&
    header.time.ms >= end.header.time.ms
  )
}

export interface EntryReaderInit {
  readonly hashes: Hashes
  readonly database: DatabaseId
  readonly authors: AuthorNames
  readonly ends: ChainEnds
}

/** What stands for an entry of a format that is not known here. */
export interface Skipped {
  readonly skipped: BatchHeader['author']
}

/** Reads entries in the order of the stream. */
export class EntryReader {
  readonly #hashes: Hashes
  readonly #database: DatabaseId
  readonly #authors: AuthorNames
  readonly #ends: ChainEnds
  #author: BatchHeader['author'] | undefined

  constructor(init: EntryReaderInit) {
    this.#hashes = init.hashes
    this.#database = init.database
    this.#authors = init.authors
    this.#ends = init.ends
  }

  /** Starts a frame: its first entry names its author. */
  begin(): void {
    this.#author = undefined
  }

  /** A batch with its body. */
  readBatch(entry: Entry): Batch | Skipped {
    // Copied, so that a batch that is kept does not hold on to a whole frame.
    const body = entry.body && copyBytes(entry.body)
    if (body === undefined) {
      if (this.#skips(entry)) return { skipped: this.#authorOf(entry) }
      throw malformed('a batch without its body')
    }
    const bare = this.#read(entry, body)
    return 'skipped' in bare ? bare : { ...bare, body }
  }

  /** A header whose body does not stand in the entry. */
  readBare(entry: Entry): BareHeader | Skipped {
    if (entry.body !== undefined) throw malformed('a bare header with a body')
    return this.#read(entry, undefined)
  }

  /**
   * Whether the entry is of a format that is not known here. It is left out, and said to be: what follows it in its
   * author's log is held back as behind any gap. What it would have implied for later entries is forgotten.
   */
  #skips(entry: Entry): boolean {
    if (entry.format === DEFAULT_FORMAT || entry.format === FORMAT_VERSION) return false
    this.#ends.forget(this.#authorOf(entry))
    return true
  }

  #authorOf(entry: Entry): BatchHeader['author'] {
    if (entry.author !== undefined) this.#author = this.#authors.at(entry.author)
    if (this.#author === undefined) throw malformed('the first entry of a frame names no author')
    return this.#author
  }

  #read(entry: Entry, body: Uint8Array | undefined): BareHeader | Skipped {
    if (this.#skips(entry)) return { skipped: this.#authorOf(entry) }
    const author = this.#authorOf(entry)
    const { counter, ops } = entry
    const header: BatchHeader = {
      database: this.#database,
      author,
      ...this.#place(entry, author, counter),
      root: body === undefined ? rootField(entry.root) : merkleRoot(body, this.#hashes),
      opCount: ops,
      bodyLength: body === undefined ? entry.length : body.length,
      deps: entry.deps.map(dep => this.#dep(dep)),
      extensions: entry.extensions.length === 0 ? [] : decodeExtensions(copyBytes(entry.extensions))
    }
    checkHeader(header)
    const headerBytes = encodeHeader(header)
    const bare = { header, headerBytes, id: batchIdOfHeader(headerBytes, this.#hashes) }
    this.#ends.set(bare)
    if (entry.signature === undefined) return bare
    if (entry.signature.length !== SIGNATURE_BYTES) throw malformed('a signature has 64 bytes')
    return { ...bare, signature: copyBytes(entry.signature) }
  }

  #place(
    entry: Entry,
    author: BatchHeader['author'],
    counter: number
  ): Pick<BatchHeader, 'epoch' | 'seq' | 'previous' | 'time'> {
    const ms = integerField(entry.ms, Number.MAX_SAFE_INTEGER, 'a time')
    if (entry.epoch === undefined) {
      const end = this.#ends.of(author)
      if (end === undefined) throw malformed('an entry continues a batch that was not on this stream')
      const { epoch, seq, time } = end.header
      return { epoch, seq: seq + 1, previous: end.id, time: { ms: time.ms + ms, counter } }
    }
    const seq = integerField(entry.seq, Number.MAX_SAFE_INTEGER, 'a seq')
    const previous: BatchId = entry.previous.length === 0 ? NO_BATCH : batchIdField(entry.previous)
    return { epoch: epochField(entry.epoch), seq, previous, time: { ms, counter } }
  }

  #dep(ref: DepRef): Dep {
    const author = this.#authors.at(ref.author)
    if (ref.epoch !== undefined) {
      const seq = integerField(ref.seq, Number.MAX_SAFE_INTEGER, 'a seq')
      return { author, epoch: epochField(ref.epoch), seq, id: batchIdField(ref.id) }
    }
    const end = this.#ends.of(author)
    if (end === undefined) throw malformed('a dep implies a batch that was not on this stream')
    return { author, epoch: end.header.epoch, seq: end.header.seq, id: end.id }
  }
}

function rootField(root: Uint8Array): Uint8Array {
  if (root.length !== 32) throw malformed(`a root of ${root.length} bytes`)
  return copyBytes(root)
}
