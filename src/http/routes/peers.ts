/** Who is known, what they have not acknowledged, and letting nodes in or keeping them out. */
import { asBoolean } from '../body.js'
import { outboxOpOf } from '../convert.js'
import { pageOf } from '../pages.js'
import { limitParam } from '../parameters.js'
import { route } from '../route.js'
import { flag, list, object, ref, text } from '../schemas.js'

const tag = 'peers'
const params = { peer: 'A peer id, a unique prefix of one, or the name of exactly one known peer.' }

export const peerRoutes = [
  route({
    method: 'GET',
    path: '/peers',
    tag,
    summary: 'The known peers and how they stand to this node.',
    answers: { 200: { description: 'The peers.', schema: object({ peers: list(ref('Peer')) }) } },
    errors: [],
    async handle(call) {
      return { body: { peers: await call.node.peers() } }
    }
  }),
  route({
    method: 'POST',
    path: '/peers',
    tag,
    summary: 'Connects to a node, and goes on dialling it from then on.',
    body: { schema: object({ addr: { type: 'string', description: 'A multiaddr.' } }) },
    answers: { 200: { description: 'Connected.', schema: object({ peer: text }) } },
    errors: [
      'INVALID_MULTIADDR',
      'PEER_REFUSED',
      'PEER_UNREACHABLE',
      'NETWORK_MISMATCH',
      'PAUSED',
      'TIMEOUT'
    ],
    async handle(call) {
      const { peer } = await call.node.connect(call.body.text('addr'), { signal: call.signal })
      return { body: { peer } }
    }
  }),
  route({
    method: 'DELETE',
    path: '/peers/:peer',
    tag,
    summary: 'Forgets a peer: nothing waits for it any longer.',
    params,
    answers: { 200: { description: 'Forgotten.', schema: object({}) } },
    errors: ['UNKNOWN_PEER', 'AMBIGUOUS_PEER'],
    async handle(call) {
      await call.node.forget(call.path['peer']!)
      return { body: {} }
    }
  }),
  route({
    method: 'POST',
    path: '/peers/:peer/block',
    tag,
    summary: 'Blocks a peer: its connections are refused.',
    params,
    body: { optional: true, schema: object({}) },
    answers: { 200: { description: 'Blocked.', schema: object({}) } },
    errors: ['UNKNOWN_PEER', 'AMBIGUOUS_PEER'],
    async handle(call) {
      await call.node.block(call.path['peer']!)
      return { body: {} }
    }
  }),
  route({
    method: 'POST',
    path: '/invite',
    tag,
    summary: 'The line that lets another node in. It is a secret.',
    body: {
      optional: true,
      schema: object({ 'rotate?': { ...flag, description: 'Make a new key: the old line lets nobody in.' } })
    },
    answers: {
      200: { description: 'The invite.', schema: object({ invite: text, network: text, addrs: list(text) }) }
    },
    errors: ['PEERS_WITHOUT_KEY'],
    async handle(call) {
      const rotate = call.body.optional('rotate', asBoolean)
      const { invite, network, addrs } = await call.node.invite({
        signal: call.signal,
        ...(rotate === undefined ? {} : { rotate })
      })
      return { body: { invite, network, addrs } }
    }
  }),
  route({
    method: 'GET',
    path: '/outbox',
    tag,
    summary: 'How much each peer has not acknowledged.',
    answers: { 200: { description: 'One entry a peer.', schema: object({ peers: list(ref('Outbox')) }) } },
    errors: [],
    async handle(call) {
      return { body: { peers: await call.node.outboxes() } }
    }
  }),
  route({
    method: 'GET',
    path: '/outbox/:peer',
    tag,
    summary: 'The ops that a peer has not acknowledged, oldest first.',
    params,
    query: { limit: limitParam('How many ops at most.') },
    answers: {
      200: {
        description: 'The oldest of them; more says that there are others behind.',
        schema: object({ ops: list(ref('OutboxOp')), more: flag })
      }
    },
    errors: ['UNKNOWN_PEER', 'AMBIGUOUS_PEER'],
    async handle(call) {
      const { limit } = call.query
      const ops = call.node.outboxOps(call.path['peer']!, { limit: limit + 1, signal: call.signal })
      const { items, more } = await pageOf(ops, limit)
      return { body: { ops: items.map(outboxOpOf), more } }
    }
  })
]
