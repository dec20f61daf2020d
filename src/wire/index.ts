/**
 * Bytes of what nodes say to each other: the frames of `/sync/ops/1.0.0` and `/sync/presence/1.0.0`, and gossip
 * messages. Pure: no clock, stream or promise but those of signature checks. See protocols/.
 */
export * from './presence.js'
