/** One handler per message, one table. */

import type { Message } from '../../log/index.js'
import type { Stream, Turn } from '../state.js'
import { onAck } from './ack.js'
import { onCredit } from './credit.js'
import { onErr } from './err.js'
import { onHeads } from './heads.js'
import { onHello } from './hello.js'
import { onPing } from './ping.js'
import { onRun } from './run.js'
import { onWant } from './want.js'

/** What the engine looked up for a message before it entered. */
export interface Notes {
  readonly bytes: number
  readonly cursorValid?: boolean
  readonly applied?: readonly boolean[]
}

export type Handler<T extends Message['type']> = (
  turn: Turn,
  stream: Stream,
  message: Extract<Message, { type: T }>,
  notes: Notes
) => void

export const handlers: { readonly [T in Message['type']]: Handler<T> } = {
  hello: onHello,
  heads: onHeads,
  want: onWant,
  run: onRun,
  ack: onAck,
  credit: onCredit,
  ping: onPing,
  err: onErr
}
