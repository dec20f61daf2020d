/**
 * The reading side of a stream: frames to messages, signatures checked, what the state machine must know looked up.
 *
 * Keeps: one stream's messages enter in their order; a frame that does not decode or verify ends that stream alone.
 * Reading goes on while batches are being applied, as far as this node's window lets the peer send.
 */

import { failpoint } from '../base/failpoints.js'
import type { Crypto } from '../base/index.js'
import { isNatterError, messageOf, NatterError, varintLength } from '../base/index.js'
import type { Heads, Hello, Message, Tip } from '../log/index.js'
import { peerIdOf } from '../log/index.js'
import type { Event } from '../replication/index.js'
import type { Store } from '../store/index.js'
import { checkRun, creditBytes } from '../wire/index.js'
import type { Channel } from './channel.js'
import { describe } from './channel.js'
import type { Log } from './log.js'
import { isRead } from './log.js'
import type { RecentCommits } from './recent-commits.js'
import { leftByPeer } from './sessions.js'

export interface InboundInit {
  readonly store: Store
  readonly crypto: Crypto
  readonly log: Log
  readonly recent: RecentCommits
  readonly dispatch: (event: Event) => void
  readonly heard: (channel: Channel) => void
  /** A further piece of a large batch came: makes room where all of them are over their limit. */
  readonly staged: () => void
}

/**
 * Reads until the stream ends. Resolves with the reason; rejects with `PROTOCOL_ERROR` when the peer broke the protocol,
 * with another code when this node cannot go on with it.
 */
export async function readFrames(init: InboundInit, channel: Channel): Promise<string> {
  const { frames } = channel.stream
  try {
    for await (const frame of frames) {
      if (channel.closed) return 'closed'
      channel.traffic.bytesReceived += frame.length + varintLength(frame.length)
      init.heard(channel)
      await takeFrame(init, channel, frame)
    }
  } catch (error) {
    if (error instanceof NatterError) throw error
    return `reset: ${messageOf(error)}`
  }
  return leftByPeer
}

async function takeFrame(init: InboundInit, channel: Channel, frame: Uint8Array): Promise<void> {
  const credit = creditBytes(frame)
  channel.take(frame)
  const message = channel.decoder.decode(frame)
  if (message !== undefined) {
    if (isRead(init.log, 'sync')) {
      init.log('sync', `${peerIdOf(channel.peer)} ← ${describe(message)} (${frame.length} bytes)`)
    }
    await enter(init, channel, message, credit)
    return
  }
  // Nobody makes this node hold a body that its author has not signed.
  const large = channel.decoder.takeLarge()
  if (large !== undefined) await checkRun(large, init.crypto)
  init.staged()
  if (credit > 0) init.dispatch({ type: 'staged', stream: channel.id, bytes: credit })
}

async function enter(init: InboundInit, channel: Channel, message: Message, bytes: number): Promise<void> {
  const event = { type: 'received', stream: channel.id, message, bytes } as const
  switch (message.type) {
    case 'hello':
      channel.widen(message.window)
      init.dispatch({
        ...event,
        message: await withKnown(init.store, message),
        cursorValid: await isCursorValid(init.store, message)
      })
      return
    case 'heads':
      init.dispatch({ ...event, applied: await lookUp(init, message) })
      return
    case 'run':
      await checkRun(message, init.crypto)
      for (const { header } of message.batches) {
        if (header.database !== init.store.database)
          throw new NatterError('PROTOCOL_ERROR', 'another database')
        channel.traffic.opsReceived += header.opCount
      }
      init.dispatch(event)
      return
    case 'credit':
      channel.widen(message.bytes)
      init.dispatch(event)
      return
    case 'ack':
      failpoint('engine.ack.received')
      init.dispatch(event)
      return
    default:
      init.dispatch(event)
  }
}

/** Whether the peer's cursor is a place in this log: a store that was restored answers for no older life. */
export async function isCursorValid(store: Store, { cursor }: Hello): Promise<boolean> {
  if (cursor === undefined || cursor.store !== store.storeId) return false
  if (cursor.position > store.mark.position) return false
  return (await store.checkAt(cursor.position)) === cursor.check
}

/**
 * The HELLO without those tips of this node's own log that are not applied here: they are of another branch, or of a life
 * that is lost, and say nothing about the batches that are.
 */
export async function withKnown(store: Pick<Store, 'hasBatch'>, hello: Hello): Promise<Hello> {
  const yours: Tip[] = []
  for (const tip of hello.yours) if (await store.hasBatch(tip)) yours.push(tip)
  return { ...hello, yours }
}

/** Which of the tips are applied here, as of the time at which the event enters. */
async function lookUp({ store, recent }: InboundInit, { tips }: Heads): Promise<boolean[]> {
  const since = recent.watch()
  try {
    const applied: boolean[] = []
    for (const tip of tips) {
      // What the index cannot tell is asked for: the store knows the batch again when it comes.
      const has = store.frontier.has(tip.author, tip.id) || (await store.hasBatch(tip).catch(unlessDamaged))
      applied.push(has)
    }
    return applied.map((known, i) => known || since.has(tips[i]!.id))
  } finally {
    recent.unwatch(since)
  }
}

function unlessDamaged(error: unknown): false {
  if (isNatterError(error, 'STORE_DAMAGED')) return false
  throw error
}
