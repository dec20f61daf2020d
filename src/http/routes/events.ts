/** The node's own events as an event stream: peers, rounds, conflicts, storage, forks, clocks. */
import { HTTP, type NodeEvents } from '../../base/index.js'
import { route } from '../route.js'
import { EVENT_STREAM, EventQueue, HEARTBEAT, sseMessage } from '../streams.js'

const EVENT_TYPES = Object.keys({
  peer: true,
  sync: true,
  conflict: true,
  unreadable: true,
  storage: true,
  fork: true,
  clock: true
} satisfies Record<keyof NodeEvents, true>)

export const eventRoutes = [
  route({
    method: 'GET',
    path: '/events',
    tag: 'node',
    summary: `Events of this node from now on, as an event stream: ${EVENT_TYPES.join(', ')}.`,
    description:
      'Messages are named by their type; data is the payload. ' +
      'A reader that falls behind gets a message named dropped with how many events it missed.',
    answers: {
      200: { description: 'The stream.', also: { [EVENT_STREAM]: { type: 'string' } } }
    },
    errors: [],
    handle(call) {
      const queue = new EventQueue<{ event: string; data: unknown }>(HTTP.queuedEvents)
      const push = (event: Event) => queue.push({ event: event.type, data: (event as CustomEvent).detail })
      for (const type of EVENT_TYPES) call.node.events.addEventListener(type, push, { signal: call.signal })
      return { contentType: `${EVENT_STREAM}; charset=utf-8`, chunks: messages(queue), heartbeat: HEARTBEAT }
    }
  })
]

async function* messages(queue: EventQueue<{ event: string; data: unknown }>): AsyncGenerator<string> {
  for await (const item of queue) {
    yield 'dropped' in item
      ? sseMessage({ event: 'dropped', data: { count: item.dropped } })
      : sseMessage(item)
  }
}
