/** The transport over HTTP, against real servers on loopback: how each of their habits ends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import type { HttpTransportInit, NewOperation, Operation } from '../../src/delivery/index.js'
import { HttpTransport, Outbox, SyncWorker } from '../../src/delivery/index.js'
import { retryAfterMs } from '../../src/delivery/retry-after.js'
import { freePort } from '../support/free-port.js'
import { known } from './with-outbox.js'

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

type Habit = (request: IncomingMessage, response: ServerResponse) => void

async function withServer(habit: Habit, run: (base: string, seen: Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: Buffer.concat(parts) })
    habit(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen)
  } finally {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}

/** Sends one operation in one tick at time 0; answers what became of it. */
async function deliver(
  init: HttpTransportInit,
  op: Partial<NewOperation> = {},
  sendTimeoutMs = 5_000
): Promise<Operation> {
  const outbox = await Outbox.open({ retry: { jitterRatio: 0 } })
  try {
    const id = await outbox.enqueue({ kind: 'http.post', target: '/inbox', ...op }, 0)
    const worker = new SyncWorker({ outbox, transport: new HttpTransport(init), sendTimeoutMs })
    assert.equal(await worker.tick(0), 1)
    return await known(outbox, id)
  } finally {
    await outbox.close()
  }
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = ''): Habit =>
  (_, response) =>
    response.writeHead(status, headers).end(body)

describe('a request', () => {
  it('has method and path of kind and target, the key of the operation, and the payload as it is', () =>
    withServer(answer(204), async (base, seen) => {
      const init = { baseUrl: `${base}/v1/`, headers: { authorization: 'Bearer x' } }
      const ops: Partial<NewOperation>[] = [
        { kind: 'http.put', target: '/a/b?c=d', payload: { n: 1 }, id: 'one' },
        { kind: 'mail', target: 'a', payload: 'text', idempotencyKey: 'key' },
        { kind: 'http.delete', target: '/a' },
        { kind: 'http.patch', target: '/a', payload: new Uint8Array([0, 255]) },
        { kind: 'http.get', target: `${base}/v1/a`, idempotencyKey: 'ä\r\nx: y' }
      ]
      for (const op of ops) assert.equal((await deliver(init, op)).status, 'done')
      assert.deepEqual(
        seen.map(({ method, url }) => `${method} ${url}`),
        ['PUT /v1/a/b?c=d', 'POST /v1/a', 'DELETE /v1/a', 'PATCH /v1/a', 'GET /v1/a']
      )
      assert.deepEqual(
        [seen[0], seen[1], seen[4]].map(one => one?.headers['idempotency-key']),
        ['one', 'key', '%C3%A4%0D%0Ax%3A%20y']
      )
      assert.deepEqual(
        seen.map(({ headers }) => headers['content-type']),
        ['application/json', 'text/plain;charset=UTF-8', undefined, 'application/octet-stream', undefined]
      )
      assert.deepEqual(
        seen.map(({ body }) => body.toString('latin1')),
        ['{"n":1}', 'text', '', '\x00\xff', '']
      )
      assert.ok(seen.every(({ headers }) => headers.authorization === 'Bearer x'))
    }))

  it('never leaves the place that it is meant for', () =>
    withServer(answer(200), async (other, seen) => {
      await withServer(answer(307, { location: `${other}/stolen` }), async base => {
        const moved = await deliver({ baseUrl: base })
        assert.equal(moved.status, 'failed')
        assert.match(moved.lastError!, /redirect to .*stolen.*not followed/)
      })
      for (const target of [other, `${other}/x`, '/v1/../../x', 'ftp://x/y', 'http://[']) {
        const op = await deliver({ baseUrl: 'http://127.0.0.1:9/v1' }, { target })
        assert.equal(op.status, 'permanent-failed', target)
      }
      assert.equal((await deliver({}, { target: '/x' })).status, 'permanent-failed')
      assert.equal(seen.length, 0)
      assert.equal((await deliver({}, { target: `${other}/x` })).status, 'done')
    }))

  it('that cannot be made is given up', async () => {
    const init = { baseUrl: 'http://127.0.0.1:9' }
    const read = await deliver(init, { kind: 'http.get', payload: 'x' })
    assert.equal(read.status, 'permanent-failed')
    assert.match(read.lastError!, /GET takes no payload/)
    assert.equal((await deliver(init, { kind: 'http.trace' })).status, 'permanent-failed')
    assert.throws(() => new HttpTransport({ baseUrl: 'ftp://x' }), TypeError)
    assert.throws(() => new HttpTransport({ headers: { 'a b': 'c' } }), TypeError)
  })
})

