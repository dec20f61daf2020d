/**
 * The delivery outbox: operations that the node sends to other servers, each durable before it is answered. These routes
 * are there only where the node was told where it may deliver to (`natter up --deliver-to URL`).
 */
import { DELIVERY, NatterError } from '../../base/index.js'
import type { OperationStatus } from '../../delivery/index.js'
import { OPERATION_STATUSES } from '../../delivery/keys.js'
import { HINDRANCES } from '../../delivery/why-not-sent.js'
import { asBoolean, asText, type Fields } from '../body.js'
import { limitParam, type Param, textParam } from '../parameters.js'
import { type Call, route } from '../route.js'
import {
  anyJson,
  count,
  flag,
  list,
  milliseconds,
  object,
  operationFields,
  ref,
  text,
  textOrNull,
  time
} from '../schemas.js'
import { idOf } from '../writes.js'

const tag = 'delivery'
const params = { id: 'The id of the operation, percent-encoded.' }
const shown = object(operationFields)
const whole = object({
  ...operationFields,
  'payload?': { ...anyJson, description: 'Absent where there is none, null for bytes.' },
  'payload_base64?': { ...text, contentEncoding: 'base64', description: 'The payload, if it is bytes.' },
  why: {
    ...list(
      object({
        reason: { enum: HINDRANCES },
        text: { ...text, description: 'The same as a sentence.' },
        'sinceAt?': time,
        'untilAt?': time,
        'dueInMs?': milliseconds,
        'behind?': { ...text, description: 'The operation that it waits for.' },
        'owner?': text
      })
    ),
    description: 'Why it is not sent now; empty: it is sent next.'
  }
})
const statuses = { enum: OPERATION_STATUSES } as const

const statusParam: Param<OperationStatus | undefined> = {
  schema: { type: 'string', ...statuses },
  description: 'Only operations in this state.',
  parse(given, name) {
    const found = OPERATION_STATUSES.find(status => status === given)
    if (found !== undefined) return found
    throw new NatterError('INVALID_ARGUMENT', `${name} must be one of ${OPERATION_STATUSES.join(', ')}`)
  },
  fallback: undefined
}

