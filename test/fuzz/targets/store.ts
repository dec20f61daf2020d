/** Records as they stand on the disk, and the files beside the database. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCrypto } from '../../../src/base/crypto-node.js'
import { fromHex, utf8 } from '../../../src/base/index.js'
import { readManifest } from '../../../src/disk/manifest.js'
import { SettingsFile } from '../../../src/disk/settings.js'
import type { BatchId, ClientIdHash, Epoch, Identity, ShortId } from '../../../src/log/index.js'
import { parseCursor } from '../../../src/node/feed.js'
import { Arena } from '../../../src/store/arena.js'
import { decodeCell, encodeCell } from '../../../src/store/cell-record.js'
import { decodeClientOps, encodeClientOps } from '../../../src/store/client-ids.js'
import { decodeFork, encodeFork } from '../../../src/store/forks.js'
import type { CellRecord } from '../../../src/store/heads.js'
import { Origin } from '../../../src/store/heads.js'
import type { Store } from '../../../src/store/index.js'
import { decodeKeyList, encodeKeyList } from '../../../src/store/key-lists.js'
import {
  cellKey,
  clientIdKey,
  forkKey,
  indexKey,
  keyListKey,
  logKey,
  META_KEY,
  peerKey,
  tipKey
} from '../../../src/store/keys.js'
import { decodeLog, encodeLog } from '../../../src/store/log-record.js'
import { decodePeer, encodePeer } from '../../../src/store/peers.js'
import {
  decodeBranch,
  decodeCover,
  decodeIndex,
  decodeTip,
  encodeBranch,
  encodeCover,
  encodeIndex,
  encodeTip,
  seal
} from '../../../src/store/records.js'
import { decodeMeta, encodeMeta } from '../../../src/store/state.js'
import type { Target } from '../target.js'
import { again, Broken, byCode, holds, sameMeaning } from '../target.js'
import { batches } from './log.js'

const damage = byCode('STORE_DAMAGED')
const epoch = '65000003000000ff' as Epoch
const id = 'cd'.repeat(32) as BatchId
const short = 'cd'.repeat(16) as ShortId
const chain = { author: 1, epoch, branch: 0 }
const author = batches[0]!.header.author
const names = {
  nameOf(number: number) {
    if (number > 3) throw new RangeError(`author ${number}`)
    return author
  }
}

export interface RecordInit<T> {
  readonly name: string
  readonly key: Uint8Array
  readonly seeds: readonly Uint8Array[]
  readonly decode: (value: Uint8Array) => T
  readonly encode: (record: T) => Uint8Array
}

/**
 * A kind of record. Half of the mutants get a checksum that fits: nobody but this node writes them, but a checksum of 32
 * bits is no proof, and what passes it must not end in anything but a record or `STORE_DAMAGED`.
 */
export function record<T>({ name, key, seeds, decode, encode }: RecordInit<T>): Target {
  return {
    name: `disk-${name}`,
    seeds,
    refuses: damage,
    mend(bytes) {
      const value = bytes.length < 5 ? new Uint8Array(5) : bytes.slice()
      value[0] = 1
      return seal(key, value, nodeCrypto)
    },
    read(bytes) {
      const read = decode(bytes)
      const written = again(() => encode(read))
      sameMeaning(
        again(() => decode(written)),
        read
      )
      return 'a record'
    }
  }
}

const logRecords = batches.map(batch => ({
  batch,
  branch: 0,
  check: '0123456789abcdef',
  opsBefore: 5,
  bytesBefore: 70,
  arrivedMs: 1_700_000_000_000,
  local: true
}))

const cellRecord: CellRecord = {
  changedAt: 9,
  present: true,
  heads: [0, 1, 2].map(index => ({
    origin: new Origin(chain, author, { seq: 3, id: short, time: { ms: 1_700_000_000_000, counter: 2 } }),
    index,
    kind: 1,
    value: index === 2 ? undefined : utf8('"value"'),
    identity: index === 1 ? ('ab'.repeat(16) as Identity) : undefined,
    demoted: index === 1
  }))
}
const arena = new Arena(false)
const cellAt = cellKey(utf8('a key'))

/** Origins are compared by what they say. */
function plainCell(cell: CellRecord): unknown {
  return { ...cell, heads: cell.heads.map(head => ({ ...head, origin: [...head.origin.bytes] })) }
}

