/**
 * Bytes of what nodes say to each other: the frames of `/sync/ops/1.0.0` and `/sync/presence/1.0.0`, and gossip
 * messages. Pure: no clock, stream or promise but those of signature checks. See protocols/.
 */
export { checkRun, checkSignature } from './check-run.js'
export { decodeGossip, encodeGossip } from './gossip.js'
export * from './presence.js'
export type { PartialBatch, SyncDecoderInit } from './sync-decoder.js'
export { SyncDecoder } from './sync-decoder.js'
export { creditBytes, SyncEncoder } from './sync-encoder.js'