export const deliveryRoutes = [
  route({
    method: 'POST',
    path: '/delivery',
    tag,
    summary:
      'Takes an operation for another server: durable when it is answered, sent as soon as that can be.',
    description:
      'Operations of one target are sent in the order in which they were taken, each after the end of the one before. ' +
      'A receiver may get one twice, with the same Idempotency-Key. Only targets under the URLs that the node was ' +
      'started with are taken; redirects are not followed.',
    headers: {
      'Idempotency-Key':
        'The id of the operation, 1 to 256 bytes, unless the body has one: given again with the same content, nothing ' +
        'is added. Sent on to the target under the same name.'
    },
    body: {
      schema: object({
        'kind?': {
          type: 'string',
          default: 'http.post',
          description:
            'http.post, http.put, http.patch, http.delete, http.get or http.head: the method; any other kind is sent by POST.'
        },
        target: {
          type: 'string',
          description:
            'The URL that it is sent to; where the node delivers to one URL only, also a path below that.'
        },
        'payload?': {
          ...anyJson,
          description: 'What is sent: a text as it is, any other JSON value as JSON. At most 1 MiB.'
        },
        'payload_base64?': {
          type: 'string',
          contentEncoding: 'base64',
          description: 'In place of payload: bytes, sent as they are. At most 1 MiB of them.'
        },
        'id?': { ...text, description: 'Given again with the same content, nothing is added.' },
        'idempotencyKey?': {
          ...text,
          description: 'What the target gets as Idempotency-Key; the id unless said.'
        },
        'ordered?': {
          ...flag,
          default: true,
          description: 'false: it neither waits for others of its target nor holds them up.'
        }
      })
    },
    writes: true,
    answers: { 200: { description: 'The operation as it is now; it is on disk.', schema: shown } },
    errors: ['TARGET_NOT_ALLOWED', 'PAYLOAD_TOO_LARGE', 'ID_REUSED'],
    async handle(call) {
      const { body } = call
      const payload = payloadOf(body)
      const ordered = body.optional('ordered', asBoolean)
      const shown = await call.delivery.add(
        {
          kind: body.optional('kind', asText) ?? 'http.post',
          target: body.text('target'),
          ...(payload !== undefined && { payload }),
          ...idsOf(call)
        },
        ordered === undefined ? {} : { ordered }
      )
      return { body: { ...shown } }
    }
  }),
  route({
    method: 'GET',
    path: '/delivery',
    tag,
    summary: 'The operations in the order in which they were taken, and how many are in which state.',
    query: {
      status: statusParam,
      target: textParam('Only operations for this target.'),
      limit: limitParam(),
      after: textParam('Only operations behind this one, by id.')
    },
    answers: {
      200: {
        description:
          'A page, without the payloads. next is null at the end; otherwise ask again with after=next.',
        schema: object({
          operations: list(ref('Operation')),
          next: textOrNull,
          counts: object(Object.fromEntries(OPERATION_STATUSES.map(status => [status, count]))),
          oldestMs: {
            type: ['number', 'null'],
            minimum: 0,
            description: 'Age of the oldest that is not final; null where there is none.'
          },
          deliverTo: { ...list(text), description: 'Targets lie under these URLs.' },
          offline: {
            ...list(object({ server: text, sinceAt: time })),
            description: 'Servers that cannot be reached while something waits for them.'
          }
        })
      }
    },
    errors: ['NOT_FOUND'],
    async handle(call) {
      const { status, target, limit, after } = call.query
      const page = await call.delivery.list({
        limit,
        ...(status !== undefined && { status }),
        ...(target !== undefined && { target }),
        ...(after !== undefined && { after })
      })
      return { body: { ...page } }
    }
  }),
  route({
    method: 'GET',
    path: '/delivery/:id',
    tag,
    summary: 'One operation with its payload, and why it is not sent now.',
    params,
    answers: { 200: { description: 'The operation.', schema: whole } },
    errors: ['NOT_FOUND'],
    async handle(call) {
      return { body: { ...(await call.delivery.show(call.path['id']!)) } }
    }
  }),
  route({
    method: 'POST',
    path: '/delivery/:id/retry',
    tag,
    summary:
      'Sends one again that failed: at once, or, where it had failed for good, with as many attempts as a new one.',
    params,
    body: { optional: true, schema: object({}) },
    writes: true,
    answers: { 200: { description: 'The operation as it is now.', schema: shown } },
    errors: ['NOT_FOUND', 'OPERATION_IN_FLIGHT', 'OPERATION_DONE'],
    async handle(call) {
      return { body: { ...(await call.delivery.retry(call.path['id']!)) } }
    }
  }),
  route({
    method: 'DELETE',
    path: '/delivery/:id',
    tag,
    summary: 'Forgets an operation, whatever became of it.',
    params,
    writes: true,
    answers: { 200: { description: 'Forgotten.', schema: object({}) } },
    errors: ['NOT_FOUND', 'OPERATION_IN_FLIGHT'],
    async handle(call) {
      await call.delivery.drop(call.path['id']!)
      return { body: {} }
    }
  })
]

function payloadOf(body: Fields): unknown {
  if (!body.has('payload_base64')) return body.get('payload')
  if (body.has('payload')) {
    throw new NatterError('INVALID_ARGUMENT', 'payload and payload_base64 exclude each other')
  }
  const given = body.get('payload_base64')
  const bytes = typeof given === 'string' ? Buffer.from(given, 'base64') : undefined
  // Node.js skips what is no base64: only a text that comes out again was one.
  if (bytes === undefined || bytes.toString('base64') !== given) {
    throw new NatterError('INVALID_ARGUMENT', 'payload_base64 must be base64 (RFC 4648, with padding)')
  }
  return new Uint8Array(bytes)
}

/** The header names the operation, or, where the body does, only what the target gets. */
function idsOf(call: Call): { id?: string; idempotencyKey?: string } {
  const { id: header } = idOf(call)
  const id = call.body.optional('id', nameOf) ?? header
  const key = call.body.optional('idempotencyKey', nameOf) ?? header
  return { ...(id !== undefined && { id }), ...(key !== undefined && { idempotencyKey: key }) }
}

function nameOf(given: unknown, name: string): string {
  const bytes = typeof given === 'string' ? Buffer.byteLength(given) : 0
  if (typeof given === 'string' && bytes > 0 && bytes <= DELIVERY.nameBytes && given.isWellFormed())
    return given
  throw new NatterError('INVALID_ARGUMENT', `${name} must be a text of 1 to ${DELIVERY.nameBytes} bytes`)
}
