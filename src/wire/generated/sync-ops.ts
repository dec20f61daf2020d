// @ts-nocheck
import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface SyncFrame {
  hello?: Hello | undefined
  heads?: Heads | undefined
  want?: Want | undefined
  run?: Run | undefined
  body?: Body | undefined
  ack?: Ack | undefined
  credit?: Credit | undefined
  ping?: Ping | undefined
  err?: Err | undefined
}

export namespace SyncFrame {
  let _codec: Codec<SyncFrame>

  export const codec = (): Codec<SyncFrame> => {
    if (_codec == null) {
      _codec = message<SyncFrame>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.err != null) {
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.ping != null) {
          obj.err = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.credit != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.ack != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.body != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.run != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.want = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.want != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.heads = undefined
          obj.hello = undefined
        }

        if (obj.heads != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.hello = undefined
        }

        if (obj.hello != null) {
          obj.err = undefined
          obj.ping = undefined
          obj.credit = undefined
          obj.ack = undefined
          obj.body = undefined
          obj.run = undefined
          obj.want = undefined
          obj.heads = undefined
        }

        if (obj.hello != null) {
          w.uint32(10)
          Hello.codec().encode(obj.hello, w)
        }

        if (obj.heads != null) {
          w.uint32(26)
          Heads.codec().encode(obj.heads, w)
        }

        if (obj.want != null) {
          w.uint32(42)
          Want.codec().encode(obj.want, w)
        }

        if (obj.run != null) {
          w.uint32(58)
          Run.codec().encode(obj.run, w)
        }

        if (obj.body != null) {
          w.uint32(74)
          Body.codec().encode(obj.body, w)
        }

        if (obj.ack != null) {
          w.uint32(90)
          Ack.codec().encode(obj.ack, w)
        }

        if (obj.credit != null) {
          w.uint32(106)
          Credit.codec().encode(obj.credit, w)
        }

        if (obj.ping != null) {
          w.uint32(122)
          Ping.codec().encode(obj.ping, w)
        }

        if (obj.err != null) {
          w.uint32(138)
          Err.codec().encode(obj.err, w)
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
              obj.hello = Hello.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.hello
              })
              break
            }
            case 3: {
              obj.heads = Heads.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.heads
              })
              break
            }
            case 5: {
              obj.want = Want.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.want
              })
              break
            }
            case 7: {
              obj.run = Run.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.run
              })
              break
            }
            case 9: {
              obj.body = Body.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.body
              })
              break
            }
            case 11: {
              obj.ack = Ack.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.ack
              })
              break
            }
            case 13: {
              obj.credit = Credit.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.credit
              })
              break
            }
            case 15: {
              obj.ping = Ping.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.ping
              })
              break
            }
            case 17: {
              obj.err = Err.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.err
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.err != null) {
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.ping != null) {
          delete obj.err
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.credit != null) {
          delete obj.err
          delete obj.ping
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.ack != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.body != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.run
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.run != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.want
          delete obj.heads
          delete obj.hello
        }

        if (obj.want != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.heads
          delete obj.hello
        }

        if (obj.heads != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.hello
        }

        if (obj.hello != null) {
          delete obj.err
          delete obj.ping
          delete obj.credit
          delete obj.ack
          delete obj.body
          delete obj.run
          delete obj.want
          delete obj.heads
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Hello.codec().stream(reader, reader.uint32(), `${prefix}.hello`, {
                limits: opts.limits?.hello
              })

              break
            }
            case 3: {
              yield * Heads.codec().stream(reader, reader.uint32(), `${prefix}.heads`, {
                limits: opts.limits?.heads
              })

              break
            }
            case 5: {
              yield * Want.codec().stream(reader, reader.uint32(), `${prefix}.want`, {
                limits: opts.limits?.want
              })

              break
            }
            case 7: {
              yield * Run.codec().stream(reader, reader.uint32(), `${prefix}.run`, {
                limits: opts.limits?.run
              })

              break
            }
            case 9: {
              yield * Body.codec().stream(reader, reader.uint32(), `${prefix}.body`, {
                limits: opts.limits?.body
              })

              break
            }
            case 11: {
              yield * Ack.codec().stream(reader, reader.uint32(), `${prefix}.ack`, {
                limits: opts.limits?.ack
              })

              break
            }
            case 13: {
              yield * Credit.codec().stream(reader, reader.uint32(), `${prefix}.credit`, {
                limits: opts.limits?.credit
              })

              break
            }
            case 15: {
              yield * Ping.codec().stream(reader, reader.uint32(), `${prefix}.ping`, {
                limits: opts.limits?.ping
              })

              break
            }
            case 17: {
              yield * Err.codec().stream(reader, reader.uint32(), `${prefix}.err`, {
                limits: opts.limits?.err
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

  export interface SyncFrameHelloProtocolFieldEvent {
    field: '$.hello.protocol'
    value: number
  }

  export interface SyncFrameHelloDatabaseFieldEvent {
    field: '$.hello.database'
    value: Uint8Array
  }

  export interface SyncFrameHelloStoreFieldEvent {
    field: '$.hello.store'
    value: Uint8Array
  }

  export interface SyncFrameHelloDurableFieldEvent {
    field: '$.hello.durable'
    value: boolean
  }

  export interface SyncFrameHelloPositionPositionFieldEvent {
    field: '$.hello.position.position'
    value: number
  }

  export interface SyncFrameHelloPositionCheckFieldEvent {
    field: '$.hello.position.check'
    value: Uint8Array
  }

  export interface SyncFrameHelloCursorStoreFieldEvent {
    field: '$.hello.cursor.store'
    value: Uint8Array
  }

  export interface SyncFrameHelloCursorPositionFieldEvent {
    field: '$.hello.cursor.position'
    value: number
  }

  export interface SyncFrameHelloCursorCheckFieldEvent {
    field: '$.hello.cursor.check'
    value: Uint8Array
  }

  export interface SyncFrameHelloDigestFieldEvent {
    field: '$.hello.digest'
    value: Uint8Array
  }

  export interface SyncFrameHelloYoursAuthorFieldEvent {
    field: '$.hello.yours[].author'
    value: number
    index: number
  }

  export interface SyncFrameHelloYoursEpochFieldEvent {
    field: '$.hello.yours[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameHelloYoursSeqFieldEvent {
    field: '$.hello.yours[].seq'
    value: number
    index: number
  }

  export interface SyncFrameHelloYoursIdFieldEvent {
    field: '$.hello.yours[].id'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameHelloWindowFieldEvent {
    field: '$.hello.window'
    value: number
  }

  export interface SyncFrameHelloFreshFieldEvent {
    field: '$.hello.fresh'
    value: boolean
  }

  export interface SyncFrameHelloAuthorsFieldEvent {
    field: '$.hello.authors[]'
    index: number
    value: Uint8Array
  }

  export interface SyncFrameHeadsTipsAuthorFieldEvent {
    field: '$.heads.tips[].author'
    value: number
    index: number
  }

  export interface SyncFrameHeadsTipsEpochFieldEvent {
    field: '$.heads.tips[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameHeadsTipsSeqFieldEvent {
    field: '$.heads.tips[].seq'
    value: number
    index: number
  }

  export interface SyncFrameHeadsTipsIdFieldEvent {
    field: '$.heads.tips[].id'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameHeadsPositionPositionFieldEvent {
    field: '$.heads.position.position'
    value: number
  }

  export interface SyncFrameHeadsPositionCheckFieldEvent {
    field: '$.heads.position.check'
    value: Uint8Array
  }

  export interface SyncFrameHeadsFreshFieldEvent {
    field: '$.heads.fresh'
    value: boolean
  }

  export interface SyncFrameHeadsAuthorsFieldEvent {
    field: '$.heads.authors[]'
    index: number
    value: Uint8Array
  }

  export interface SyncFrameWantTipAuthorFieldEvent {
    field: '$.want.tip.author'
    value: number
  }

  export interface SyncFrameWantTipEpochFieldEvent {
    field: '$.want.tip.epoch'
    value: Uint8Array
  }

  export interface SyncFrameWantTipSeqFieldEvent {
    field: '$.want.tip.seq'
    value: number
  }

  export interface SyncFrameWantTipIdFieldEvent {
    field: '$.want.tip.id'
    value: Uint8Array
  }

  export interface SyncFrameWantHaveAuthorFieldEvent {
    field: '$.want.have[].author'
    value: number
    index: number
  }

  export interface SyncFrameWantHaveEpochFieldEvent {
    field: '$.want.have[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameWantHaveSeqFieldEvent {
    field: '$.want.have[].seq'
    value: number
    index: number
  }

  export interface SyncFrameWantHaveIdFieldEvent {
    field: '$.want.have[].id'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameWantOffsetFieldEvent {
    field: '$.want.offset'
    value: number
  }

  export interface SyncFrameWantFreshFieldEvent {
    field: '$.want.fresh'
    value: boolean
  }

  export interface SyncFrameWantAuthorsFieldEvent {
    field: '$.want.authors[]'
    index: number
    value: Uint8Array
  }

  export interface SyncFrameRunBatchesAuthorFieldEvent {
    field: '$.run.batches[].author'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesEpochFieldEvent {
    field: '$.run.batches[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesSeqFieldEvent {
    field: '$.run.batches[].seq'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesPreviousFieldEvent {
    field: '$.run.batches[].previous'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesMsFieldEvent {
    field: '$.run.batches[].ms'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesCounterFieldEvent {
    field: '$.run.batches[].counter'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesOpsFieldEvent {
    field: '$.run.batches[].ops'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesDepsAuthorFieldEvent {
    field: '$.run.batches[].deps[].author'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesDepsEpochFieldEvent {
    field: '$.run.batches[].deps[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesDepsSeqFieldEvent {
    field: '$.run.batches[].deps[].seq'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesDepsIdFieldEvent {
    field: '$.run.batches[].deps[].id'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesExtensionsFieldEvent {
    field: '$.run.batches[].extensions'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesBodyFieldEvent {
    field: '$.run.batches[].body'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesRootFieldEvent {
    field: '$.run.batches[].root'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesLengthFieldEvent {
    field: '$.run.batches[].length'
    value: number
    index: number
  }

  export interface SyncFrameRunBatchesSignatureFieldEvent {
    field: '$.run.batches[].signature'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunBatchesFormatFieldEvent {
    field: '$.run.batches[].format'
    value: number
    index: number
  }

  export interface SyncFrameRunProofAuthorFieldEvent {
    field: '$.run.proof[].author'
    value: number
    index: number
  }

  export interface SyncFrameRunProofEpochFieldEvent {
    field: '$.run.proof[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofSeqFieldEvent {
    field: '$.run.proof[].seq'
    value: number
    index: number
  }

  export interface SyncFrameRunProofPreviousFieldEvent {
    field: '$.run.proof[].previous'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofMsFieldEvent {
    field: '$.run.proof[].ms'
    value: number
    index: number
  }

  export interface SyncFrameRunProofCounterFieldEvent {
    field: '$.run.proof[].counter'
    value: number
    index: number
  }

  export interface SyncFrameRunProofOpsFieldEvent {
    field: '$.run.proof[].ops'
    value: number
    index: number
  }

  export interface SyncFrameRunProofDepsAuthorFieldEvent {
    field: '$.run.proof[].deps[].author'
    value: number
    index: number
  }

  export interface SyncFrameRunProofDepsEpochFieldEvent {
    field: '$.run.proof[].deps[].epoch'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofDepsSeqFieldEvent {
    field: '$.run.proof[].deps[].seq'
    value: number
    index: number
  }

  export interface SyncFrameRunProofDepsIdFieldEvent {
    field: '$.run.proof[].deps[].id'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofExtensionsFieldEvent {
    field: '$.run.proof[].extensions'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofBodyFieldEvent {
    field: '$.run.proof[].body'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofRootFieldEvent {
    field: '$.run.proof[].root'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofLengthFieldEvent {
    field: '$.run.proof[].length'
    value: number
    index: number
  }

  export interface SyncFrameRunProofSignatureFieldEvent {
    field: '$.run.proof[].signature'
    value: Uint8Array
    index: number
  }

  export interface SyncFrameRunProofFormatFieldEvent {
    field: '$.run.proof[].format'
    value: number
    index: number
  }

  export interface SyncFrameRunPositionPositionFieldEvent {
    field: '$.run.position.position'
    value: number
  }

  export interface SyncFrameRunPositionCheckFieldEvent {
    field: '$.run.position.check'
    value: Uint8Array
  }

  export interface SyncFrameRunMoreFieldEvent {
    field: '$.run.more'
    value: boolean
  }

  export interface SyncFrameRunLargeFieldEvent {
    field: '$.run.large'
    value: boolean
  }

  export interface SyncFrameRunOffsetFieldEvent {
    field: '$.run.offset'
    value: number
  }

  export interface SyncFrameRunFreshFieldEvent {
    field: '$.run.fresh'
    value: boolean
  }

  export interface SyncFrameRunAuthorsFieldEvent {
    field: '$.run.authors[]'
    index: number
    value: Uint8Array
  }

  export interface SyncFrameBodyDataFieldEvent {
    field: '$.body.data'
    value: Uint8Array
  }

  export interface SyncFrameAckPositionFieldEvent {
    field: '$.ack.position'
    value: number
  }

  export interface SyncFrameCreditBytesFieldEvent {
    field: '$.credit.bytes'
    value: number
  }

  export interface SyncFramePingDigestFieldEvent {
    field: '$.ping.digest'
    value: Uint8Array
  }

  export interface SyncFramePingPositionPositionFieldEvent {
    field: '$.ping.position.position'
    value: number
  }

  export interface SyncFramePingPositionCheckFieldEvent {
    field: '$.ping.position.check'
    value: Uint8Array
  }

  export interface SyncFrameErrCodeFieldEvent {
    field: '$.err.code'
    value: number
  }

  export interface SyncFrameErrRetryableFieldEvent {
    field: '$.err.retryable'
    value: boolean
  }

  export interface SyncFrameErrRetryAfterMsFieldEvent {
    field: '$.err.retryAfterMs'
    value: number
  }

  export interface SyncFrameErrTextFieldEvent {
    field: '$.err.text'
    value: string
  }

  export interface SyncFrameErrTipAuthorFieldEvent {
    field: '$.err.tip.author'
    value: number
  }

  export interface SyncFrameErrTipEpochFieldEvent {
    field: '$.err.tip.epoch'
    value: Uint8Array
  }

  export interface SyncFrameErrTipSeqFieldEvent {
    field: '$.err.tip.seq'
    value: number
  }

  export interface SyncFrameErrTipIdFieldEvent {
    field: '$.err.tip.id'
    value: Uint8Array
  }

  export interface SyncFrameErrFreshFieldEvent {
    field: '$.err.fresh'
    value: boolean
  }

  export interface SyncFrameErrAuthorsFieldEvent {
    field: '$.err.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<SyncFrame>): Uint8Array {
    return encodeMessage(obj, SyncFrame.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncFrame>): SyncFrame {
    return decodeMessage(buf, SyncFrame.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SyncFrame>): Generator<SyncFrameHelloProtocolFieldEvent | SyncFrameHelloDatabaseFieldEvent | SyncFrameHelloStoreFieldEvent | SyncFrameHelloDurableFieldEvent | SyncFrameHelloPositionPositionFieldEvent | SyncFrameHelloPositionCheckFieldEvent | SyncFrameHelloCursorStoreFieldEvent | SyncFrameHelloCursorPositionFieldEvent | SyncFrameHelloCursorCheckFieldEvent | SyncFrameHelloDigestFieldEvent | SyncFrameHelloYoursAuthorFieldEvent | SyncFrameHelloYoursEpochFieldEvent | SyncFrameHelloYoursSeqFieldEvent | SyncFrameHelloYoursIdFieldEvent | SyncFrameHelloWindowFieldEvent | SyncFrameHelloFreshFieldEvent | SyncFrameHelloAuthorsFieldEvent | SyncFrameHeadsTipsAuthorFieldEvent | SyncFrameHeadsTipsEpochFieldEvent | SyncFrameHeadsTipsSeqFieldEvent | SyncFrameHeadsTipsIdFieldEvent | SyncFrameHeadsPositionPositionFieldEvent | SyncFrameHeadsPositionCheckFieldEvent | SyncFrameHeadsFreshFieldEvent | SyncFrameHeadsAuthorsFieldEvent | SyncFrameWantTipAuthorFieldEvent | SyncFrameWantTipEpochFieldEvent | SyncFrameWantTipSeqFieldEvent | SyncFrameWantTipIdFieldEvent | SyncFrameWantHaveAuthorFieldEvent | SyncFrameWantHaveEpochFieldEvent | SyncFrameWantHaveSeqFieldEvent | SyncFrameWantHaveIdFieldEvent | SyncFrameWantOffsetFieldEvent | SyncFrameWantFreshFieldEvent | SyncFrameWantAuthorsFieldEvent | SyncFrameRunBatchesAuthorFieldEvent | SyncFrameRunBatchesEpochFieldEvent | SyncFrameRunBatchesSeqFieldEvent | SyncFrameRunBatchesPreviousFieldEvent | SyncFrameRunBatchesMsFieldEvent | SyncFrameRunBatchesCounterFieldEvent | SyncFrameRunBatchesOpsFieldEvent | SyncFrameRunBatchesDepsAuthorFieldEvent | SyncFrameRunBatchesDepsEpochFieldEvent | SyncFrameRunBatchesDepsSeqFieldEvent | SyncFrameRunBatchesDepsIdFieldEvent | SyncFrameRunBatchesExtensionsFieldEvent | SyncFrameRunBatchesBodyFieldEvent | SyncFrameRunBatchesRootFieldEvent | SyncFrameRunBatchesLengthFieldEvent | SyncFrameRunBatchesSignatureFieldEvent | SyncFrameRunBatchesFormatFieldEvent | SyncFrameRunProofAuthorFieldEvent | SyncFrameRunProofEpochFieldEvent | SyncFrameRunProofSeqFieldEvent | SyncFrameRunProofPreviousFieldEvent | SyncFrameRunProofMsFieldEvent | SyncFrameRunProofCounterFieldEvent | SyncFrameRunProofOpsFieldEvent | SyncFrameRunProofDepsAuthorFieldEvent | SyncFrameRunProofDepsEpochFieldEvent | SyncFrameRunProofDepsSeqFieldEvent | SyncFrameRunProofDepsIdFieldEvent | SyncFrameRunProofExtensionsFieldEvent | SyncFrameRunProofBodyFieldEvent | SyncFrameRunProofRootFieldEvent | SyncFrameRunProofLengthFieldEvent | SyncFrameRunProofSignatureFieldEvent | SyncFrameRunProofFormatFieldEvent | SyncFrameRunPositionPositionFieldEvent | SyncFrameRunPositionCheckFieldEvent | SyncFrameRunMoreFieldEvent | SyncFrameRunLargeFieldEvent | SyncFrameRunOffsetFieldEvent | SyncFrameRunFreshFieldEvent | SyncFrameRunAuthorsFieldEvent | SyncFrameBodyDataFieldEvent | SyncFrameAckPositionFieldEvent | SyncFrameCreditBytesFieldEvent | SyncFramePingDigestFieldEvent | SyncFramePingPositionPositionFieldEvent | SyncFramePingPositionCheckFieldEvent | SyncFrameErrCodeFieldEvent | SyncFrameErrRetryableFieldEvent | SyncFrameErrRetryAfterMsFieldEvent | SyncFrameErrTextFieldEvent | SyncFrameErrTipAuthorFieldEvent | SyncFrameErrTipEpochFieldEvent | SyncFrameErrTipSeqFieldEvent | SyncFrameErrTipIdFieldEvent | SyncFrameErrFreshFieldEvent | SyncFrameErrAuthorsFieldEvent> {
    return streamMessage(buf, SyncFrame.codec(), opts)
  }
}

export interface Mark {
  position: number
  check: Uint8Array
}

export namespace Mark {
  let _codec: Codec<Mark>

  export const codec = (): Codec<Mark> => {
    if (_codec == null) {
      _codec = message<Mark>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.position != null && obj.position !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.position)
        }

        if ((obj.check != null && obj.check.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.check)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          position: 0,
          check: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.position = reader.uint64Number()
              break
            }
            case 2: {
              obj.check = reader.bytes()
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
                field: `${prefix}.position`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.check`,
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

  export interface MarkPositionFieldEvent {
    field: '$.position'
    value: number
  }

  export interface MarkCheckFieldEvent {
    field: '$.check'
    value: Uint8Array
  }

  export function encode (obj: Partial<Mark>): Uint8Array {
    return encodeMessage(obj, Mark.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Mark>): Mark {
    return decodeMessage(buf, Mark.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Mark>): Generator<MarkPositionFieldEvent | MarkCheckFieldEvent> {
    return streamMessage(buf, Mark.codec(), opts)
  }
}

export interface Cursor {
  store: Uint8Array
  position: number
  check: Uint8Array
}

export namespace Cursor {
  let _codec: Codec<Cursor>

  export const codec = (): Codec<Cursor> => {
    if (_codec == null) {
      _codec = message<Cursor>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.store != null && obj.store.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.store)
        }

        if ((obj.position != null && obj.position !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.position)
        }

        if ((obj.check != null && obj.check.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.check)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          store: uint8ArrayAlloc(0),
          position: 0,
          check: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.store = reader.bytes()
              break
            }
            case 2: {
              obj.position = reader.uint64Number()
              break
            }
            case 3: {
              obj.check = reader.bytes()
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
                field: `${prefix}.store`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.position`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.check`,
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

  export interface CursorStoreFieldEvent {
    field: '$.store'
    value: Uint8Array
  }

  export interface CursorPositionFieldEvent {
    field: '$.position'
    value: number
  }

  export interface CursorCheckFieldEvent {
    field: '$.check'
    value: Uint8Array
  }

  export function encode (obj: Partial<Cursor>): Uint8Array {
    return encodeMessage(obj, Cursor.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Cursor>): Cursor {
    return decodeMessage(buf, Cursor.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Cursor>): Generator<CursorStoreFieldEvent | CursorPositionFieldEvent | CursorCheckFieldEvent> {
    return streamMessage(buf, Cursor.codec(), opts)
  }
}

export interface TipRef {
  author: number
  epoch: Uint8Array
  seq: number
  id: Uint8Array
}

export namespace TipRef {
  let _codec: Codec<TipRef>

  export const codec = (): Codec<TipRef> => {
    if (_codec == null) {
      _codec = message<TipRef>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.author != null && obj.author !== 0)) {
          w.uint32(8)
          w.uint32(obj.author)
        }

        if ((obj.epoch != null && obj.epoch.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.id)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          author: 0,
          epoch: uint8ArrayAlloc(0),
          seq: 0,
          id: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.author = reader.uint32()
              break
            }
            case 2: {
              obj.epoch = reader.bytes()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.id = reader.bytes()
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
                field: `${prefix}.author`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.epoch`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.seq`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.id`,
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

  export interface TipRefAuthorFieldEvent {
    field: '$.author'
    value: number
  }

  export interface TipRefEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array
  }

  export interface TipRefSeqFieldEvent {
    field: '$.seq'
    value: number
  }

  export interface TipRefIdFieldEvent {
    field: '$.id'
    value: Uint8Array
  }

  export function encode (obj: Partial<TipRef>): Uint8Array {
    return encodeMessage(obj, TipRef.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TipRef>): TipRef {
    return decodeMessage(buf, TipRef.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TipRef>): Generator<TipRefAuthorFieldEvent | TipRefEpochFieldEvent | TipRefSeqFieldEvent | TipRefIdFieldEvent> {
    return streamMessage(buf, TipRef.codec(), opts)
  }
}

export interface Hello {
  protocol: number
  database: Uint8Array
  store: Uint8Array
  durable: boolean
  position?: Mark | undefined
  cursor?: Cursor | undefined
  digest: Uint8Array
  yours: TipRef[]
  window: number
  fresh: boolean
  authors: Uint8Array[]
}

export namespace Hello {
  let _codec: Codec<Hello>

  export const codec = (): Codec<Hello> => {
    if (_codec == null) {
      _codec = message<Hello>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.protocol != null && obj.protocol !== 0)) {
          w.uint32(8)
          w.uint32(obj.protocol)
        }

        if ((obj.database != null && obj.database.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.database)
        }

        if ((obj.store != null && obj.store.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.store)
        }

        if ((obj.durable != null && obj.durable !== false)) {
          w.uint32(32)
          w.bool(obj.durable)
        }

        if (obj.position != null) {
          w.uint32(42)
          Mark.codec().encode(obj.position, w)
        }

        if (obj.cursor != null) {
          w.uint32(50)
          Cursor.codec().encode(obj.cursor, w)
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.digest)
        }

        if (obj.yours != null && obj.yours.length > 0) {
          for (const value of obj.yours) {
            w.uint32(66)
            TipRef.codec().encode(value, w)
          }
        }

        if ((obj.window != null && obj.window !== 0)) {
          w.uint32(72)
          w.uint32(obj.window)
        }

        if ((obj.fresh != null && obj.fresh !== false)) {
          w.uint32(112)
          w.bool(obj.fresh)
        }

        if (obj.authors != null && obj.authors.length > 0) {
          for (const value of obj.authors) {
            w.uint32(122)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          protocol: 0,
          database: uint8ArrayAlloc(0),
          store: uint8ArrayAlloc(0),
          durable: false,
          digest: uint8ArrayAlloc(0),
          yours: [],
          window: 0,
          fresh: false,
          authors: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.protocol = reader.uint32()
              break
            }
            case 2: {
              obj.database = reader.bytes()
              break
            }
            case 3: {
              obj.store = reader.bytes()
              break
            }
            case 4: {
              obj.durable = reader.bool()
              break
            }
            case 5: {
              obj.position = Mark.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.position
              })
              break
            }
            case 6: {
              obj.cursor = Cursor.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.cursor
              })
              break
            }
            case 7: {
              obj.digest = reader.bytes()
              break
            }
            case 8: {
              if (opts.limits?.yours != null && obj.yours.length === opts.limits.yours) {
                throw new MaxLengthError('Decode error - repeated field "yours" had too many elements')
              }

              obj.yours.push(TipRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.yours$
              }))
              break
            }
            case 9: {
              obj.window = reader.uint32()
              break
            }
            case 14: {
              obj.fresh = reader.bool()
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors.length === opts.limits.authors) {
                throw new MaxLengthError('Decode error - repeated field "authors" had too many elements')
              }

              obj.authors.push(reader.bytes())
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
          yours: 0,
          authors: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.protocol`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.database`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.store`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.durable`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield * Mark.codec().stream(reader, reader.uint32(), `${prefix}.position`, {
                limits: opts.limits?.position
              })

              break
            }
            case 6: {
              yield * Cursor.codec().stream(reader, reader.uint32(), `${prefix}.cursor`, {
                limits: opts.limits?.cursor
              })

              break
            }
            case 7: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 8: {
              if (opts.limits?.yours != null && obj.yours === opts.limits.yours) {
                throw new MaxLengthError('Streaming decode error - repeated field "yours" had too many elements')
              }

              for (const evt of TipRef.codec().stream(reader, reader.uint32(), `${prefix}.yours[]`, {
                limits: opts.limits?.yours$
              })) {
                yield {
                  ...evt,
                  index: obj.yours
                }
              }

              obj.yours++

              break
            }
            case 9: {
              yield {
                field: `${prefix}.window`,
                value: reader.uint32()
              }
              break
            }
            case 14: {
              yield {
                field: `${prefix}.fresh`,
                value: reader.bool()
              }
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors === opts.limits.authors) {
                throw new MaxLengthError('Streaming decode error - repeated field "authors" had too many elements')
              }

              yield {
                field: `${prefix}.authors[]`,
                index: obj.authors,
                value: reader.bytes()
              }

              obj.authors++

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

  export interface HelloProtocolFieldEvent {
    field: '$.protocol'
    value: number
  }

  export interface HelloDatabaseFieldEvent {
    field: '$.database'
    value: Uint8Array
  }

  export interface HelloStoreFieldEvent {
    field: '$.store'
    value: Uint8Array
  }

  export interface HelloDurableFieldEvent {
    field: '$.durable'
    value: boolean
  }

  export interface HelloPositionPositionFieldEvent {
    field: '$.position.position'
    value: number
  }

  export interface HelloPositionCheckFieldEvent {
    field: '$.position.check'
    value: Uint8Array
  }

  export interface HelloCursorStoreFieldEvent {
    field: '$.cursor.store'
    value: Uint8Array
  }

  export interface HelloCursorPositionFieldEvent {
    field: '$.cursor.position'
    value: number
  }

  export interface HelloCursorCheckFieldEvent {
    field: '$.cursor.check'
    value: Uint8Array
  }

  export interface HelloDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array
  }

  export interface HelloYoursAuthorFieldEvent {
    field: '$.yours[].author'
    value: number
    index: number
  }

  export interface HelloYoursEpochFieldEvent {
    field: '$.yours[].epoch'
    value: Uint8Array
    index: number
  }

  export interface HelloYoursSeqFieldEvent {
    field: '$.yours[].seq'
    value: number
    index: number
  }

  export interface HelloYoursIdFieldEvent {
    field: '$.yours[].id'
    value: Uint8Array
    index: number
  }

  export interface HelloWindowFieldEvent {
    field: '$.window'
    value: number
  }

  export interface HelloFreshFieldEvent {
    field: '$.fresh'
    value: boolean
  }

  export interface HelloAuthorsFieldEvent {
    field: '$.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Hello>): Uint8Array {
    return encodeMessage(obj, Hello.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Hello {
    return decodeMessage(buf, Hello.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Hello>): Generator<HelloProtocolFieldEvent | HelloDatabaseFieldEvent | HelloStoreFieldEvent | HelloDurableFieldEvent | HelloPositionPositionFieldEvent | HelloPositionCheckFieldEvent | HelloCursorStoreFieldEvent | HelloCursorPositionFieldEvent | HelloCursorCheckFieldEvent | HelloDigestFieldEvent | HelloYoursAuthorFieldEvent | HelloYoursEpochFieldEvent | HelloYoursSeqFieldEvent | HelloYoursIdFieldEvent | HelloWindowFieldEvent | HelloFreshFieldEvent | HelloAuthorsFieldEvent> {
    return streamMessage(buf, Hello.codec(), opts)
  }
}

export interface Heads {
  tips: TipRef[]
  position?: Mark | undefined
  fresh: boolean
  authors: Uint8Array[]
}

export namespace Heads {
  let _codec: Codec<Heads>

  export const codec = (): Codec<Heads> => {
    if (_codec == null) {
      _codec = message<Heads>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tips != null && obj.tips.length > 0) {
          for (const value of obj.tips) {
            w.uint32(10)
            TipRef.codec().encode(value, w)
          }
        }

        if (obj.position != null) {
          w.uint32(18)
          Mark.codec().encode(obj.position, w)
        }

        if ((obj.fresh != null && obj.fresh !== false)) {
          w.uint32(112)
          w.bool(obj.fresh)
        }

        if (obj.authors != null && obj.authors.length > 0) {
          for (const value of obj.authors) {
            w.uint32(122)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          tips: [],
          fresh: false,
          authors: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.tips != null && obj.tips.length === opts.limits.tips) {
                throw new MaxLengthError('Decode error - repeated field "tips" had too many elements')
              }

              obj.tips.push(TipRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tips$
              }))
              break
            }
            case 2: {
              obj.position = Mark.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.position
              })
              break
            }
            case 14: {
              obj.fresh = reader.bool()
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors.length === opts.limits.authors) {
                throw new MaxLengthError('Decode error - repeated field "authors" had too many elements')
              }

              obj.authors.push(reader.bytes())
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
          tips: 0,
          authors: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.tips != null && obj.tips === opts.limits.tips) {
                throw new MaxLengthError('Streaming decode error - repeated field "tips" had too many elements')
              }

              for (const evt of TipRef.codec().stream(reader, reader.uint32(), `${prefix}.tips[]`, {
                limits: opts.limits?.tips$
              })) {
                yield {
                  ...evt,
                  index: obj.tips
                }
              }

              obj.tips++

              break
            }
            case 2: {
              yield * Mark.codec().stream(reader, reader.uint32(), `${prefix}.position`, {
                limits: opts.limits?.position
              })

              break
            }
            case 14: {
              yield {
                field: `${prefix}.fresh`,
                value: reader.bool()
              }
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors === opts.limits.authors) {
                throw new MaxLengthError('Streaming decode error - repeated field "authors" had too many elements')
              }

              yield {
                field: `${prefix}.authors[]`,
                index: obj.authors,
                value: reader.bytes()
              }

              obj.authors++

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

  export interface HeadsTipsAuthorFieldEvent {
    field: '$.tips[].author'
    value: number
    index: number
  }

  export interface HeadsTipsEpochFieldEvent {
    field: '$.tips[].epoch'
    value: Uint8Array
    index: number
  }

  export interface HeadsTipsSeqFieldEvent {
    field: '$.tips[].seq'
    value: number
    index: number
  }

  export interface HeadsTipsIdFieldEvent {
    field: '$.tips[].id'
    value: Uint8Array
    index: number
  }

  export interface HeadsPositionPositionFieldEvent {
    field: '$.position.position'
    value: number
  }

  export interface HeadsPositionCheckFieldEvent {
    field: '$.position.check'
    value: Uint8Array
  }

  export interface HeadsFreshFieldEvent {
    field: '$.fresh'
    value: boolean
  }

  export interface HeadsAuthorsFieldEvent {
    field: '$.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Heads>): Uint8Array {
    return encodeMessage(obj, Heads.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Heads>): Heads {
    return decodeMessage(buf, Heads.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Heads>): Generator<HeadsTipsAuthorFieldEvent | HeadsTipsEpochFieldEvent | HeadsTipsSeqFieldEvent | HeadsTipsIdFieldEvent | HeadsPositionPositionFieldEvent | HeadsPositionCheckFieldEvent | HeadsFreshFieldEvent | HeadsAuthorsFieldEvent> {
    return streamMessage(buf, Heads.codec(), opts)
  }
}

export interface Want {
  tip?: TipRef | undefined
  have: TipRef[]
  offset: number
  fresh: boolean
  authors: Uint8Array[]
}

export namespace Want {
  let _codec: Codec<Want>

  export const codec = (): Codec<Want> => {
    if (_codec == null) {
      _codec = message<Want>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.tip != null) {
          w.uint32(10)
          TipRef.codec().encode(obj.tip, w)
        }

        if (obj.have != null && obj.have.length > 0) {
          for (const value of obj.have) {
            w.uint32(18)
            TipRef.codec().encode(value, w)
          }
        }

        if ((obj.offset != null && obj.offset !== 0)) {
          w.uint32(24)
          w.uint32(obj.offset)
        }

        if ((obj.fresh != null && obj.fresh !== false)) {
          w.uint32(112)
          w.bool(obj.fresh)
        }

        if (obj.authors != null && obj.authors.length > 0) {
          for (const value of obj.authors) {
            w.uint32(122)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          have: [],
          offset: 0,
          fresh: false,
          authors: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.tip = TipRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tip
              })
              break
            }
            case 2: {
              if (opts.limits?.have != null && obj.have.length === opts.limits.have) {
                throw new MaxLengthError('Decode error - repeated field "have" had too many elements')
              }

              obj.have.push(TipRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.have$
              }))
              break
            }
            case 3: {
              obj.offset = reader.uint32()
              break
            }
            case 14: {
              obj.fresh = reader.bool()
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors.length === opts.limits.authors) {
                throw new MaxLengthError('Decode error - repeated field "authors" had too many elements')
              }

              obj.authors.push(reader.bytes())
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
          have: 0,
          authors: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * TipRef.codec().stream(reader, reader.uint32(), `${prefix}.tip`, {
                limits: opts.limits?.tip
              })

              break
            }
            case 2: {
              if (opts.limits?.have != null && obj.have === opts.limits.have) {
                throw new MaxLengthError('Streaming decode error - repeated field "have" had too many elements')
              }

              for (const evt of TipRef.codec().stream(reader, reader.uint32(), `${prefix}.have[]`, {
                limits: opts.limits?.have$
              })) {
                yield {
                  ...evt,
                  index: obj.have
                }
              }

              obj.have++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.offset`,
                value: reader.uint32()
              }
              break
            }
            case 14: {
              yield {
                field: `${prefix}.fresh`,
                value: reader.bool()
              }
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors === opts.limits.authors) {
                throw new MaxLengthError('Streaming decode error - repeated field "authors" had too many elements')
              }

              yield {
                field: `${prefix}.authors[]`,
                index: obj.authors,
                value: reader.bytes()
              }

              obj.authors++

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

  export interface WantTipAuthorFieldEvent {
    field: '$.tip.author'
    value: number
  }

  export interface WantTipEpochFieldEvent {
    field: '$.tip.epoch'
    value: Uint8Array
  }

  export interface WantTipSeqFieldEvent {
    field: '$.tip.seq'
    value: number
  }

  export interface WantTipIdFieldEvent {
    field: '$.tip.id'
    value: Uint8Array
  }

  export interface WantHaveAuthorFieldEvent {
    field: '$.have[].author'
    value: number
    index: number
  }

  export interface WantHaveEpochFieldEvent {
    field: '$.have[].epoch'
    value: Uint8Array
    index: number
  }

  export interface WantHaveSeqFieldEvent {
    field: '$.have[].seq'
    value: number
    index: number
  }

  export interface WantHaveIdFieldEvent {
    field: '$.have[].id'
    value: Uint8Array
    index: number
  }

  export interface WantOffsetFieldEvent {
    field: '$.offset'
    value: number
  }

  export interface WantFreshFieldEvent {
    field: '$.fresh'
    value: boolean
  }

  export interface WantAuthorsFieldEvent {
    field: '$.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Want>): Uint8Array {
    return encodeMessage(obj, Want.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Want>): Want {
    return decodeMessage(buf, Want.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Want>): Generator<WantTipAuthorFieldEvent | WantTipEpochFieldEvent | WantTipSeqFieldEvent | WantTipIdFieldEvent | WantHaveAuthorFieldEvent | WantHaveEpochFieldEvent | WantHaveSeqFieldEvent | WantHaveIdFieldEvent | WantOffsetFieldEvent | WantFreshFieldEvent | WantAuthorsFieldEvent> {
    return streamMessage(buf, Want.codec(), opts)
  }
}

export interface Entry {
  author?: number | undefined
  epoch?: Uint8Array | undefined
  seq: number
  previous: Uint8Array
  ms: number
  counter: number
  ops: number
  deps: DepRef[]
  extensions: Uint8Array
  body?: Uint8Array | undefined
  root: Uint8Array
  length: number
  signature?: Uint8Array | undefined
  format: number
}

export namespace Entry {
  let _codec: Codec<Entry>

  export const codec = (): Codec<Entry> => {
    if (_codec == null) {
      _codec = message<Entry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.author != null) {
          w.uint32(8)
          w.uint32(obj.author)
        }

        if (obj.epoch != null) {
          w.uint32(18)
          w.bytes(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.previous != null && obj.previous.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.previous)
        }

        if ((obj.ms != null && obj.ms !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.ms)
        }

        if ((obj.counter != null && obj.counter !== 0)) {
          w.uint32(48)
          w.uint32(obj.counter)
        }

        if ((obj.ops != null && obj.ops !== 0)) {
          w.uint32(56)
          w.uint32(obj.ops)
        }

        if (obj.deps != null && obj.deps.length > 0) {
          for (const value of obj.deps) {
            w.uint32(66)
            DepRef.codec().encode(value, w)
          }
        }

        if ((obj.extensions != null && obj.extensions.byteLength > 0)) {
          w.uint32(74)
          w.bytes(obj.extensions)
        }

        if (obj.body != null) {
          w.uint32(82)
          w.bytes(obj.body)
        }

        if ((obj.root != null && obj.root.byteLength > 0)) {
          w.uint32(90)
          w.bytes(obj.root)
        }

        if ((obj.length != null && obj.length !== 0)) {
          w.uint32(96)
          w.uint32(obj.length)
        }

        if (obj.signature != null) {
          w.uint32(106)
          w.bytes(obj.signature)
        }

        if ((obj.format != null && obj.format !== 0)) {
          w.uint32(112)
          w.uint32(obj.format)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          seq: 0,
          previous: uint8ArrayAlloc(0),
          ms: 0,
          counter: 0,
          ops: 0,
          deps: [],
          extensions: uint8ArrayAlloc(0),
          root: uint8ArrayAlloc(0),
          length: 0,
          format: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.author = reader.uint32()
              break
            }
            case 2: {
              obj.epoch = reader.bytes()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.previous = reader.bytes()
              break
            }
            case 5: {
              obj.ms = reader.uint64Number()
              break
            }
            case 6: {
              obj.counter = reader.uint32()
              break
            }
            case 7: {
              obj.ops = reader.uint32()
              break
            }
            case 8: {
              if (opts.limits?.deps != null && obj.deps.length === opts.limits.deps) {
                throw new MaxLengthError('Decode error - repeated field "deps" had too many elements')
              }

              obj.deps.push(DepRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.deps$
              }))
              break
            }
            case 9: {
              obj.extensions = reader.bytes()
              break
            }
            case 10: {
              obj.body = reader.bytes()
              break
            }
            case 11: {
              obj.root = reader.bytes()
              break
            }
            case 12: {
              obj.length = reader.uint32()
              break
            }
            case 13: {
              obj.signature = reader.bytes()
              break
            }
            case 14: {
              obj.format = reader.uint32()
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
          deps: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.author`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.epoch`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.seq`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.previous`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.ms`,
                value: reader.uint64Number()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.counter`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.ops`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              if (opts.limits?.deps != null && obj.deps === opts.limits.deps) {
                throw new MaxLengthError('Streaming decode error - repeated field "deps" had too many elements')
              }

              for (const evt of DepRef.codec().stream(reader, reader.uint32(), `${prefix}.deps[]`, {
                limits: opts.limits?.deps$
              })) {
                yield {
                  ...evt,
                  index: obj.deps
                }
              }

              obj.deps++

              break
            }
            case 9: {
              yield {
                field: `${prefix}.extensions`,
                value: reader.bytes()
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.body`,
                value: reader.bytes()
              }
              break
            }
            case 11: {
              yield {
                field: `${prefix}.root`,
                value: reader.bytes()
              }
              break
            }
            case 12: {
              yield {
                field: `${prefix}.length`,
                value: reader.uint32()
              }
              break
            }
            case 13: {
              yield {
                field: `${prefix}.signature`,
                value: reader.bytes()
              }
              break
            }
            case 14: {
              yield {
                field: `${prefix}.format`,
                value: reader.uint32()
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

  export interface EntryAuthorFieldEvent {
    field: '$.author'
    value: number
  }

  export interface EntryEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array
  }

  export interface EntrySeqFieldEvent {
    field: '$.seq'
    value: number
  }

  export interface EntryPreviousFieldEvent {
    field: '$.previous'
    value: Uint8Array
  }

  export interface EntryMsFieldEvent {
    field: '$.ms'
    value: number
  }

  export interface EntryCounterFieldEvent {
    field: '$.counter'
    value: number
  }

  export interface EntryOpsFieldEvent {
    field: '$.ops'
    value: number
  }

  export interface EntryDepsAuthorFieldEvent {
    field: '$.deps[].author'
    value: number
    index: number
  }

  export interface EntryDepsEpochFieldEvent {
    field: '$.deps[].epoch'
    value: Uint8Array
    index: number
  }

  export interface EntryDepsSeqFieldEvent {
    field: '$.deps[].seq'
    value: number
    index: number
  }

  export interface EntryDepsIdFieldEvent {
    field: '$.deps[].id'
    value: Uint8Array
    index: number
  }

  export interface EntryExtensionsFieldEvent {
    field: '$.extensions'
    value: Uint8Array
  }

  export interface EntryBodyFieldEvent {
    field: '$.body'
    value: Uint8Array
  }

  export interface EntryRootFieldEvent {
    field: '$.root'
    value: Uint8Array
  }

  export interface EntryLengthFieldEvent {
    field: '$.length'
    value: number
  }

  export interface EntrySignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array
  }

  export interface EntryFormatFieldEvent {
    field: '$.format'
    value: number
  }

  export function encode (obj: Partial<Entry>): Uint8Array {
    return encodeMessage(obj, Entry.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Entry>): Entry {
    return decodeMessage(buf, Entry.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Entry>): Generator<EntryAuthorFieldEvent | EntryEpochFieldEvent | EntrySeqFieldEvent | EntryPreviousFieldEvent | EntryMsFieldEvent | EntryCounterFieldEvent | EntryOpsFieldEvent | EntryDepsAuthorFieldEvent | EntryDepsEpochFieldEvent | EntryDepsSeqFieldEvent | EntryDepsIdFieldEvent | EntryExtensionsFieldEvent | EntryBodyFieldEvent | EntryRootFieldEvent | EntryLengthFieldEvent | EntrySignatureFieldEvent | EntryFormatFieldEvent> {
    return streamMessage(buf, Entry.codec(), opts)
  }
}

export interface DepRef {
  author: number
  epoch?: Uint8Array | undefined
  seq: number
  id: Uint8Array
}

export namespace DepRef {
  let _codec: Codec<DepRef>

  export const codec = (): Codec<DepRef> => {
    if (_codec == null) {
      _codec = message<DepRef>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.author != null && obj.author !== 0)) {
          w.uint32(8)
          w.uint32(obj.author)
        }

        if (obj.epoch != null) {
          w.uint32(18)
          w.bytes(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.id)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          author: 0,
          seq: 0,
          id: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.author = reader.uint32()
              break
            }
            case 2: {
              obj.epoch = reader.bytes()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.id = reader.bytes()
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
                field: `${prefix}.author`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.epoch`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.seq`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.id`,
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

  export interface DepRefAuthorFieldEvent {
    field: '$.author'
    value: number
  }

  export interface DepRefEpochFieldEvent {
    field: '$.epoch'
    value: Uint8Array
  }

  export interface DepRefSeqFieldEvent {
    field: '$.seq'
    value: number
  }

  export interface DepRefIdFieldEvent {
    field: '$.id'
    value: Uint8Array
  }

  export function encode (obj: Partial<DepRef>): Uint8Array {
    return encodeMessage(obj, DepRef.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DepRef>): DepRef {
    return decodeMessage(buf, DepRef.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DepRef>): Generator<DepRefAuthorFieldEvent | DepRefEpochFieldEvent | DepRefSeqFieldEvent | DepRefIdFieldEvent> {
    return streamMessage(buf, DepRef.codec(), opts)
  }
}

export interface Run {
  batches: Entry[]
  proof: Entry[]
  position?: Mark | undefined
  more: boolean
  large: boolean
  offset: number
  fresh: boolean
  authors: Uint8Array[]
}

export namespace Run {
  let _codec: Codec<Run>

  export const codec = (): Codec<Run> => {
    if (_codec == null) {
      _codec = message<Run>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.batches != null && obj.batches.length > 0) {
          for (const value of obj.batches) {
            w.uint32(10)
            Entry.codec().encode(value, w)
          }
        }

        if (obj.proof != null && obj.proof.length > 0) {
          for (const value of obj.proof) {
            w.uint32(18)
            Entry.codec().encode(value, w)
          }
        }

        if (obj.position != null) {
          w.uint32(26)
          Mark.codec().encode(obj.position, w)
        }

        if ((obj.more != null && obj.more !== false)) {
          w.uint32(32)
          w.bool(obj.more)
        }

        if ((obj.large != null && obj.large !== false)) {
          w.uint32(40)
          w.bool(obj.large)
        }

        if ((obj.offset != null && obj.offset !== 0)) {
          w.uint32(48)
          w.uint32(obj.offset)
        }

        if ((obj.fresh != null && obj.fresh !== false)) {
          w.uint32(112)
          w.bool(obj.fresh)
        }

        if (obj.authors != null && obj.authors.length > 0) {
          for (const value of obj.authors) {
            w.uint32(122)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          batches: [],
          proof: [],
          more: false,
          large: false,
          offset: 0,
          fresh: false,
          authors: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.batches != null && obj.batches.length === opts.limits.batches) {
                throw new MaxLengthError('Decode error - repeated field "batches" had too many elements')
              }

              obj.batches.push(Entry.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.batches$
              }))
              break
            }
            case 2: {
              if (opts.limits?.proof != null && obj.proof.length === opts.limits.proof) {
                throw new MaxLengthError('Decode error - repeated field "proof" had too many elements')
              }

              obj.proof.push(Entry.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.proof$
              }))
              break
            }
            case 3: {
              obj.position = Mark.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.position
              })
              break
            }
            case 4: {
              obj.more = reader.bool()
              break
            }
            case 5: {
              obj.large = reader.bool()
              break
            }
            case 6: {
              obj.offset = reader.uint32()
              break
            }
            case 14: {
              obj.fresh = reader.bool()
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors.length === opts.limits.authors) {
                throw new MaxLengthError('Decode error - repeated field "authors" had too many elements')
              }

              obj.authors.push(reader.bytes())
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
          batches: 0,
          proof: 0,
          authors: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.batches != null && obj.batches === opts.limits.batches) {
                throw new MaxLengthError('Streaming decode error - repeated field "batches" had too many elements')
              }

              for (const evt of Entry.codec().stream(reader, reader.uint32(), `${prefix}.batches[]`, {
                limits: opts.limits?.batches$
              })) {
                yield {
                  ...evt,
                  index: obj.batches
                }
              }

              obj.batches++

              break
            }
            case 2: {
              if (opts.limits?.proof != null && obj.proof === opts.limits.proof) {
                throw new MaxLengthError('Streaming decode error - repeated field "proof" had too many elements')
              }

              for (const evt of Entry.codec().stream(reader, reader.uint32(), `${prefix}.proof[]`, {
                limits: opts.limits?.proof$
              })) {
                yield {
                  ...evt,
                  index: obj.proof
                }
              }

              obj.proof++

              break
            }
            case 3: {
              yield * Mark.codec().stream(reader, reader.uint32(), `${prefix}.position`, {
                limits: opts.limits?.position
              })

              break
            }
            case 4: {
              yield {
                field: `${prefix}.more`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.large`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.offset`,
                value: reader.uint32()
              }
              break
            }
            case 14: {
              yield {
                field: `${prefix}.fresh`,
                value: reader.bool()
              }
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors === opts.limits.authors) {
                throw new MaxLengthError('Streaming decode error - repeated field "authors" had too many elements')
              }

              yield {
                field: `${prefix}.authors[]`,
                index: obj.authors,
                value: reader.bytes()
              }

              obj.authors++

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

  export interface RunBatchesAuthorFieldEvent {
    field: '$.batches[].author'
    value: number
    index: number
  }

  export interface RunBatchesEpochFieldEvent {
    field: '$.batches[].epoch'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesSeqFieldEvent {
    field: '$.batches[].seq'
    value: number
    index: number
  }

  export interface RunBatchesPreviousFieldEvent {
    field: '$.batches[].previous'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesMsFieldEvent {
    field: '$.batches[].ms'
    value: number
    index: number
  }

  export interface RunBatchesCounterFieldEvent {
    field: '$.batches[].counter'
    value: number
    index: number
  }

  export interface RunBatchesOpsFieldEvent {
    field: '$.batches[].ops'
    value: number
    index: number
  }

  export interface RunBatchesDepsAuthorFieldEvent {
    field: '$.batches[].deps[].author'
    value: number
    index: number
  }

  export interface RunBatchesDepsEpochFieldEvent {
    field: '$.batches[].deps[].epoch'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesDepsSeqFieldEvent {
    field: '$.batches[].deps[].seq'
    value: number
    index: number
  }

  export interface RunBatchesDepsIdFieldEvent {
    field: '$.batches[].deps[].id'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesExtensionsFieldEvent {
    field: '$.batches[].extensions'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesBodyFieldEvent {
    field: '$.batches[].body'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesRootFieldEvent {
    field: '$.batches[].root'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesLengthFieldEvent {
    field: '$.batches[].length'
    value: number
    index: number
  }

  export interface RunBatchesSignatureFieldEvent {
    field: '$.batches[].signature'
    value: Uint8Array
    index: number
  }

  export interface RunBatchesFormatFieldEvent {
    field: '$.batches[].format'
    value: number
    index: number
  }

  export interface RunProofAuthorFieldEvent {
    field: '$.proof[].author'
    value: number
    index: number
  }

  export interface RunProofEpochFieldEvent {
    field: '$.proof[].epoch'
    value: Uint8Array
    index: number
  }

  export interface RunProofSeqFieldEvent {
    field: '$.proof[].seq'
    value: number
    index: number
  }

  export interface RunProofPreviousFieldEvent {
    field: '$.proof[].previous'
    value: Uint8Array
    index: number
  }

  export interface RunProofMsFieldEvent {
    field: '$.proof[].ms'
    value: number
    index: number
  }

  export interface RunProofCounterFieldEvent {
    field: '$.proof[].counter'
    value: number
    index: number
  }

  export interface RunProofOpsFieldEvent {
    field: '$.proof[].ops'
    value: number
    index: number
  }

  export interface RunProofDepsAuthorFieldEvent {
    field: '$.proof[].deps[].author'
    value: number
    index: number
  }

  export interface RunProofDepsEpochFieldEvent {
    field: '$.proof[].deps[].epoch'
    value: Uint8Array
    index: number
  }

  export interface RunProofDepsSeqFieldEvent {
    field: '$.proof[].deps[].seq'
    value: number
    index: number
  }

  export interface RunProofDepsIdFieldEvent {
    field: '$.proof[].deps[].id'
    value: Uint8Array
    index: number
  }

  export interface RunProofExtensionsFieldEvent {
    field: '$.proof[].extensions'
    value: Uint8Array
    index: number
  }

  export interface RunProofBodyFieldEvent {
    field: '$.proof[].body'
    value: Uint8Array
    index: number
  }

  export interface RunProofRootFieldEvent {
    field: '$.proof[].root'
    value: Uint8Array
    index: number
  }

  export interface RunProofLengthFieldEvent {
    field: '$.proof[].length'
    value: number
    index: number
  }

  export interface RunProofSignatureFieldEvent {
    field: '$.proof[].signature'
    value: Uint8Array
    index: number
  }

  export interface RunProofFormatFieldEvent {
    field: '$.proof[].format'
    value: number
    index: number
  }

  export interface RunPositionPositionFieldEvent {
    field: '$.position.position'
    value: number
  }

  export interface RunPositionCheckFieldEvent {
    field: '$.position.check'
    value: Uint8Array
  }

  export interface RunMoreFieldEvent {
    field: '$.more'
    value: boolean
  }

  export interface RunLargeFieldEvent {
    field: '$.large'
    value: boolean
  }

  export interface RunOffsetFieldEvent {
    field: '$.offset'
    value: number
  }

  export interface RunFreshFieldEvent {
    field: '$.fresh'
    value: boolean
  }

  export interface RunAuthorsFieldEvent {
    field: '$.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Run>): Uint8Array {
    return encodeMessage(obj, Run.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Run>): Run {
    return decodeMessage(buf, Run.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Run>): Generator<RunBatchesAuthorFieldEvent | RunBatchesEpochFieldEvent | RunBatchesSeqFieldEvent | RunBatchesPreviousFieldEvent | RunBatchesMsFieldEvent | RunBatchesCounterFieldEvent | RunBatchesOpsFieldEvent | RunBatchesDepsAuthorFieldEvent | RunBatchesDepsEpochFieldEvent | RunBatchesDepsSeqFieldEvent | RunBatchesDepsIdFieldEvent | RunBatchesExtensionsFieldEvent | RunBatchesBodyFieldEvent | RunBatchesRootFieldEvent | RunBatchesLengthFieldEvent | RunBatchesSignatureFieldEvent | RunBatchesFormatFieldEvent | RunProofAuthorFieldEvent | RunProofEpochFieldEvent | RunProofSeqFieldEvent | RunProofPreviousFieldEvent | RunProofMsFieldEvent | RunProofCounterFieldEvent | RunProofOpsFieldEvent | RunProofDepsAuthorFieldEvent | RunProofDepsEpochFieldEvent | RunProofDepsSeqFieldEvent | RunProofDepsIdFieldEvent | RunProofExtensionsFieldEvent | RunProofBodyFieldEvent | RunProofRootFieldEvent | RunProofLengthFieldEvent | RunProofSignatureFieldEvent | RunProofFormatFieldEvent | RunPositionPositionFieldEvent | RunPositionCheckFieldEvent | RunMoreFieldEvent | RunLargeFieldEvent | RunOffsetFieldEvent | RunFreshFieldEvent | RunAuthorsFieldEvent> {
    return streamMessage(buf, Run.codec(), opts)
  }
}

export interface Body {
  data: Uint8Array
}

export namespace Body {
  let _codec: Codec<Body>

  export const codec = (): Codec<Body> => {
    if (_codec == null) {
      _codec = message<Body>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.data)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          data: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.data = reader.bytes()
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
                field: `${prefix}.data`,
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

  export interface BodyDataFieldEvent {
    field: '$.data'
    value: Uint8Array
  }

  export function encode (obj: Partial<Body>): Uint8Array {
    return encodeMessage(obj, Body.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Body>): Body {
    return decodeMessage(buf, Body.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Body>): Generator<BodyDataFieldEvent> {
    return streamMessage(buf, Body.codec(), opts)
  }
}

export interface Ack {
  position: number
}

export namespace Ack {
  let _codec: Codec<Ack>

  export const codec = (): Codec<Ack> => {
    if (_codec == null) {
      _codec = message<Ack>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.position != null && obj.position !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.position)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          position: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.position = reader.uint64Number()
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
                field: `${prefix}.position`,
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

  export interface AckPositionFieldEvent {
    field: '$.position'
    value: number
  }

  export function encode (obj: Partial<Ack>): Uint8Array {
    return encodeMessage(obj, Ack.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ack>): Ack {
    return decodeMessage(buf, Ack.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ack>): Generator<AckPositionFieldEvent> {
    return streamMessage(buf, Ack.codec(), opts)
  }
}

export interface Credit {
  bytes: number
}

export namespace Credit {
  let _codec: Codec<Credit>

  export const codec = (): Codec<Credit> => {
    if (_codec == null) {
      _codec = message<Credit>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.bytes != null && obj.bytes !== 0)) {
          w.uint32(8)
          w.uint32(obj.bytes)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          bytes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.bytes = reader.uint32()
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
                field: `${prefix}.bytes`,
                value: reader.uint32()
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

  export interface CreditBytesFieldEvent {
    field: '$.bytes'
    value: number
  }

  export function encode (obj: Partial<Credit>): Uint8Array {
    return encodeMessage(obj, Credit.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Credit>): Credit {
    return decodeMessage(buf, Credit.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Credit>): Generator<CreditBytesFieldEvent> {
    return streamMessage(buf, Credit.codec(), opts)
  }
}

export interface Ping {
  digest: Uint8Array
  position?: Mark | undefined
}

export namespace Ping {
  let _codec: Codec<Ping>

  export const codec = (): Codec<Ping> => {
    if (_codec == null) {
      _codec = message<Ping>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.digest)
        }

        if (obj.position != null) {
          w.uint32(18)
          Mark.codec().encode(obj.position, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          digest: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.digest = reader.bytes()
              break
            }
            case 2: {
              obj.position = Mark.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.position
              })
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
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield * Mark.codec().stream(reader, reader.uint32(), `${prefix}.position`, {
                limits: opts.limits?.position
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

  export interface PingDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array
  }

  export interface PingPositionPositionFieldEvent {
    field: '$.position.position'
    value: number
  }

  export interface PingPositionCheckFieldEvent {
    field: '$.position.check'
    value: Uint8Array
  }

  export function encode (obj: Partial<Ping>): Uint8Array {
    return encodeMessage(obj, Ping.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ping>): Ping {
    return decodeMessage(buf, Ping.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ping>): Generator<PingDigestFieldEvent | PingPositionPositionFieldEvent | PingPositionCheckFieldEvent> {
    return streamMessage(buf, Ping.codec(), opts)
  }
}

export interface Err {
  code: number
  retryable: boolean
  retryAfterMs: number
  text: string
  tip?: TipRef | undefined
  fresh: boolean
  authors: Uint8Array[]
}

export namespace Err {
  let _codec: Codec<Err>

  export const codec = (): Codec<Err> => {
    if (_codec == null) {
      _codec = message<Err>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.uint32(obj.code)
        }

        if ((obj.retryable != null && obj.retryable !== false)) {
          w.uint32(16)
          w.bool(obj.retryable)
        }

        if ((obj.retryAfterMs != null && obj.retryAfterMs !== 0)) {
          w.uint32(24)
          w.uint32(obj.retryAfterMs)
        }

        if ((obj.text != null && obj.text !== '')) {
          w.uint32(34)
          w.string(obj.text)
        }

        if (obj.tip != null) {
          w.uint32(42)
          TipRef.codec().encode(obj.tip, w)
        }

        if ((obj.fresh != null && obj.fresh !== false)) {
          w.uint32(112)
          w.bool(obj.fresh)
        }

        if (obj.authors != null && obj.authors.length > 0) {
          for (const value of obj.authors) {
            w.uint32(122)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0,
          retryable: false,
          retryAfterMs: 0,
          text: '',
          fresh: false,
          authors: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.uint32()
              break
            }
            case 2: {
              obj.retryable = reader.bool()
              break
            }
            case 3: {
              obj.retryAfterMs = reader.uint32()
              break
            }
            case 4: {
              obj.text = reader.string()
              break
            }
            case 5: {
              obj.tip = TipRef.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.tip
              })
              break
            }
            case 14: {
              obj.fresh = reader.bool()
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors.length === opts.limits.authors) {
                throw new MaxLengthError('Decode error - repeated field "authors" had too many elements')
              }

              obj.authors.push(reader.bytes())
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
          authors: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.code`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.retryable`,
                value: reader.bool()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.retryAfterMs`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.text`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield * TipRef.codec().stream(reader, reader.uint32(), `${prefix}.tip`, {
                limits: opts.limits?.tip
              })

              break
            }
            case 14: {
              yield {
                field: `${prefix}.fresh`,
                value: reader.bool()
              }
              break
            }
            case 15: {
              if (opts.limits?.authors != null && obj.authors === opts.limits.authors) {
                throw new MaxLengthError('Streaming decode error - repeated field "authors" had too many elements')
              }

              yield {
                field: `${prefix}.authors[]`,
                index: obj.authors,
                value: reader.bytes()
              }

              obj.authors++

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

  export interface ErrCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export interface ErrRetryableFieldEvent {
    field: '$.retryable'
    value: boolean
  }

  export interface ErrRetryAfterMsFieldEvent {
    field: '$.retryAfterMs'
    value: number
  }

  export interface ErrTextFieldEvent {
    field: '$.text'
    value: string
  }

  export interface ErrTipAuthorFieldEvent {
    field: '$.tip.author'
    value: number
  }

  export interface ErrTipEpochFieldEvent {
    field: '$.tip.epoch'
    value: Uint8Array
  }

  export interface ErrTipSeqFieldEvent {
    field: '$.tip.seq'
    value: number
  }

  export interface ErrTipIdFieldEvent {
    field: '$.tip.id'
    value: Uint8Array
  }

  export interface ErrFreshFieldEvent {
    field: '$.fresh'
    value: boolean
  }

  export interface ErrAuthorsFieldEvent {
    field: '$.authors[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Err>): Uint8Array {
    return encodeMessage(obj, Err.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Err>): Err {
    return decodeMessage(buf, Err.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Err>): Generator<ErrCodeFieldEvent | ErrRetryableFieldEvent | ErrRetryAfterMsFieldEvent | ErrTextFieldEvent | ErrTipAuthorFieldEvent | ErrTipEpochFieldEvent | ErrTipSeqFieldEvent | ErrTipIdFieldEvent | ErrFreshFieldEvent | ErrAuthorsFieldEvent> {
    return streamMessage(buf, Err.codec(), opts)
  }
}
