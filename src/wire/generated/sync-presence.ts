// @ts-nocheck
import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface PresenceFrame {
  hello?: PresenceHello | undefined
  records?: PresenceRecords | undefined
}

export namespace PresenceFrame {
  let _codec: Codec<PresenceFrame>

  export const codec = (): Codec<PresenceFrame> => {
    if (_codec == null) {
      _codec = message<PresenceFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.records != null) {
          obj.hello = undefined
        }

        if (obj.hello != null) {
          obj.records = undefined
        }

        if (obj.hello != null) {
          w.uint32(10)
          PresenceHello.codec().encode(obj.hello, w)
        }

        if (obj.records != null) {
          w.uint32(26)
          PresenceRecords.codec().encode(obj.records, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.hello = PresenceHello.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.hello
              })
              break
            }
            case 3: {
              obj.records = PresenceRecords.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.records != null) {
          delete obj.hello
        }

        if (obj.hello != null) {
          delete obj.records
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * PresenceHello.codec().stream(reader, reader.uint32(), `${prefix}.hello`, {
                limits: opts.limits?.hello
              })

              break
            }
            case 3: {
              yield * PresenceRecords.codec().stream(reader, reader.uint32(), `${prefix}.records`, {
                limits: opts.limits?.records
              })

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PresenceFrameHelloDatabaseFieldEvent {
    field: '$.hello.database'
    value: Uint8Array
  }

  export interface PresenceFrameHelloTableFieldEvent {
    field: '$.hello.table'
    value: Uint8Array
  }

  export interface PresenceFrameHelloSeenTableFieldEvent {
    field: '$.hello.seenTable'
    value: Uint8Array
  }

  export interface PresenceFrameHelloSeenVersionFieldEvent {
    field: '$.hello.seenVersion'
    value: number
  }

  export interface PresenceFrameRecordsTableFieldEvent {
    field: '$.records.table'
    value: Uint8Array
  }

  export interface PresenceFrameRecordsVersionFieldEvent {
    field: '$.records.version'
    value: number
  }

  export interface PresenceFrameRecordsRecordsPeerFieldEvent {
    field: '$.records.records[].peer'
    value: Uint8Array
    index: number
  }

  export interface PresenceFrameRecordsRecordsVersionFieldEvent {
    field: '$.records.records[].version'
    value: number
    index: number
  }

  export interface PresenceFrameRecordsRecordsNameFieldEvent {
    field: '$.records.records[].name'
    value: string
    index: number
  }

  export interface PresenceFrameRecordsRecordsAppNameFieldEvent {
    field: '$.records.records[].appName'
    value: string
    index: number
  }

  export interface PresenceFrameRecordsRecordsAppVersionFieldEvent {
    field: '$.records.records[].appVersion'
    value: string
    index: number
  }

  export interface PresenceFrameRecordsRecordsCapabilitiesFieldEvent {
    field: '$.records.records[].capabilities[]'
    index: number
    value: string
  }

  export interface PresenceFrameRecordsRecordsAddrsFieldEvent {
    field: '$.records.records[].addrs[]'
    index: number
    value: string
  }

  export interface PresenceFrameRecordsRecordsSignatureFieldEvent {
    field: '$.records.records[].signature'
    value: Uint8Array
    index: number
  }

  export function encode (obj: Partial<PresenceFrame>): Uint8Array {
    return encodeMessage(obj, PresenceFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceFrame>): PresenceFrame {
    return decodeMessage(buf, PresenceFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceFrame>): Generator<PresenceFrameHelloDatabaseFieldEvent | PresenceFrameHelloTableFieldEvent | PresenceFrameHelloSeenTableFieldEvent | PresenceFrameHelloSeenVersionFieldEvent | PresenceFrameRecordsTableFieldEvent | PresenceFrameRecordsVersionFieldEvent | PresenceFrameRecordsRecordsPeerFieldEvent | PresenceFrameRecordsRecordsVersionFieldEvent | PresenceFrameRecordsRecordsNameFieldEvent | PresenceFrameRecordsRecordsAppNameFieldEvent | PresenceFrameRecordsRecordsAppVersionFieldEvent | PresenceFrameRecordsRecordsCapabilitiesFieldEvent | PresenceFrameRecordsRecordsAddrsFieldEvent | PresenceFrameRecordsRecordsSignatureFieldEvent> {
    return streamMessage(buf, PresenceFrame.codec(), opts)
  }
}

export interface PresenceHello {
  database: Uint8Array
  table: Uint8Array
  seenTable?: Uint8Array | undefined
  seenVersion: number
}

export namespace PresenceHello {
  let _codec: Codec<PresenceHello>

  export const codec = (): Codec<PresenceHello> => {
    if (_codec == null) {
      _codec = message<PresenceHello>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.database != null && obj.database.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.database)
        }

        if ((obj.table != null && obj.table.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.table)
        }

        if (obj.seenTable != null) {
          w.uint32(26)
          w.bytes(obj.seenTable)
        }

        if ((obj.seenVersion != null && obj.seenVersion !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.seenVersion)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          database: uint8ArrayAlloc(0),
          table: uint8ArrayAlloc(0),
          seenVersion: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.database = reader.bytes()
              break
            }
            case 2: {
              obj.table = reader.bytes()
              break
            }
            case 3: {
              obj.seenTable = reader.bytes()
              break
            }
            case 4: {
              obj.seenVersion = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.database`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.table`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.seenTable`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.seenVersion`,
                value: reader.uint64Number()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PresenceHelloDatabaseFieldEvent {
    field: '$.database'
    value: Uint8Array
  }

  export interface PresenceHelloTableFieldEvent {
    field: '$.table'
    value: Uint8Array
  }

  export interface PresenceHelloSeenTableFieldEvent {
    field: '$.seenTable'
    value: Uint8Array
  }

  export interface PresenceHelloSeenVersionFieldEvent {
    field: '$.seenVersion'
    value: number
  }

  export function encode (obj: Partial<PresenceHello>): Uint8Array {
    return encodeMessage(obj, PresenceHello.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceHello>): PresenceHello {
    return decodeMessage(buf, PresenceHello.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceHello>): Generator<PresenceHelloDatabaseFieldEvent | PresenceHelloTableFieldEvent | PresenceHelloSeenTableFieldEvent | PresenceHelloSeenVersionFieldEvent> {
    return streamMessage(buf, PresenceHello.codec(), opts)
  }
}

export interface PresenceRecords {
  table: Uint8Array
  version?: number | undefined
  records: PresenceEntry[]
}

export namespace PresenceRecords {
  let _codec: Codec<PresenceRecords>

  export const codec = (): Codec<PresenceRecords> => {
    if (_codec == null) {
      _codec = message<PresenceRecords>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.table != null && obj.table.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.table)
        }

        if (obj.version != null) {
          w.uint32(16)
          w.uint64Number(obj.version)
        }

        if (obj.records != null && obj.records.length > 0) {
          for (const value of obj.records) {
            w.uint32(26)
            PresenceEntry.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          table: uint8ArrayAlloc(0),
          records: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.table = reader.bytes()
              break
            }
            case 2: {
              obj.version = reader.uint64Number()
              break
            }
            case 3: {
              if (opts.limits?.records != null && obj.records.length === opts.limits.records) {
                throw new MaxLengthError('Decode error - repeated field "records" had too many elements')
              }

              obj.records.push(PresenceEntry.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.records$
              }))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          records: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.table`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              if (opts.limits?.records != null && obj.records === opts.limits.records) {
                throw new MaxLengthError('Streaming decode error - repeated field "records" had too many elements')
              }

              for (const evt of PresenceEntry.codec().stream(reader, reader.uint32(), `${prefix}.records[]`, {
                limits: opts.limits?.records$
              })) {
                yield {
                  ...evt,
                  index: obj.records
                }
              }

              obj.records++

              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PresenceRecordsTableFieldEvent {
    field: '$.table'
    value: Uint8Array
  }

  export interface PresenceRecordsVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface PresenceRecordsRecordsPeerFieldEvent {
    field: '$.records[].peer'
    value: Uint8Array
    index: number
  }

  export interface PresenceRecordsRecordsVersionFieldEvent {
    field: '$.records[].version'
    value: number
    index: number
  }

  export interface PresenceRecordsRecordsNameFieldEvent {
    field: '$.records[].name'
    value: string
    index: number
  }

  export interface PresenceRecordsRecordsAppNameFieldEvent {
    field: '$.records[].appName'
    value: string
    index: number
  }

  export interface PresenceRecordsRecordsAppVersionFieldEvent {
    field: '$.records[].appVersion'
    value: string
    index: number
  }

  export interface PresenceRecordsRecordsCapabilitiesFieldEvent {
    field: '$.records[].capabilities[]'
    index: number
    value: string
  }

  export interface PresenceRecordsRecordsAddrsFieldEvent {
    field: '$.records[].addrs[]'
    index: number
    value: string
  }

  export interface PresenceRecordsRecordsSignatureFieldEvent {
    field: '$.records[].signature'
    value: Uint8Array
    index: number
  }

  export function encode (obj: Partial<PresenceRecords>): Uint8Array {
    return encodeMessage(obj, PresenceRecords.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceRecords>): PresenceRecords {
    return decodeMessage(buf, PresenceRecords.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceRecords>): Generator<PresenceRecordsTableFieldEvent | PresenceRecordsVersionFieldEvent | PresenceRecordsRecordsPeerFieldEvent | PresenceRecordsRecordsVersionFieldEvent | PresenceRecordsRecordsNameFieldEvent | PresenceRecordsRecordsAppNameFieldEvent | PresenceRecordsRecordsAppVersionFieldEvent | PresenceRecordsRecordsCapabilitiesFieldEvent | PresenceRecordsRecordsAddrsFieldEvent | PresenceRecordsRecordsSignatureFieldEvent> {
    return streamMessage(buf, PresenceRecords.codec(), opts)
  }
}

export interface PresenceEntry {
  peer: Uint8Array
  version: number
  name: string
  appName: string
  appVersion: string
  capabilities: string[]
  addrs: string[]
  signature: Uint8Array
}

export namespace PresenceEntry {
  let _codec: Codec<PresenceEntry>

  export const codec = (): Codec<PresenceEntry> => {
    if (_codec == null) {
      _codec = message<PresenceEntry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peer)
        }

        if ((obj.version != null && obj.version !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.version)
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(26)
          w.string(obj.name)
        }

        if ((obj.appName != null && obj.appName !== '')) {
          w.uint32(34)
          w.string(obj.appName)
        }

        if ((obj.appVersion != null && obj.appVersion !== '')) {
          w.uint32(42)
          w.string(obj.appVersion)
        }

        if (obj.capabilities != null && obj.capabilities.length > 0) {
          for (const value of obj.capabilities) {
            w.uint32(50)
            w.string(value)
          }
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(58)
            w.string(value)
          }
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: uint8ArrayAlloc(0),
          version: 0,
          name: '',
          appName: '',
          appVersion: '',
          capabilities: [],
          addrs: [],
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.bytes()
              break
            }
            case 2: {
              obj.version = reader.uint64Number()
              break
            }
            case 3: {
              obj.name = reader.string()
              break
            }
            case 4: {
              obj.appName = reader.string()
              break
            }
            case 5: {
              obj.appVersion = reader.string()
              break
            }
            case 6: {
              if (opts.limits?.capabilities != null && obj.capabilities.length === opts.limits.capabilities) {
                throw new MaxLengthError('Decode error - repeated field "capabilities" had too many elements')
              }

              obj.capabilities.push(reader.string())
              break
            }
            case 7: {
              if (opts.limits?.addrs != null && obj.addrs.length === opts.limits.addrs) {
                throw new MaxLengthError('Decode error - repeated field "addrs" had too many elements')
              }

              obj.addrs.push(reader.string())
              break
            }
            case 8: {
              obj.signature = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const obj = {
          capabilities: 0,
          addrs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.peer`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.version`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.appName`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.appVersion`,
                value: reader.string()
              }
              break
            }
            case 6: {
              if (opts.limits?.capabilities != null && obj.capabilities === opts.limits.capabilities) {
                throw new MaxLengthError('Streaming decode error - repeated field "capabilities" had too many elements')
              }

              yield {
                field: `${prefix}.capabilities[]`,
                index: obj.capabilities,
                value: reader.string()
              }

              obj.capabilities++

              break
            }
            case 7: {
              if (opts.limits?.addrs != null && obj.addrs === opts.limits.addrs) {
                throw new MaxLengthError('Streaming decode error - repeated field "addrs" had too many elements')
              }

              yield {
                field: `${prefix}.addrs[]`,
                index: obj.addrs,
                value: reader.string()
              }

              obj.addrs++

              break
            }
            case 8: {
              yield {
                field: `${prefix}.signature`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface PresenceEntryPeerFieldEvent {
    field: '$.peer'
    value: Uint8Array
  }

  export interface PresenceEntryVersionFieldEvent {
    field: '$.version'
    value: number
  }

  export interface PresenceEntryNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface PresenceEntryAppNameFieldEvent {
    field: '$.appName'
    value: string
  }

  export interface PresenceEntryAppVersionFieldEvent {
    field: '$.appVersion'
    value: string
  }

  export interface PresenceEntryCapabilitiesFieldEvent {
    field: '$.capabilities[]'
    index: number
    value: string
  }

  export interface PresenceEntryAddrsFieldEvent {
    field: '$.addrs[]'
    index: number
    value: string
  }

  export interface PresenceEntrySignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array
  }

  export function encode (obj: Partial<PresenceEntry>): Uint8Array {
    return encodeMessage(obj, PresenceEntry.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceEntry>): PresenceEntry {
    return decodeMessage(buf, PresenceEntry.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<PresenceEntry>): Generator<PresenceEntryPeerFieldEvent | PresenceEntryVersionFieldEvent | PresenceEntryNameFieldEvent | PresenceEntryAppNameFieldEvent | PresenceEntryAppVersionFieldEvent | PresenceEntryCapabilitiesFieldEvent | PresenceEntryAddrsFieldEvent | PresenceEntrySignatureFieldEvent> {
    return streamMessage(buf, PresenceEntry.codec(), opts)
  }
}