describe('a server', () => {
  it('that has no time is asked again, after the back-off', async () => {
    for (const status of [408, 425, 429, 500, 503])
      await withServer(answer(status, {}, 'busy'), async baseUrl => {
        const op = await deliver({ baseUrl })
        assert.deepEqual([op.status, op.nextRetryAtMs], ['failed', 500])
        assert.match(op.lastError!, new RegExp(`^HTTP ${status} .*: busy$`))
      })
  })

  it('that says when is asked then, within an hour', async () => {
    const cases = [
      ['7', 7_000],
      ['999999999', 3_600_000],
      ['0', 500],
      ['soon', 500]
    ] as const
    for (const [header, atMs] of cases)
      await withServer(answer(429, { 'retry-after': header }), async baseUrl => {
        assert.equal((await deliver({ baseUrl })).nextRetryAtMs, atMs, header)
      })
    const clock = { now: () => Date.UTC(2030, 0, 1), schedule: () => ({ cancel: () => undefined }) }
    const header = { 'retry-after': 'Tue, 01 Jan 2030 00:00:30 GMT' }
    await withServer(answer(503, header), async baseUrl => {
      assert.equal((await deliver({ baseUrl, clock })).nextRetryAtMs, 30_000)
    })
  })

  it('that refuses is not asked again, and the first kilobyte of why is kept', () =>
    withServer(answer(400, { 'retry-after': '1' }, 'no '.repeat(10_000)), async (baseUrl, seen) => {
      const op = await deliver({ baseUrl })
      assert.equal(op.status, 'permanent-failed')
      assert.equal(op.lastError, `HTTP 400 Bad Request: ${'no '.repeat(400).slice(0, 1_024).trim()}`)
      assert.equal(seen.length, 1)
    }))

  it('that hangs is given up in time, and asked again', async () => {
    await withServer(
      () => undefined,
      async baseUrl => {
        const op = await deliver({ baseUrl }, {}, 100)
        assert.deepEqual([op.status, op.lastError], ['failed', 'no answer within 100 ms'])
      }
    )
  })

  it('that closes early is asked again', () =>
    withServer(
      (_, response) => response.destroy(),
      async baseUrl => {
        assert.equal((await deliver({ baseUrl })).status, 'failed')
      }
    ))

  it('that is away is asked again', async () => {
    const op = await deliver({ baseUrl: `http://127.0.0.1:${await freePort()}` })
    assert.equal(op.status, 'failed')
    assert.match(op.lastError!, /ECONNREFUSED/)
  })

  it('is believed by its status, whatever of its answer comes', async () => {
    const endless: Habit = (_, response) => {
      response.writeHead(200)
      const more = (): void => {
        while (response.writable && response.write('x'.repeat(65_536)));
        if (response.writable) response.once('drain', more)
      }
      more()
    }
    const cut: Habit = (_, response) => {
      response.writeHead(400, { 'content-length': '100' })
      response.write('because', () => response.destroy())
    }
    const slow: Habit = (_, response) => {
      response.writeHead(201)
      response.write('{')
    }
    await withServer(endless, async baseUrl => {
      assert.equal((await deliver({ baseUrl })).status, 'done')
    })
    await withServer(cut, async baseUrl => {
      assert.equal((await deliver({ baseUrl })).status, 'permanent-failed')
    })
    await withServer(slow, async baseUrl => {
      assert.equal((await deliver({ baseUrl })).status, 'done')
    })
  })
})

it('Retry-After is seconds or any of the three HTTP-dates', () => {
  const nowMs = Date.UTC(1994, 10, 6, 8, 49, 7)
  const cases = [
    ['120', 120_000],
    [' 5 ', 5_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['Sun Nov  6 08:49:37 1994', 30_000],
    ['Sun, 06 Nov 1994 08:49:07 GMT', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['1994-11-06T08:49:37Z', undefined],
    ['', undefined]
  ] as const
  for (const [header, waitMs] of cases) assert.equal(retryAfterMs(header, nowMs), waitMs, header)
  assert.equal(retryAfterMs(null, nowMs), undefined)
})
