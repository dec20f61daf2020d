/**
 * Programs that speak HTTP and no libp2p: they hand over their own ops by id, and say what they have received.
 *
 * The two bodies are open: fields that are not known here are ignored, since such programs exist in many versions.
 */
import { FORMAT, NatterError, utf8 } from '../../base/index.js'
import type { Fields } from '../body.js'
import { route } from '../route.js'
import { anyJson, flag, list, object, text } from '../schemas.js'

const tag = 'programs'
const name = { type: 'string', minLength: 1, maxLength: FORMAT.clientIdBytes } as const
const from = { ...name, description: 'The name of the program, 1 to 256 bytes; no peer id.' }

export const programRoutes = [
  route({
    method: 'POST',
    path: '/p2p/ops',
    tag,
    summary:
      'Takes ops of a program, each durable and taking effect once by its id, on whichever node it arrives.',
    body: {
      open: true,
      schema: {
        ...object({
          from,
          ops: list({
            ...object({
              id: { ...name, description: 'The id that makes it take effect once, 1 to 256 bytes.' },
              kind: { enum: ['put', 'del'] },
              key: text,
              'value?': anyJson,
              'ts_ms?': {
                type: 'number',
                description: 'Kept and shown. Order is by the hybrid time of the node that took the op.'
              }
            }),
            additionalProperties: true
          })
        }),
        additionalProperties: true
      }
    },
    writes: true,
    answers: {
      200: {
        description: 'Those in acked_ids are on disk and will reach every node; the others are in rejected.',
        schema: object({
          acked_ids: list(text),
          'rejected?': list(
            object({ id: { type: ['string', 'null'] }, code: text, error: text, retryable: flag })
          )
        })
      }
    },
    errors: ['FROM_IS_A_PEER'],
    async handle(call) {
      const { ackedIds, rejected } = await call.node.acceptProgramOps(
        sender(call.body),
        call.body.list('ops')
      )
      return { body: { acked_ids: ackedIds, ...(rejected.length === 0 ? {} : { rejected }) } }
    }
  }),
  route({
    method: 'POST',
    path: '/p2p/ack',
    tag,
    summary: 'Marks ops as delivered to a program, whose entry stands in /outbox.',
    body: {
      open: true,
      schema: {
        ...object({
          from,
          acked_ids: { ...list(text), description: 'Client ids or op ids; unknown ones are ignored.' }
        }),
        additionalProperties: true
      }
    },
    writes: true,
    answers: { 200: { description: 'Marked.', schema: object({}) } },
    errors: ['FROM_IS_A_PEER'],
    async handle(call) {
      const ids = call.body.list('acked_ids')
      if (!ids.every(id => typeof id === 'string')) {
        throw new NatterError('INVALID_ARGUMENT', 'acked_ids must be a list of texts')
      }
      await call.node.ackFromProgram(sender(call.body), ids)
      return { body: {} }
    }
  })
]

function sender(body: Fields): string {
  const given = body.text('from')
  if (utf8(given).length > FORMAT.clientIdBytes) {
    throw new NatterError('INVALID_ARGUMENT', `from must be 1 to ${FORMAT.clientIdBytes} bytes`)
  }
  return given
}