const cell: Target = {
  ...record({
    name: 'cell',
    key: cellAt,
    seeds: [encodeCell(cellAt, cellRecord, nodeCrypto, arena)],
    decode: value => decodeCell(cellAt, value, nodeCrypto, names),
    encode: read => encodeCell(cellAt, read, nodeCrypto, arena)
  }),
  read(bytes) {
    const read = decodeCell(cellAt, bytes, nodeCrypto, names)
    const written = again(() => encodeCell(cellAt, read, nodeCrypto, arena))
    const second = again(() => decodeCell(cellAt, written, nodeCrypto, names))
    sameMeaning(plainCell(second), plainCell(read))
    return `${Math.min(4, read.heads.length)} heads`
  }
}

const peerAt = peerKey(utf8('12D3KooWx'))
const peerRecords = [
  {
    acked: 3,
    ackedAtMs: 1_700_000_000_000,
    durable: true,
    kind: 'peer',
    blocked: false,
    addrs: ['/ip4/1.2.3.4/tcp/1']
  },
  { acked: 0, ackedAtMs: 0, durable: false, kind: 'program', blocked: true, name: 'p', addrs: [] }
] as const
const metaRecord = {
  storeId: '00112233aabbccdd',
  database: '11'.repeat(32),
  author,
  mark: { position: 4, check: '0123456789abcdef' },
  totals: { ops: 1, keys: 2, bytes: 3 },
  digest: new Uint8Array(16),
  time: { ms: 1_700_000_000_000, counter: 1 }
} as Parameters<typeof encodeMeta>[0]

const keyList = { number: 2, from: 3, mark: metaRecord.mark }

const forkAt = forkKey(chain)
const clientAt = clientIdKey('ee'.repeat(32) as ClientIdHash)
const records: readonly Target[] = [
  record({
    name: 'log',
    key: logKey(7),
    seeds: logRecords.map(one => encodeLog(logKey(7), one, nodeCrypto)),
    decode: value => decodeLog(logKey(7), value, 7, nodeCrypto),
    encode: read => encodeLog(logKey(7), read, nodeCrypto)
  }),
  record({
    name: 'index',
    key: indexKey(chain, 3),
    seeds: [encodeIndex(indexKey(chain, 3), { position: 9, id, signed: true, bytes: 400 }, nodeCrypto)],
    decode: value => decodeIndex(indexKey(chain, 3), value, nodeCrypto),
    encode: read => encodeIndex(indexKey(chain, 3), read, nodeCrypto)
  }),
  record({
    name: 'branch',
    key: indexKey(chain, 0),
    seeds: [
      encodeBranch(
        indexKey(chain, 0),
        { parent: { branch: 0, seq: 4 }, deps: [{ atSeq: 1, epoch, branch: 2, seq: 3 }] },
        nodeCrypto
      ),
      encodeBranch(indexKey(chain, 0), { deps: [] }, nodeCrypto)
    ],
    decode: value => decodeBranch(indexKey(chain, 0), value, nodeCrypto),
    encode: read => encodeBranch(indexKey(chain, 0), read, nodeCrypto)
  }),
  record({
    name: 'key-list',
    key: keyListKey(2),
    seeds: [[], [1, -2, 0x7fff_ffff]].map(keys => encodeKeyList({ ...keyList, keys }, nodeCrypto)),
    decode: value => decodeKeyList(2, value, nodeCrypto),
    encode: read => encodeKeyList(read, nodeCrypto)
  }),
  record({
    name: 'tip',
    key: tipKey(1, short),
    seeds: [encodeTip(tipKey(1, short), { ...chain, seq: 3, id, position: 9, signed: true }, nodeCrypto)],
    decode: value => decodeTip(tipKey(1, short), value, 1, nodeCrypto),
    encode: read => encodeTip(tipKey(1, short), read, nodeCrypto)
  }),
  record({
    name: 'cover',
    key: indexKey(chain, 1),
    seeds: [encodeCover(indexKey(chain, 1), batches, nodeCrypto)],
    decode: value => decodeCover(indexKey(chain, 1), value, nodeCrypto),
    encode: read => encodeCover(indexKey(chain, 1), read, nodeCrypto)
  }),
  record({
    name: 'client-ops',
    key: clientAt,
    seeds: [
      encodeClientOps(
        clientAt,
        [0, 1].map(number => ({ number, position: 7, index: number, identity: 'ab'.repeat(16) as Identity })),
        nodeCrypto
      )
    ],
    decode: value => decodeClientOps(clientAt, value, nodeCrypto),
    encode: read => encodeClientOps(clientAt, read, nodeCrypto)
  }),
  record({
    name: 'peer',
    key: peerAt,
    seeds: peerRecords.map(one => encodePeer(peerAt, one, nodeCrypto)),
    decode: value => decodePeer(peerAt, value, nodeCrypto),
    encode: read => encodePeer(peerAt, read, nodeCrypto)
  }),
  record({
    name: 'fork',
    key: forkAt,
    seeds: [encodeFork(forkAt, { author: 1, epoch, seq: 3 }, nodeCrypto)],
    decode: value => decodeFork(forkAt, value, nodeCrypto),
    encode: read => encodeFork(forkAt, read, nodeCrypto)
  }),
  {
    ...record({
      name: 'meta',
      key: META_KEY,
      seeds: [encodeMeta(metaRecord, nodeCrypto)],
      decode: value => decodeMeta(value, nodeCrypto),
      encode: read => encodeMeta(read, nodeCrypto)
    }),
    refuses: byCode('STORE_DAMAGED', 'FORMAT_UNKNOWN')
  }
]

