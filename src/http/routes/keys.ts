/** One key: read, write, remove; and the listing of keys. */
import { HTTP, isNatterError, NatterError } from '../../base/index.js'
import { itemOf } from '../convert.js'
import { pageOf } from '../pages.js'
import { flagParam, limitParam, textParam } from '../parameters.js'
import { route } from '../route.js'
import {
  anyJson,
  count,
  list,
  object,
  opId,
  ref,
  spreadFields,
  text,
  textOrNull,
  time,
  valueBase64
} from '../schemas.js'
import {
  conditionHeaders,
  conditionOf,
  idHeader,
  idOf,
  requireKey,
  requireValue,
  spreadQuery,
  write,
  writeAnswer
} from '../writes.js'

const tag = 'keys'
const params = { key: 'One percent-encoded segment, up to 8 KiB of UTF-8: cart/42 is cart%2F42.' }
const missed = 'Durable here, but the ack target was missed; ask GET /ops/:id later.'

export const keyRoutes = [
  route({
    method: 'PUT',
    path: '/kv/:key',
    tag,
    summary: 'Writes a value; answered when it is on disk.',
    description: 'The body is parsed as JSON whatever its content type says.',
    params,
    query: spreadQuery,
    headers: { ...conditionHeaders, ...idHeader },
    body: { schema: object({ value: { description: 'Any JSON value but null.' } }) },
    writes: true,
    answers: {
      200: {
        description: 'Durable here, and the ack target was reached.',
        schema: object({ op_id: opId, key: text, value: anyJson, ...spreadFields })
      },
      202: {
        description: missed,
        schema: object({ op_id: opId, key: text, value: anyJson, ...spreadFields })
      }
    },
    errors: [
      'INVALID_KEY',
      'INVALID_VALUE',
      'INVALID_OP_ID',
      'PRECONDITION_FAILED',
      'ID_REUSED',
      'AMBIGUOUS_OP_ID',
      'KEY_TOO_LARGE',
      'VALUE_TOO_LARGE'
    ],
    async handle(call) {
      const key = requireKey(call.path['key'])
      const value = requireValue(call.body)
      const options = { ...conditionOf(call, key), ...idOf(call) }
      const receipt = await write(call, [{ type: 'put', key, value }], call.query, options)
      return writeAnswer(receipt, { op_id: receipt.opIds[0], key, value })
    }
  }),
  route({
    method: 'GET',
    path: '/kv/:key',
    tag,
    summary: 'Reads a key.',
    params,
    headers: { 'If-None-Match': 'Op id: answered 304 while the key is still at it.' },
    answers: {
      200: {
        description: 'What the key is at. conflicts counts the other concurrent versions.',
        headers: { ETag: 'The op id in quotes.' },
        schema: object({
          key: text,
          value: anyJson,
          'value_base64?': valueBase64,
          op_id: opId,
          at: time,
          conflicts: count
        })
      },
      304: { description: 'The key is still at the op id of If-None-Match.' }
    },
    errors: ['NOT_FOUND', 'INVALID_KEY', 'KEY_TOO_LARGE', 'UNREADABLE'],
    async handle(call) {
      const key = requireKey(call.path['key'])
      const cell = await call.node.cell(key, { signal: call.signal }).catch(error => {
        throw isNatterError(error, 'NOT_FOUND')
          ? new NatterError('NOT_FOUND', 'not found', { cause: error })
          : error
      })
      const headers = { etag: `"${cell.opId}"`, 'cache-control': 'no-cache' }
      if (names(call.header('if-none-match'), cell.opId)) return { status: 304, headers }
      return { headers, body: { ...itemOf(cell), at: cell.at, conflicts: cell.conflicts } }
    }
  }),
  route({
    method: 'DELETE',
    path: '/kv/:key',
    tag,
    summary: 'Removes a key; answered when that is on disk.',
    params,
    query: spreadQuery,
    headers: { 'If-Match': conditionHeaders['If-Match'], ...idHeader },
    writes: true,
    answers: {
      200: {
        description: 'Durable here, and the ack target was reached.',
        schema: object({ op_id: opId, key: text, ...spreadFields })
      },
      202: { description: missed, schema: object({ op_id: opId, key: text, ...spreadFields }) }
    },
    errors: [
      'INVALID_KEY',
      'INVALID_OP_ID',
      'PRECONDITION_FAILED',
      'ID_REUSED',
      'AMBIGUOUS_OP_ID',
      'KEY_TOO_LARGE'
    ],
    async handle(call) {
      const key = requireKey(call.path['key'])
      if (call.header('if-none-match') !== undefined) {
        throw new NatterError('INVALID_ARGUMENT', 'DELETE takes If-Match, not If-None-Match')
      }
      const options = { ...conditionOf(call, key), ...idOf(call) }
      const receipt = await write(call, [{ type: 'del', key }], call.query, options)
      return writeAnswer(receipt, { op_id: receipt.opIds[0], key })
    }
  }),
  route({
    method: 'GET',
    path: '/kv',
    tag,
    summary: 'Lists keys in byte order.',
    description: `A page ends at limit, or earlier when its values take more than ${HTTP.pageBytes} bytes.`,
    query: {
      prefix: textParam('Only keys that begin so.'),
      gt: textParam('Only keys after this one.'),
      gte: textParam('Only keys from this one on.'),
      lt: textParam('Only keys before this one.'),
      lte: textParam('Only keys up to this one.'),
      limit: limitParam(),
      reverse: flagParam('Last key first.')
    },
    answers: {
      200: {
        description:
          'A page. next is null at the end; otherwise ask again with gt=next, or lt=next when reverse.',
        schema: object({ items: list(ref('Item')), next: textOrNull })
      }
    },
    errors: [],
    async handle(call) {
      const { limit, reverse, prefix, gt, gte, lt, lte } = call.query
      const bounds = Object.fromEntries(
        Object.entries({ prefix, gt, gte, lt, lte }).filter(([, bound]) => bound !== undefined)
      )
      const cells = call.node.cells({ ...bounds, reverse, limit: limit + 1, signal: call.signal })
      const { items, more } = await pageOf(cells, limit)
      return { body: { items: items.map(itemOf), next: more ? items.at(-1)!.key : null } }
    }
  })
]

/** Whether an `If-None-Match` list names `opId`; tags are compared weakly, as a read asks for. */
function names(header: string | undefined, opId: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(part => {
    const tag = part.trim().replace(/^W\//, '')
    return tag === '*' || tag.replace(/^"(.*)"$/, '$1') === opId
  })
}
