/**
 * What changes, from any point on: a page of JSON that ends, or a stream of lines or events that goes on.
 *
 * A bad cursor is told by the status of the answer, so the first event is asked for before the answer begins; where it
 * takes its time, the stream begins without it and would tell by a last message.
 */
import { type Change, type ChangesOptions, HTTP } from '../../base/index.js'
import { preferred } from '../accept.js'
import { changeOf } from '../convert.js'
import { integerParam, textParam } from '../parameters.js'
import { asNatterError, problemOf } from '../problem.js'
import { type Answer, type Call, route } from '../route.js'
import { cursor, flag, list, object, ref } from '../schemas.js'
import { EVENT_STREAM, HEARTBEAT, line, NDJSON, sseMessage } from '../streams.js'

/** Milliseconds in which the first event may show that the cursor is bad, before the answer begins. */
const FIRST_EVENT_MS = 250

const query = {
  since: textParam('A cursor of this node, now, or start. Default: start for a page, now for a stream.'),
  prefix: textParam('Only keys that begin so.'),
  limit: integerParam(
    `End after so many changes; a page holds ${HTTP.pageItems} unless told otherwise and ${HTTP.pageItemsMax} at most.`,
    1,
    Number.MAX_SAFE_INTEGER
  )
}

export const changeRoutes = [
  route({
    method: 'GET',
    path: '/changes',
    tag: 'changes',
    summary: 'Changes from a cursor on, by Accept as a JSON page, as lines of JSON, or as an event stream.',
    description:
      'A replay gives each key once, at its newest position, as it reads now. ' +
      'Lines and event streams go on until the client leaves or limit is reached. ' +
      'Should a stream fail, its last line or an event named problem says why.',
    query,
    headers: {
      Accept: `application/json, ${NDJSON}, or ${EVENT_STREAM}.`,
      'Last-Event-ID': 'Cursor to go on from, for event streams; counts before since.'
    },
    answers: {
      200: {
        description: 'Changes. A page ends where it is caught up, or at limit; go on with since=cursor.',
        schema: object({ changes: list(ref('Change')), cursor, caught_up: flag }),
        also: {
          [NDJSON]: ref('Change'),
          [EVENT_STREAM]: {
            type: 'string',
            description: 'Messages with a Change as data and its cursor as id.'
          }
        }
      }
    },
    errors: ['INVALID_CURSOR', 'CURSOR_FOREIGN', 'CURSOR_GONE'],
    handle(call) {
      const type = preferred(call.header('accept'), ['application/json', NDJSON, EVENT_STREAM])
      return type === 'application/json' ? page(call) : stream(call, type)
    }
  })
]

type ChangesCall = Call<typeof query>

async function page(call: ChangesCall): Promise<Answer> {
  const limit = Math.min(call.query.limit ?? HTTP.pageItems, HTTP.pageItemsMax)
  const changes: Change[] = []
  let bytes = 0
  let at: string | undefined
  let caughtUp = false
  for await (const change of call.node.changes({
    ...optionsOf(call, call.query.since ?? 'start'),
    live: false
  })) {
    at = change.cursor
    caughtUp = change.type === 'caught-up'
    if (caughtUp) break
    changes.push(change)
    bytes += JSON.stringify(change).length
    if (changes.length >= limit || bytes > HTTP.pageBytes) break
  }
  at ??= (await call.node.status()).cursor
  return { body: { changes: changes.map(changeOf), cursor: at, caught_up: caughtUp } }
}

async function stream(call: ChangesCall, type: string): Promise<Answer> {
  const events = type === EVENT_STREAM
  const since = (events ? call.header('last-event-id') : undefined) || call.query.since || 'now'
  const source = call.node.changes(optionsOf(call, since))[Symbol.asyncIterator]()
  const first = source.next()
  first.catch(() => undefined) // heard by whoever awaits it below
  // A HEAD takes the head of the answer only: then nobody else ends the iterator.
  call.signal.addEventListener('abort', () => void source.return?.().catch(() => undefined), { once: true })
  let timer: NodeJS.Timeout | undefined
  const soon = new Promise<void>(resolve => {
    timer = setTimeout(resolve, FIRST_EVENT_MS)
  })
  try {
    await Promise.race([first, soon])
  } finally {
    clearTimeout(timer)
  }
  const chunks = events
    ? messages(followed(first, source, call.query.limit))
    : lines(followed(first, source, call.query.limit))
  return { contentType: `${type}; charset=utf-8`, chunks, ...(events ? { heartbeat: HEARTBEAT } : {}) }
}

function optionsOf(call: ChangesCall, since: string): ChangesOptions {
  const { prefix } = call.query
  return { since, signal: call.signal, ...(prefix === undefined ? {} : { prefix }) }
}

/** The first event, those after it, and an end after `limit` changes. */
async function* followed(
  first: Promise<IteratorResult<Change>>,
  rest: AsyncIterator<Change>,
  limit: number | undefined
): AsyncGenerator<Change> {
  let left = limit ?? Number.POSITIVE_INFINITY
  try {
    for (let result = await first; result.done !== true; result = await rest.next()) {
      yield result.value
      if (result.value.type !== 'caught-up' && --left === 0) return
    }
  } finally {
    await rest.return?.()
  }
}

async function* lines(changes: AsyncIterable<Change>): AsyncGenerator<string> {
  try {
    for await (const change of changes) yield line(changeOf(change))
  } catch (error) {
    yield line(problemOf(asNatterError(error)))
  }
}

async function* messages(changes: AsyncIterable<Change>): AsyncGenerator<string> {
  try {
    for await (const change of changes) yield sseMessage({ id: change.cursor, data: changeOf(change) })
  } catch (error) {
    yield sseMessage({ event: 'problem', data: problemOf(asNatterError(error)) })
  }
}
