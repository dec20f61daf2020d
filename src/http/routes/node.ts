/** What runs here: the landing page, the description of the routes, status, health, and verification. */
import { ERRORS, type Lag, NatterError, type PeerInfo } from '../../base/index.js'
import { preferred } from '../accept.js'
import { asBoolean } from '../body.js'
import { landingPage } from '../landing.js'
import { openApi } from '../openapi.js'
import { integerParam, type Param, parseDuration } from '../parameters.js'
import { route } from '../route.js'
import { count, flag, list, object, text, textOrNull } from '../schemas.js'

const tag = 'node'

/** How far behind counts as ready: a number of ops, or an age such as 5s. */
type LagBound = { readonly ops: number } | { readonly ageMs: number }

const lagParam: Param<LagBound | undefined> = {
  schema: { type: 'string', pattern: '^[0-9]+((\\.[0-9]+)?(ms|s|m|h))?$' },
  description:
    'Ready only if no connected peer has more for this node: so many ops, or ops older than such as 5s.',
  parse(given, name) {
    return /^[0-9]{1,15}$/.test(given) ? { ops: Number(given) } : { ageMs: parseDuration(given, name) }
  },
  fallback: undefined
}

export const nodeRoutes = [
  route({
    method: 'GET',
    path: '/',
    tag,
    summary: 'What runs here, and the routes, as JSON or as a page by Accept.',
    headers: { Accept: 'application/json or text/html.' },
    answers: {
      200: {
        description: 'The node and its routes.',
        schema: object({
          natter: { type: 'string', description: 'Version.' },
          peerId: text,
          name: text,
          network: text,
          routes: list(object({ method: text, path: text, summary: text }))
        }),
        also: { 'text/html': text }
      }
    },
    errors: [],
    async handle(call) {
      const status = await call.node.status()
      if (preferred(call.header('accept'), ['application/json', 'text/html']) === 'text/html') {
        return { html: landingPage(status, call.routes) }
      }
      const { peerId, name, network, version } = status
      const routes = call.routes.map(({ method, path, summary }) => ({ method, path, summary }))
      return { headers: { vary: 'accept' }, body: { natter: version, peerId, name, network, routes } }
    }
  }),
  route({
    method: 'GET',
    path: '/openapi.json',
    tag,
    summary: 'These routes as OpenAPI 3.1.',
    answers: {
      200: { description: 'The document.', schema: { type: 'object', properties: { ok: { const: true } } } }
    },
    errors: [],
    async handle(call) {
      const { version } = await call.node.status()
      return { body: openApi(call.routes, version) }
    }
  }),
  route({
    method: 'GET',
    path: '/status',
    tag,
    summary: 'Identity, position, size and digests of this node.',
    answers: {
      200: {
        description: 'Nodes with equal frontierDigest have equal stateDigest.',
        schema: object({
          peerId: text,
          name: text,
          network: text,
          addrs: list(text),
          cursor: text,
          ops: count,
          keys: count,
          bytes: count,
          frontierDigest: text,
          stateDigest: text,
          uptimeMs: { type: 'number', minimum: 0 },
          storage: object({
            kind: { enum: ['disk', 'memory'] },
            location: textOrNull,
            durability: { enum: ['fsync', 'os', 'memory'] },
            state: { enum: ['open', 'fenced', 'closed'] },
            'reason?': text,
            freeBytes: { type: ['integer', 'null'] }
          }),
          paused: flag,
          version: text
        })
      }
    },
    errors: [],
    async handle(call) {
      return { body: { ...(await call.node.status()) } }
    }
  }),
  route({
    method: 'POST',
    path: '/verify',
    tag,
    summary: 'Checks the log, its checksums, and the state against the log; and repairs it where asked to.',
    body: {
      optional: true,
      schema: object({
        'repair?': {
          ...flag,
          description:
            'Make again what follows from the log, and fetch damaged batches from peers. Writes wait meanwhile.'
        }
      })
    },
    answers: {
      200: {
        description: 'What was checked. With damage, ok is false and error, code and remedy stand beside.',
        schema: object({
          ok: flag,
          batches: count,
          ops: count,
          keys: count,
          damage: list(object({ where: text, what: text })),
          repaired: list(object({ where: text, what: text })),
          waiting: list(
            object({
              batch: text,
              author: text,
              epoch: text,
              seq: count,
              position: count,
              own: flag,
              nobody: flag
            })
          ),
          'error?': text,
          'code?': { const: 'STORE_DAMAGED' },
          'remedy?': text
        })
      }
    },
    errors: [],
    async handle(call) {
      const repair = call.body.optional('repair', asBoolean) ?? false
      const report = await call.node.verify({ repair, signal: call.signal })
      if (report.ok) return { body: { ...report } }
      const error = `${report.damage.length} ${report.damage.length === 1 ? 'fault' : 'faults'} found`
      return { body: { ...report, error, code: 'STORE_DAMAGED', remedy: ERRORS.STORE_DAMAGED.remedy } }
    }
  }),
  route({
    method: 'GET',
    path: '/healthz',
    tag,
    summary: 'Answers while the process is alive.',
    answers: { 200: { description: 'Alive.', schema: object({}) } },
    errors: [],
    handle: () => ({ body: {} })
  }),
  route({
    method: 'GET',
    path: '/readyz',
    tag,
    summary: 'Whether the node takes writes, and is as connected and as current as asked.',
    query: {
      lag: lagParam,
      peers: integerParam('Ready only with so many connected peers.', 0, 9999)
    },
    answers: { 200: { description: 'Ready.', schema: object({}) } },
    errors: ['BEHIND'],
    async handle(call) {
      const { lag, peers } = call.query
      const state = call.node.ready()
      if (!state.ready) {
        throw new NatterError(
          'NOT_READY',
          `the node is not ready: ${state.reason ?? 'it is starting or stopping'}`
        )
      }
      if (lag === undefined && peers === undefined) return { body: {} }
      const connected = (await call.node.peers()).filter(isConnected)
      if (peers !== undefined && connected.length < peers) {
        throw new NatterError('BEHIND', `connected to ${connected.length} of ${peers} peers`)
      }
      const ahead = connected.find(peer => lag !== undefined && !within(peer.weLack, lag))
      if (ahead !== undefined) {
        const lacking = ahead.weLack === 'unknown' ? 'an unknown number of' : ahead.weLack.ops
        throw new NatterError('BEHIND', `${lacking} ops of ${ahead.name ?? ahead.peer} are not here yet`)
      }
      return { body: {} }
    }
  })
]

function isConnected(peer: PeerInfo): boolean {
  return peer.state === 'current' || peer.state === 'syncing' || peer.state === 'behind'
}

/** What is not known yet is not within any bound. */
function within(weLack: Lag | 'unknown', bound: LagBound): boolean {
  if (weLack === 'unknown') return false
  return 'ops' in bound ? weLack.ops <= bound.ops : weLack.ops === 0 || weLack.oldestMs <= bound.ageMs
}
