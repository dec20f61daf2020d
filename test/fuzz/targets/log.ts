/** Decoders of the log: headers, bodies, extension blocks, names. */
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { fromHex, utf8 } from '../../../src/base/index.js'
import type { BatchId, Epoch } from '../../../src/log/index.js'
import {
  authorOfPeerId,
  clientIdExtension,
  clientMarkOf,
  decodeBody,
  decodeExtensions,
  decodeHeader,
  encodeBody,
  encodeExtensions,
  encodeHeader,
  formatOpId,
  identityOf,
  merkleRoot,
  OP_EXTENSION,
  parseOpId,
  peerIdOf,
  requireOpId,
  shortId
} from '../../../src/log/index.js'
import { put, Writer } from '../../log/fixtures.js'
import type { Target } from '../target.js'
import { again, byCode, byRange, holds, sameBytes, sameMeaning } from '../target.js'

const writer = new Writer(3)
const dep = {
  author: writer.author,
  epoch: '0000000000000001' as Epoch,
  seq: 4,
  id: 'cd'.repeat(32) as BatchId
}
const overwriting = { ...put('c', 'd'), over: [{ batch: shortId('ab'.repeat(32) as BatchId), index: 1 }] }
const marked = { ...put('e', 'f'), extensions: [clientIdExtension('an id', 3, nodeCrypto)] }
const own = { ...put('g', 'h'), over: [{ seq: 1, index: 0 }] }

export const batches = [
  writer.next(),
  writer.next({ ops: [put('a', 'b'), overwriting, marked, own], deps: [dep] }),
  writer.next({ ops: [], extensions: [{ type: 5, value: new Uint8Array(3) }] }),
  writer.next({ body: new Uint8Array([1, 2, 3]), opCount: 2 })
]

const header: Target = {
  name: 'header',
  seeds: batches.map(batch => batch.headerBytes),
  refuses: byRange,
  read(bytes) {
    const read = decodeHeader(bytes)
    sameBytes(
      again(() => encodeHeader(read)),
      bytes
    )
    return `${Math.min(3, read.deps.length)} deps, ${Math.min(3, read.extensions.length)} extensions`
  }
}

/** The number of ops, which stands in the header, is the first byte. */
const body: Target = {
  name: 'body',
  seeds: batches.map(batch => Uint8Array.from([batch.header.opCount, ...batch.body])),
  weight: 3,
  refuses: byRange,
  read(bytes) {
    const ops = decodeBody(bytes.subarray(1), bytes[0] ?? 0)
    // The table may name what no op uses, so there are several forms; every one of them says the same.
    const written = again(() => encodeBody(ops))
    holds(written.length <= bytes.length, 'written again it is longer')
    sameMeaning(
      again(() => decodeBody(written, ops.length)),
      ops
    )
    const kinds = new Set<string>()
    for (const op of ops) {
      const mark = clientMarkOf(op, nodeCrypto)
      if (mark !== undefined)
        holds(identityOf(op, mark, nodeCrypto).length === 32, 'an identity has 16 bytes')
      kinds.add(
        `${Math.min(op.kind, 3)} over ${Math.min(2, op.over.length)}${mark === undefined ? '' : ' marked'}`
      )
    }
    return [...kinds].sort().join(', ')
  }
}

const extensions: Target = {
  name: 'extensions',
  seeds: [new Uint8Array([1, 2, 3, 4, 9, 0]), fromHex('0100'), batches[1]!.body.subarray(-20)],
  refuses: byRange,
  read(bytes) {
    const list = decodeExtensions(bytes)
    sameBytes(
      again(() => encodeExtensions(list)),
      bytes
    )
    return `${Math.min(5, list.length)} extensions`
  }
}

/** The value of the extension that carries a client id, or its hash. */
const clientId: Target = {
  name: 'client-id',
  seeds: [
    Uint8Array.from([1, ...clientIdExtension('order 1', 0, nodeCrypto).value]),
    Uint8Array.from([2, ...clientIdExtension('o'.repeat(250), 70_000, nodeCrypto).value])
  ],
  refuses: () => false,
  read(bytes) {
    const type = (bytes[0] ?? 0) % 2 === 1 ? OP_EXTENSION.clientId : OP_EXTENSION.clientIdHash
    const op = { ...put('k', 'v'), extensions: [{ type, value: bytes.subarray(1) }] }
    const mark = clientMarkOf(op, nodeCrypto)
    if (mark === undefined) return 'none'
    if (mark.id === undefined) return 'a hash'
    const { id, number } = mark
    if (utf8(id).length > 200) return 'an id that would be hashed'
    sameBytes(
      again(() => clientIdExtension(id, number, nodeCrypto).value),
      bytes.subarray(1)
    )
    return 'an id'
  }
}

const merkle: Target = {
  name: 'merkle',
  seeds: [new Uint8Array(0), new Uint8Array(4096), new Uint8Array(4097), new Uint8Array(8192).fill(7)],
  refuses: () => false,
  read(bytes) {
    const root = merkleRoot(bytes, nodeCrypto)
    const other = bytes.slice()
    if (other.length === 0) return 'empty'
    other[other.length - 1]! ^= 1
    holds(
      root.some((byte, i) => byte !== merkleRoot(other, nodeCrypto)[i]),
      'two bodies with one root'
    )
    return 'a root'
  }
}

const decoder = new TextDecoder()

const opId: Target = {
  name: 'op-id',
  text: true,
  seeds: [
    formatOpId({ author: writer.author, epoch: writer.epoch, seq: 7, index: 0 }),
    formatOpId({
      author: writer.author,
      epoch: writer.epoch,
      seq: 2 ** 53 - 1,
      index: 65_535,
      branch: '0a1b2c3d'
    })
  ].map(utf8),
  refuses: byCode('INVALID_OP_ID'),
  read(bytes) {
    const text = decoder.decode(bytes)
    const name = requireOpId(text)
    sameMeaning(parseOpId(text), name)
    holds(formatOpId(name) === text, 'an op id has one form')
    return name.branch === undefined ? 'short' : 'long'
  }
}

const peerId: Target = {
  name: 'peer-id',
  text: true,
  seeds: [utf8(peerIdOf(writer.author))],
  refuses: () => false,
  read(bytes) {
    const text = decoder.decode(bytes)
    const author = authorOfPeerId(text)
    if (author === undefined) return 'none'
    holds(peerIdOf(author) === text, 'a peer id has one form')
    return 'a peer'
  }
}

export const logTargets: readonly Target[] = [header, body, extensions, clientId, merkle, opId, peerId]
