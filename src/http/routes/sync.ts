/** Sync rounds by hand, waiting for a state of the network, and leaving and rejoining it. */
import { NatterError, type WaitOptions, type WaitTarget } from '../../base/index.js'
import { asBoolean, asCount, asText, type Fields } from '../body.js'
import { parseDuration } from '../parameters.js'
import { type Call, route } from '../route.js'
import { count, cursor, duration, list, object, ref } from '../schemas.js'

const tag = 'sync'
const roundBody = { optional: true, schema: object({ 'timeout?': duration }) }
const rounds = { 200: { description: 'One entry a peer.', schema: object({ rounds: list(ref('Round')) }) } }
const none = { optional: true, schema: object({}) }

export const syncRoutes = [
  route({
    method: 'POST',
    path: '/sync',
    tag,
    summary: 'Runs a sync round with every connected peer.',
    body: roundBody,
    answers: rounds,
    errors: ['PAUSED', 'TIMEOUT'],
    async handle(call) {
      return { body: { rounds: await call.node.sync.now(undefined, waitOf(call)) } }
    }
  }),
  route({
    method: 'POST',
    path: '/sync/:peer',
    tag,
    summary: 'Runs a sync round with one peer.',
    params: {
      peer: 'A peer id, a unique prefix of one, or a name; pause and resume are routes of their own.'
    },
    body: roundBody,
    answers: rounds,
    errors: ['UNKNOWN_PEER', 'AMBIGUOUS_PEER', 'PEER_UNREACHABLE', 'PAUSED', 'TIMEOUT'],
    async handle(call) {
      return { body: { rounds: await call.node.sync.now(call.path['peer']!, waitOf(call)) } }
    }
  }),
  route({
    method: 'POST',
    path: '/sync/pause',
    tag,
    summary: 'Leaves the network; reads and writes go on. Not kept across restarts.',
    body: none,
    answers: { 200: { description: 'Left.', schema: object({}) } },
    errors: [],
    async handle(call) {
      await call.node.sync.pause()
      return { body: {} }
    }
  }),
  route({
    method: 'POST',
    path: '/sync/resume',
    tag,
    summary: 'Rejoins the network.',
    body: none,
    answers: { 200: { description: 'Rejoined.', schema: object({}) } },
    errors: [],
    async handle(call) {
      await call.node.sync.resume()
      return { body: {} }
    }
  }),
  route({
    method: 'POST',
    path: '/wait',
    tag,
    summary: 'Waits until everything that is named holds.',
    body: {
      schema: object({
        'connected?': { ...count, description: 'So many peers are connected.' },
        'acked?': { ...count, description: 'Everything written here is on disk at so many other nodes.' },
        'inSync?': { const: true, description: 'No difference to any connected peer.' },
        'cursor?': { ...cursor, description: 'This node has come to that position.' },
        'timeout?': duration
      })
    },
    answers: {
      200: { description: 'It holds.', schema: object({}) },
      202: {
        description: 'TARGET_NOT_REACHED: the time is over, and it does not hold.',
        schema: { $ref: '#/components/schemas/Problem' }
      }
    },
    errors: ['INVALID_CURSOR', 'CURSOR_FOREIGN', 'PAUSED', 'TARGET_NOT_REACHED'],
    async handle(call) {
      const target = targetOf(call.body)
      if (Object.keys(target).length === 0) {
        throw new NatterError('INVALID_ARGUMENT', 'name what to wait for: connected, acked, inSync or cursor')
      }
      await call.node.sync.wait({ ...target, ...waitOf(call) })
      return { body: {} }
    }
  })
]

function waitOf(call: Pick<Call, 'body' | 'signal'>): WaitOptions {
  const timeout = call.body.optional('timeout', parseDuration)
  return { signal: call.signal, ...(timeout === undefined ? {} : { timeout }) }
}

function targetOf(body: Fields): WaitTarget {
  const target: WaitTarget = {}
  if (body.has('connected')) target.connected = asCount(body.get('connected'), 'connected')
  if (body.has('acked')) target.acked = asCount(body.get('acked'), 'acked')
  if (body.optional('inSync', asBoolean) === true) target.inSync = true
  if (body.has('cursor')) target.cursor = asText(body.get('cursor'), 'cursor')
  return target
}