// Files. They are read through the file system, which is slow, so they come seldom.

const folder = mkdtempSync(join(tmpdir(), 'natter-fuzz-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const manifestText = JSON.stringify({
  format: 1,
  state: 'made',
  author: 'ab'.repeat(32),
  storeId: '0123456789abcdef',
  place: '12-34',
  database: 'cd'.repeat(32),
  sentinel: { position: 5, check: '0123456789abcdef' }
})

const manifest: Target = {
  name: 'manifest',
  text: true,
  seeds: [
    utf8(manifestText),
    utf8(manifestText.replace('{"position":5,"check":"0123456789abcdef"}', 'null'))
  ],
  refuses: byCode('STORE_DAMAGED', 'FORMAT_UNKNOWN'),
  async read(bytes) {
    const path = join(folder, 'natter.json')
    writeFileSync(path, bytes)
    if ((await readManifest(path)) === undefined) throw new Broken('a file that is there was not seen')
    return 'a manifest'
  }
}

const settings: Target = {
  name: 'settings',
  text: true,
  seeds: [
    utf8(`{"network":"n","name":"x","psk":"${'ab'.repeat(32)}","bootstrap":["/ip4/1.2.3.4/tcp/1"]}`),
    utf8('{"allow":["p"],"open":true,"ports":{"tcp":4001},"later":[1]}')
  ],
  refuses: byCode('DIRECTORY_UNUSABLE'),
  async read(bytes) {
    const path = join(folder, 'settings.json')
    writeFileSync(path, bytes)
    const { bootstrap, ports, psk } = (await SettingsFile.open(path)).get()
    holds(bootstrap === undefined || bootstrap.every(one => typeof one === 'string'), 'bootstrap')
    holds(ports === undefined || Object.values(ports).every(Number.isInteger), 'ports')
    holds(psk === undefined || fromHex(psk).length === 32, 'psk')
    return 'settings'
  }
}

const cursorStore = { storeId: '0123456789abcdef', mark: { position: 1000, check: '' } } as unknown as Store

const cursor: Target = {
  name: 'cursor',
  text: true,
  seeds: ['0123456789abcdef.7', '0123456789abcdef.999.65535', 'now', 'start'].map(utf8),
  refuses: byCode('INVALID_CURSOR', 'CURSOR_FOREIGN', 'CURSOR_GONE'),
  read(bytes) {
    const text = new TextDecoder().decode(bytes)
    const { position, index } = parseCursor(cursorStore, text)
    holds(Number.isSafeInteger(position) && position >= 0 && position <= 1000, 'a position beyond the log')
    if (text === 'now' || text === 'start') return text
    const written = `0123456789abcdef.${position}${index === undefined ? '' : `.${index}`}`
    holds(written === text, 'a cursor has one form')
    return index === undefined ? 'whole' : 'inside'
  }
}

export const storeTargets: readonly Target[] = [cell, ...records, cursor]
export const fileTargets: readonly Target[] = [manifest, settings]
