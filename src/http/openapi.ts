/**
 * `/openapi.json`: OpenAPI 3.1 made from the table of routes, so that it can name nothing that is not served.
 *
 * Errors are grouped by status; each status lists the codes that come with it.
 */
import type { ErrorCode } from '../base/index.js'
import { ERRORS } from '../base/index.js'
import { PROBLEM_TYPE } from './problem.js'
import type { AnswerDoc, Route } from './route.js'
import { COMPONENTS, type Schema } from './schemas.js'

/** Codes that any route may answer. */
const EVERYWHERE: readonly ErrorCode[] = [
  'UNKNOWN_PARAMETER',
  'INVALID_ARGUMENT',
  'UNAUTHORIZED',
  'HOST_NOT_ALLOWED',
  'ORIGIN_NOT_ALLOWED',
  'INTERNAL',
  'NOT_READY'
]
/** Codes of every route that reads a body. */
const WITH_BODY: readonly ErrorCode[] = ['INVALID_JSON', 'BODY_TOO_LARGE']
/** Codes of every route that writes to the store. */
const WITH_WRITE: readonly ErrorCode[] = ['STORE_FENCED', 'INDETERMINATE', 'DISK_FULL']

export function openApi(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:([a-z]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'natter',
      version,
      summary: 'The HTTP face of a natter node',
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'A node holds everything, takes writes whether or not anybody is reachable, and brings its peers to the same state. ' +
        'Every answer is JSON with ok; errors carry a stable code. HEAD is answered wherever GET is.'
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    tags: [...new Set(routes.map(route => route.tag))].map(name => ({ name })),
    paths,
    components: {
      schemas: componentsOf(paths),
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Asked for when the node serves beyond loopback, or was given a token file.'
        }
      }
    }
  }
}

/** The named schemas that `paths` refer to, and those that these refer to. */
function componentsOf(paths: unknown): Record<string, Schema> {
  const used = new Map<string, Schema>()
  const collect = (from: unknown): void => {
    for (const [, name = ''] of JSON.stringify(from).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue
      const schema = COMPONENTS[name as keyof typeof COMPONENTS]
      used.set(name, schema)
      collect(schema)
    }
  }
  collect(paths)
  return Object.fromEntries(Object.entries(COMPONENTS).filter(([name]) => used.has(name)))
}

/** All codes that `route` may answer. */
export function errorsOf(route: Route): ErrorCode[] {
  return [
    ...new Set([
      ...route.errors,
      ...(route.body === undefined ? [] : WITH_BODY),
      ...(route.writes === true ? WITH_WRITE : []),
      ...(route.method === 'POST' ? (['UNSUPPORTED_MEDIA_TYPE'] as const) : []),
      ...EVERYWHERE
    ])
  ]
}

function operation(route: Route): Record<string, unknown> {
  const parameters = [
    ...[...route.path.matchAll(/:([a-z]+)/g)].map(match => ({
      name: match[1]!,
      in: 'path',
      required: true,
      description: route.params?.[match[1]!],
      schema: { type: 'string' }
    })),
    ...Object.entries(route.query ?? {}).map(([name, param]) => ({
      name,
      in: 'query',
      description: param.description,
      schema: param.schema
    })),
    ...Object.entries(route.headers ?? {}).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' }
    }))
  ]
  return {
    operationId: operationId(route),
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.body.optional !== true,
            content: { 'application/json': { schema: route.body.schema } }
          }
        }),
    responses: { ...answers(route), ...problems(route) }
  }
}

/** `GET /kv/:key/versions` is `getKvKeyVersions`. */
function operationId(route: Route): string {
  const words = route.path.split(/[^a-z0-9]+/i).filter(word => word !== '')
  return (
    route.method.toLowerCase() +
    (words.length === 0 ? 'Root' : words.map(word => word[0]!.toUpperCase() + word.slice(1)).join(''))
  )
}

function answers(route: Route): Record<string, unknown> {
  const responses: Record<string, unknown> = {}
  for (const [status, answer] of Object.entries(route.answers)) {
    responses[status] = {
      description: answer.description,
      ...(answer.headers === undefined ? {} : { headers: headersOf(answer.headers) }),
      ...content(answer)
    }
  }
  return responses
}

function content(answer: AnswerDoc): Record<string, unknown> {
  const types: Record<string, unknown> = {}
  if (answer.schema !== undefined) types['application/json'] = { schema: withOk(answer.schema) }
  for (const [type, schema] of Object.entries(answer.also ?? {})) types[type] = { schema }
  return Object.keys(types).length === 0 ? {} : { content: types }
}

/** An answer's own fields with `ok: true` before them, unless the schema speaks of `ok` itself. */
function withOk(schema: Schema): Schema {
  if (schema.properties === undefined || 'ok' in schema.properties) return schema
  return {
    ...schema,
    properties: { ok: { const: true }, ...schema.properties },
    required: ['ok', ...(schema.required ?? [])]
  }
}

function problems(route: Route): Record<string, unknown> {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const code of errorsOf(route)) {
    const status = ERRORS[code].status
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const responses: Record<string, unknown> = {}
  for (const [status, codes] of byStatus) {
    if (status in route.answers) continue // a success of this route has the same status and describes both
    responses[status] = {
      description: codes.map(code => `${code}: ${ERRORS[code].title}.`).join(' '),
      ...(status === 503 || status === 507 ? { headers: headersOf({ 'Retry-After': 'Seconds.' }) } : {}),
      content: { [PROBLEM_TYPE.split(';')[0]!]: { schema: { $ref: '#/components/schemas/Problem' } } }
    }
  }
  return responses
}

function headersOf(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }])
  )
}
