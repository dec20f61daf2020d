/** Concurrent versions of a key, its history, and settling which version stands. */
import { compareBytes, NatterError, utf8, type VersionInfo } from '../../base/index.js'
import { requireOpId } from '../../log/index.js'
import { asText } from '../body.js'
import { versionOf } from '../convert.js'
import { pageOf } from '../pages.js'
import { limitParam, textParam } from '../parameters.js'
import { route } from '../route.js'
import { count, list, object, opId, ref, spreadFields, text, textOrNull } from '../schemas.js'
import { idHeader, idOf, requireKey, requireValue, spreading, spreadQuery, writeAnswer } from '../writes.js'

const tag = 'versions'
const params = { key: 'One percent-encoded segment, up to 8 KiB of UTF-8.' }

export const versionRoutes = [
  route({
    method: 'GET',
    path: '/kv/:key/versions',
    tag,
    summary: 'The concurrent versions of a key; more than one is a conflict.',
    params,
    answers: { 200: { description: 'The versions.', schema: object({ versions: list(ref('Version')) }) } },
    errors: ['NOT_FOUND', 'INVALID_KEY', 'KEY_TOO_LARGE'],
    async handle(call) {
      const key = requireKey(call.path['key'])
      const versions = await call.node.versions(key, { signal: call.signal })
      if (versions.length === 0) throw new NatterError('NOT_FOUND', 'not found')
      return { body: { versions: versions.map(versionOf) } }
    }
  }),
  route({
    method: 'GET',
    path: '/kv/:key/history',
    tag,
    summary: 'Everything that was written to a key, newest first.',
    params,
    query: { limit: limitParam(), before: textParam('Op id: only what stands after it in this order.') },
    answers: {
      200: {
        description: 'A page. next is null at the end; otherwise ask again with before=next.',
        schema: object({
          history: list(ref('Version')),
          next: { ...opId, type: ['string', 'null'] }
        })
      }
    },
    errors: ['NOT_FOUND', 'INVALID_KEY', 'INVALID_OP_ID', 'KEY_TOO_LARGE'],
    async handle(call) {
      const key = requireKey(call.path['key'])
      const { limit, before } = call.query
      if (before !== undefined) requireOpId(before)
      const { items, more } = await pageOf(
        after(call.node.history(key, { signal: call.signal }), before),
        limit
      )
      if (items.length === 0) throw new NatterError('NOT_FOUND', 'not found')
      return { body: { history: items.map(versionOf), next: more ? items.at(-1)!.opId : null } }
    }
  }),
  route({
    method: 'POST',
    path: '/kv/:key/resolve',
    tag,
    summary: 'Overwrites all versions that are seen here, by one of them or by a value.',
    params,
    query: spreadQuery,
    headers: idHeader,
    body: {
      schema: object({
        'take?': { ...opId, description: 'The version that stands; either this or value.' },
        'value?': { description: 'Any JSON value but null.' }
      })
    },
    writes: true,
    answers: {
      200: {
        description: 'Durable here, and the ack target was reached.',
        schema: object({ op_id: opId, key: text, ...spreadFields })
      },
      202: {
        description: 'Durable here, but the ack target was missed.',
        schema: object({ op_id: opId, key: text, ...spreadFields })
      }
    },
    errors: [
      'NOT_FOUND',
      'INVALID_KEY',
      'INVALID_VALUE',
      'INVALID_OP_ID',
      'ID_REUSED',
      'AMBIGUOUS_OP_ID',
      'KEY_TOO_LARGE',
      'VALUE_TOO_LARGE'
    ],
    async handle(call) {
      const key = requireKey(call.path['key'])
      const take = call.body.optional('take', asText)
      if ((take === undefined) === !call.body.has('value')) {
        throw new NatterError('INVALID_ARGUMENT', 'give either take, an op id, or value')
      }
      if (take !== undefined) requireOpId(take)
      const choice = take === undefined ? { value: requireValue(call.body) } : { take }
      const receipt = await spreading(call, call.query, () =>
        call.node.resolve(key, choice, { ...idOf(call), ack: 'local' })
      )
      return writeAnswer(receipt, { op_id: receipt.opIds[0], key })
    }
  }),
  route({
    method: 'GET',
    path: '/conflicts',
    tag,
    summary: 'Keys with more than one version, in byte order.',
    query: { limit: limitParam(), gt: textParam('Only keys after this one.') },
    answers: {
      200: {
        description: 'A page. next is null at the end; otherwise ask again with gt=next.',
        schema: object({ conflicts: list(object({ key: text, versions: count })), next: textOrNull })
      }
    },
    errors: [],
    async handle(call) {
      const { limit, gt } = call.query
      const { items, more } = await pageOf(keysAfter(call.node.conflicts({ signal: call.signal }), gt), limit)
      return { body: { conflicts: items, next: more ? items.at(-1)!.key : null } }
    }
  })
]

async function* after(
  history: AsyncIterable<VersionInfo>,
  opId: string | undefined
): AsyncGenerator<VersionInfo> {
  let found = opId === undefined
  for await (const version of history) {
    if (found) yield version
    else found = version.opId === opId
  }
}

async function* keysAfter<T extends { key: string }>(
  source: AsyncIterable<T>,
  key: string | undefined
): AsyncGenerator<T> {
  const bound = key === undefined ? undefined : utf8(key)
  for await (const item of source) {
    if (bound === undefined || compareBytes(utf8(item.key), bound) > 0) yield item
  }
}
