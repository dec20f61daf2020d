/** What the doctor sees: every check with its evidence and remedy. */
import { route } from '../route.js'
import { flag, list, milliseconds, object, text, textOrNull, time } from '../schemas.js'

const status = { enum: ['ok', 'warn', 'fail'] } as const

export const doctorRoutes = [
  route({
    method: 'GET',
    path: '/doctor',
    tag: 'node',
    summary: 'Looks at connections, clocks, storage, integrity, lag and what is held back.',
    description:
      'ok says that it was looked; what was found is in status, the worst of the checks. Takes less than a second and ' +
      'changes nothing. A check that cannot be made now stands in leftOut.',
    answers: {
      200: {
        description: 'The checks: what was seen, and what to do about all that is not ok.',
        schema: object({
          status,
          at: time,
          peerId: textOrNull,
          network: textOrNull,
          running: flag,
          checks: list(
            object({
              name: text,
              status,
              evidence: { type: 'string', description: 'A sentence, and a line for each case.' },
              'remedy?': text,
              'details?': { type: 'object', description: 'The same for programs.' }
            })
          ),
          leftOut: list(object({ name: text, reason: text })),
          durationMs: milliseconds
        })
      }
    },
    errors: [],
    async handle(call) {
      return { body: { ...(await call.node.doctor({ signal: call.signal })) } }
    }
  })
]
