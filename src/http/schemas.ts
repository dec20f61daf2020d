/**
 * JSON schemas (2020-12, as OpenAPI 3.1 uses them) of everything that goes over HTTP.
 *
 * They describe; they do not validate. Tests hold live answers against them, so that they stay true.
 */
import { OPERATION_STATUSES } from '../delivery/keys.js'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly $ref?: string
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly default?: unknown
  readonly contentEncoding?: string
  readonly examples?: readonly unknown[]
}

export const text: Schema = { type: 'string' }
export const textOrNull: Schema = { type: ['string', 'null'] }
export const count: Schema = { type: 'integer', minimum: 0 }
export const flag: Schema = { type: 'boolean' }
export const time: Schema = { type: 'string', format: 'date-time' }
export const timeOrNull: Schema = { type: ['string', 'null'], format: 'date-time' }
export const milliseconds: Schema = { type: 'number', minimum: 0, description: 'Milliseconds.' }
export const anyJson: Schema = { description: 'Any JSON value.' }

export function list(items: Schema): Schema {
  return { type: 'array', items }
}

/** An object with these fields; those whose names end in a question mark may be absent. */
export function object(fields: Readonly<Record<string, Schema>>, description?: string): Schema {
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const [name, schema] of Object.entries(fields)) {
    if (name.endsWith('?')) properties[name.slice(0, -1)] = schema
    else {
      properties[name] = schema
      required.push(name)
    }
  }
  return {
    type: 'object',
    ...(description === undefined ? {} : { description }),
    properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false
  }
}

export function ref(name: keyof typeof COMPONENTS): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

export const opId: Schema = {
  type: 'string',
  description:
    'Op id: author peer id, epoch, seq and index, with ~ and 8 hex digits where the log is forked.',
  examples: ['12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5.69207f2a1c9e4b07.1.0']
}
export const cursor: Schema = {
  type: 'string',
  description: 'Arrival position of the answering node: store id and number.',
  examples: ['0123456789abcdef.42']
}
export const valueBase64: Schema = {
  type: 'string',
  contentEncoding: 'base64',
  description: 'The stored bytes where they are not JSON; value is null then.'
}
export const ackTarget: Schema = {
  oneOf: [{ type: 'string', pattern: '^(local|all|[0-9]{1,4})$' }, count],
  default: 'local',
  description: 'How many other nodes must have the write on disk before the answer.'
}
export const duration: Schema = {
  oneOf: [
    { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$' },
    { type: 'number', minimum: 0 }
  ],
  default: '30s',
  description: 'A text such as 5s, 500ms or 1m, or a number of milliseconds.'
}

const lag: Schema = {
  oneOf: [object({ ops: count, bytes: count, oldestMs: milliseconds }), { const: 'unknown' }]
}

/** An operation of the delivery outbox, without its payload. */
export const operationFields = {
  id: text,
  kind: text,
  target: text,
  status: { enum: OPERATION_STATUSES },
  attempt: { ...count, description: 'How often it was tried.' },
  createdAt: time,
  updatedAt: time,
  nextRetryAt: timeOrNull,
  lastError: textOrNull,
  owner: { ...textOrNull, description: 'Who is sending it.' },
  idempotencyKey: text,
  ordered: flag,
  payloadBytes: count
} as const satisfies Record<string, Schema>

/** Schemas with a name. */
export const COMPONENTS = {
  Problem: {
    type: 'object',
    description: 'An error: what happened, a stable code, what to do next, and the fields of RFC 9457.',
    properties: {
      ok: { const: false },
      error: { type: 'string', description: 'One sentence.' },
      code: { type: 'string', description: 'Stable; see the error table.' },
      remedy: { type: 'string', description: 'What to do next.' },
      type: text,
      title: text,
      status: { type: 'integer' },
      detail: text,
      details: { type: 'object', description: 'Particulars for programs.' }
    },
    required: ['ok', 'error', 'code', 'type', 'title', 'status', 'detail'],
    additionalProperties: false
  },
  Ack: object({ peer: text, at: time }, 'A node that has applied the write and has it on disk.'),
  Item: object({ key: text, value: anyJson, op_id: opId, 'value_base64?': valueBase64 }),
  Version: object(
    {
      op_id: opId,
      kind: text,
      'value?': anyJson,
      'value_base64?': valueBase64,
      at: time,
      hlc: { type: 'string', pattern: '^[0-9a-f]{16}$', description: 'Hybrid time.' },
      author: { type: 'string', description: 'Peer id.' },
      winner: flag,
      'ts_ms?': { ...count, description: 'The time that a program gave with it to POST /p2p/ops.' }
    },
    'A version of a key; one without a value is a delete.'
  ),
  Change: object(
    {
      type: { enum: ['put', 'del', 'caught-up'] },
      cursor,
      'key?': text,
      'value?': anyJson,
      'op_id?': opId,
      'at?': time,
      'origin?': { enum: ['local', 'remote'] },
      'from?': { type: 'string', description: 'Peer id of the author, for remote ones.' }
    },
    'A key as it reads now. caught-up says that everything older has been shown, and carries a cursor only.'
  ),
  Peer: object({
    peer: text,
    name: textOrNull,
    state: { enum: ['current', 'syncing', 'behind', 'unknown', 'offline', 'blocked'] },
    'reason?': text,
    addrs: list(text),
    rttMs: { type: ['number', 'null'] },
    theyLack: lag,
    weLack: lag,
    lastContactAt: timeOrNull,
    lastSyncAt: timeOrNull,
    successfulSyncs: count,
    failedSyncs: count,
    consecutiveFailures: count,
    bytesSent: count,
    bytesReceived: count,
    circuit: { enum: ['closed', 'open', 'half-open'] },
    app: { type: ['object', 'null'], properties: { name: text, version: text } },
    capabilities: list(text)
  }),
  Outbox: object(
    {
      peer: text,
      name: textOrNull,
      position: cursor,
      ops: count,
      bytes: count,
      oldestMs: milliseconds,
      lastError: textOrNull,
      nextTryAt: timeOrNull
    },
    'What a peer has not acknowledged.'
  ),
  Operation: object(operationFields, 'An operation of the delivery outbox, without its payload.'),
  OutboxOp: object({ op_id: opId, kind: text, key: text, at: time }),
  Round: object(
    {
      peer: text,
      status: { enum: ['ok', 'failed', 'skipped'] },
      'reason?': text,
      sent: count,
      received: count,
      bytesSent: count,
      bytesReceived: count,
      roundTrips: { type: 'number', minimum: 0 },
      durationMs: milliseconds
    },
    'A sync round with one peer.'
  )
} as const satisfies Record<string, Schema>

/** What a write answers beside its ids. */
export const spreadFields = {
  cursor,
  acks: list({ $ref: '#/components/schemas/Ack' }),
  reached: { type: 'boolean', description: 'Whether the ack target was reached.' }
} as const satisfies Record<string, Schema>
