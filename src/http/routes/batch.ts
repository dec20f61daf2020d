/** Several ops at once, atomic on every node; and how far any write has spread. */
import { NatterError, type WriteOp } from '../../base/index.js'
import { Fields } from '../body.js'
import { parseAck, parseDuration } from '../parameters.js'
import { route } from '../route.js'
import {
  ackTarget,
  anyJson,
  duration,
  flag,
  list,
  object,
  opId,
  ref,
  spreadFields,
  text,
  time
} from '../schemas.js'
import { idHeader, idOf, requireKey, requireValue, write, writeAnswer } from '../writes.js'

const tag = 'keys'

export const batchRoutes = [
  route({
    method: 'POST',
    path: '/batch',
    tag,
    summary: 'Writes several ops as one batch, atomic here and on every other node.',
    headers: idHeader,
    body: {
      schema: object({
        ops: list(object({ type: { enum: ['put', 'del'] }, key: text, 'value?': anyJson })),
        'ack?': ackTarget,
        'wait?': duration
      })
    },
    writes: true,
    answers: {
      200: {
        description: 'Durable here, and the ack target was reached.',
        schema: object({ op_ids: list(opId), ...spreadFields })
      },
      202: {
        description: 'Durable here, but the ack target was missed.',
        schema: object({ op_ids: list(opId), ...spreadFields })
      }
    },
    errors: [
      'INVALID_KEY',
      'INVALID_VALUE',
      'ID_REUSED',
      'KEY_TOO_LARGE',
      'VALUE_TOO_LARGE',
      'BATCH_TOO_LARGE'
    ],
    async handle(call) {
      const ops = call.body.list('ops').map(readOp)
      if (ops.length === 0) throw new NatterError('INVALID_ARGUMENT', 'ops must hold at least one op')
      const spread = {
        ack: call.body.optional('ack', parseAck) ?? 'local',
        wait: call.body.optional('wait', parseDuration)
      }
      const receipt = await write(call, ops, spread, idOf(call))
      return writeAnswer(receipt, { op_ids: receipt.opIds })
    }
  }),
  route({
    method: 'GET',
    path: '/ops/:id',
    tag,
    summary: 'How far a write has spread.',
    params: { id: 'An op id, or the id that its writer gave it.' },
    answers: {
      200: {
        description: 'Who has it on disk, and who of the known nodes has not said so.',
        schema: object({
          op_id: opId,
          'id?': text,
          applied: flag,
          at: time,
          acks: list(ref('Ack')),
          missing: { ...list(text), description: 'Peer ids.' }
        })
      }
    },
    errors: ['NOT_FOUND', 'AMBIGUOUS_OP_ID', 'INVALID_OP_ID'],
    async handle(call) {
      const asked = call.path['id'] ?? ''
      if (asked === '') throw new NatterError('INVALID_ARGUMENT', 'the id is empty')
      const { opIds, id, applied, at, acks, missing } = await call.node.receipt(asked, {
        signal: call.signal
      })
      const op_id = opIds.find(candidate => candidate === asked) ?? opIds[0]
      return { body: { op_id, ...(id === undefined ? {} : { id }), applied, at, acks, missing } }
    }
  })
]

function readOp(given: unknown, index: number): WriteOp {
  try {
    const fields = Fields.of(given, ['type', 'key', 'value'])
    const type = fields.get('type')
    if (type !== 'put' && type !== 'del') throw new NatterError('INVALID_ARGUMENT', 'type must be put or del')
    const key = requireKey(fields.get('key'))
    if (type === 'put') return { type, key, value: requireValue(fields) }
    if (fields.has('value')) throw new NatterError('INVALID_VALUE', 'a del has no value')
    return { type, key }
  } catch (error) {
    if (!(error instanceof NatterError)) throw error
    throw new NatterError(error.code, `ops[${index}]: ${error.message}`, {
      details: { index },
      ...(error.remedy === undefined ? {} : { remedy: error.remedy })
    })
  }
}
